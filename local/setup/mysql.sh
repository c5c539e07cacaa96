# MySQL itself, for the tests that run on both servers and for whoever asks the demo or a benchmark for it. Sourced by
# install.sh; only those who want it fetch it (SETUP_MYSQL=wanted).
#
# Of Debian's suites sid alone has it. Its packages are fetched from the mirror that this machine's apt uses, checked by
# apt against Debian's signature, and unpacked into the cache with the C library that they were built for: nothing is
# installed, and no root is needed. Where that cannot be, SETUP_MYSQL_MISSING says why, and tests on MySQL are skipped.

export LAKEHOUSE_MYSQL="${LAKEHOUSE_MYSQL:-$LAKEHOUSE_CACHE/mysql}"
SETUP_MYSQL_MISSING=""

# The folder appears whole or not at all.
mysql_is_ready() { [ "${SETUP_MYSQL:-}" != wanted ] || [ -x "$LAKEHOUSE_MYSQL/usr/sbin/mysqld" ]; }

install_mysql() {
    ! mysql_is_ready || return 0
    local mirror work log="$LAKEHOUSE_CACHE/mysql.log" keyring="" option=""
    if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
        go_without_mysql "there is no apt-get to fetch Debian's packages with"
        return 0
    fi
    mirror="$(debian_mirror)"
    if [ -z "$mirror" ]; then
        go_without_mysql "apt's sources name no mirror of Debian"
        return 0
    fi
    setup_say "fetching MySQL from Debian's suite sid (log: $log)"
    mkdir -p "$(dirname "$LAKEHOUSE_MYSQL")"
    work="$(mktemp -d "$(dirname "$LAKEHOUSE_MYSQL")/partial.XXXXXX")"
    for keyring in /usr/share/keyrings/debian-archive-keyring.pgp /usr/share/keyrings/debian-archive-keyring.gpg; do
        [ ! -r "$keyring" ] || { option="[signed-by=$keyring] " && break; }
    done
    mkdir -p "$work"/{lists/partial,cache/archives/partial,root}
    printf 'deb %s%s sid main\n' "$option" "$mirror" >"$work/sid.list"
    # Of an empty machine, so that every library comes along, and none of this machine's is needed.
    : >"$work/status"
    printf '%s\n' "Dir::Etc::sourcelist \"$work/sid.list\";" 'Dir::Etc::sourceparts "-";' 'Dir::Etc::preferencesparts "-";' \
        "Dir::State::lists \"$work/lists\";" "Dir::State::status \"$work/status\";" "Dir::Cache \"$work/cache\";" \
        "APT::Sandbox::User \"$(id -un)\";" 'APT::Install-Recommends "false";' 'Debug::NoLocking "true";' >"$work/apt.conf"
    if ! fetch_mysql "$work" >"$log" 2>&1 </dev/null; then
        go_without_mysql "its packages could not be had from sid: $(tail -n 1 "$log") (all of it is in $log)"
        rm -rf "$work"
        return 0
    fi
    chmod 755 "$work/root"
    rm -rf "$LAKEHOUSE_MYSQL"
    mv "$work/root" "$LAKEHOUSE_MYSQL"
    rm -rf "$work"
}

go_without_mysql() {
    SETUP_MYSQL_MISSING="$1"
    setup_say "going without MySQL: $1"
}

# The address of the first mirror in apt's sources that has Debian itself.
debian_mirror() {
    apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 2>/dev/null | grep -m 1 -E '/debian/?$' || true
}

fetch_mysql() {
    local package
    export APT_CONFIG="$1/apt.conf"
    apt-get update && apt-get install --yes --download-only mysql-server-core || return 1
    for package in "$1"/cache/archives/*.deb; do dpkg-deb --extract "$package" "$1/root" || return 1; done
    [ -x "$1/root/usr/sbin/mysqld" ]
}
