# Docker for the test stage `containers`. Sourced by install.sh; only who wants it gets it (SETUP_CONTAINERS: "wanted").
#
# An engine that runs already is used; else root gets Debian's, which the stage starts by itself and ends. debootstrap makes
# images where none can be pulled. Compose comes as a package pinned by local/setup/containers.txt, since Debian has an old one.

SETUP_COMPOSE_PACKAGE="$LAKEHOUSE_REPOSITORY/local/setup/containers.txt"

if [ "${SETUP_CONTAINERS:-}" = wanted ]; then
    # Holds the program docker-compose.
    LAKEHOUSE_COMPOSE="${LAKEHOUSE_COMPOSE:-$LAKEHOUSE_CACHE/compose-$(digest_of "$SETUP_COMPOSE_PACKAGE")}"
    export LAKEHOUSE_COMPOSE
fi

docker_is_ready() {
    local path="$PATH:${SETUP_SBIN-/usr/sbin:/sbin}" program
    [ "${SETUP_CONTAINERS:-}" = wanted ] || return 0
    ! docker info >/dev/null 2>&1 || return 0
    for program in docker dockerd iptables ip debootstrap; do
        (PATH="$path" command -v "$program") >/dev/null || return 1
    done
}

# The folder appears whole or not at all.
compose_is_ready() { [ "${SETUP_CONTAINERS:-}" != wanted ] || [ -d "$LAKEHOUSE_COMPOSE" ]; }

install_compose() {
    ! compose_is_ready || return 0
    local work log="$LAKEHOUSE_CACHE/compose.log"
    setup_say "fetching Docker Compose (11 MB; log: $log)"
    work="$(mktemp -d "$LAKEHOUSE_CACHE/partial.XXXXXX")"
    fetch_packages "$log" "Docker Compose" "$SETUP_COMPOSE_PACKAGE" "$work"
    chmod 755 "$work"
    mv "$work/bin" "$LAKEHOUSE_COMPOSE"
    rm -rf "$work"
}
