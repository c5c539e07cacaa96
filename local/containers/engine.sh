#!/usr/bin/env bash
# Docker's engine, and after its end this machine as it was before:
#
#   engine.sh RUN DATA    the folder of its sockets, and of what was found here; the folder of its images
#
# By itself the engine leaves its bridges, its rules, a ban on forwarding packets for anybody else, and at times a mount.
# Where this script was killed, its next start cleans up. Where docker0 is there before it, another engine owns the network.

set -euo pipefail
run="$1" data="$2"
found="$run/network" pid_file="$run/docker.pid"

# Its own rules name its chains or bridges; but the last kind, by which a container meets its own port.
OWN_RULES='/DOCKER|docker0|br-[0-9a-f]{12}/d; /-s ([0-9.]+\/32) -d \1 .*-j MASQUERADE/d'

note_network() {
    local policy
    [ ! -d /sys/class/net/docker0 ] || return 0
    policy="$(iptables -S FORWARD | sed -n 's/^-P FORWARD //p')"
    # The file appears whole or not at all.
    printf '%s %s\n' "$policy" "$(cat /proc/sys/net/ipv4/ip_forward)" >"$found.partial"
    mv "$found.partial" "$found"
}

clean_up() {
    local policy forwards bridge
    awk -v data="$data" -v run="$run" '$5 == data || index($5, data "/") == 1 || index($5, run "/") == 1 { print $5 }' \
        /proc/self/mountinfo | sort --reverse | xargs --no-run-if-empty umount --lazy
    [ -f "$found" ] || return 0
    read -r policy forwards <"$found"
    for bridge in /sys/class/net/*/bridge; do
        bridge="$(basename "$(dirname "$bridge")")"
        [[ ! "$bridge" =~ ^(docker0|br-[0-9a-f]{12})$ ]] || ip link delete "$bridge"
    done
    iptables-save --counters | sed -E "$OWN_RULES" | iptables-restore --counters
    iptables --policy FORWARD "$policy"
    echo "$forwards" >/proc/sys/net/ipv4/ip_forward
    rm "$found"
}

# Waits where a killed stage's engine, or one whose script was killed, is still on its way out.
await_the_last_one() {
    local pid
    exec 9>"$found.lock"
    flock --wait 25 9 || return 1
    pid="$(cat "$pid_file" 2>/dev/null || true)"
    if [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null || true)" = dockerd ]; then
        timeout 25 tail --pid="$pid" --follow /dev/null || return 1
    fi
    # Of one that was killed; the engine would take any process of this number for a living one.
    rm -f "$pid_file"
}

if ! await_the_last_one; then
    echo "another stage's engine runs: wait for its end" >&2
    exit 1
fi
clean_up
note_network
engine=""
trap '[ -z "$engine" ] || kill -TERM "$engine" 2>/dev/null || true' TERM
setpriv --pdeathsig TERM dockerd --data-root "$data" --exec-root "$run/exec" --pidfile "$pid_file" \
    --host "unix://$run/docker.sock" 9>&- &
engine=$!
status=0
# A signal ends the waiting, and not yet the engine.
while kill -0 "$engine" 2>/dev/null; do
    status=0
    wait "$engine" || status=$?
done
clean_up
exit $status
