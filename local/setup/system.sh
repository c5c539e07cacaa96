# System packages: a JDK for Spark, MariaDB's server, what compiles mysqlclient, and npm and Chromium for tests. Sourced by install.sh.

SETUP_JVM_FOLDER="${SETUP_JVM_FOLDER:-/usr/lib/jvm}"

# Spark 4.1 runs on Java 17 and 21. Sets JAVA_HOME to the first such JDK: the caller's, then PATH's, then any installed.
java_is_ready() {
    local home on_path
    on_path="$(command -v java || true)"
    [ -z "$on_path" ] || on_path="$(dirname "$(dirname "$(readlink -f "$on_path")")")"
    for home in "${JAVA_HOME:-}" "$on_path" "$SETUP_JVM_FOLDER"/*17* "$SETUP_JVM_FOLDER"/*21*; do
        if [ -n "$home" ] && [ -x "$home/bin/java" ] &&
            grep -qsE '^JAVA_VERSION="(17|21)([."]|$)' "$home/release"; then
            export JAVA_HOME="$home"
            return 0
        fi
    done
    return 1
}

# Debian keeps the server in /usr/sbin, which an ordinary user's PATH lacks.
mariadb_is_ready() {
    local path="$PATH:${SETUP_SBIN-/usr/sbin:/usr/local/sbin}"
    (PATH="$path" command -v mariadbd && PATH="$path" command -v mariadb-install-db) >/dev/null
}

compiler_is_ready() {
    command -v gcc >/dev/null && command -v pkg-config >/dev/null &&
        { pkg-config --exists libmariadb || pkg-config --exists mysqlclient; }
}

# npm brings Azurite and Chromium opens the pages, which only tests need (SETUP_NPM, SETUP_CHROMIUM: "wanted"): who may not
# install them goes without, and those tests are skipped.
npm_is_ready() { tests_program_is_ready npm "${SETUP_NPM:-}"; }
chromium_is_ready() { tests_program_is_ready chromium "${SETUP_CHROMIUM:-}"; }
tests_program_is_ready() {
    [ "$2" != wanted ] || command -v "$1" >/dev/null || [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null
}

# Names, one a line, of the Debian packages that are needed and missing.
missing_packages() {
    java_is_ready || echo openjdk-17-jre-headless
    # The -core packages hold the programs without the system-wide service, which nobody here needs.
    mariadb_is_ready || printf '%s\n' mariadb-server-core mariadb-client-core
    npm_is_ready || echo npm
    chromium_is_ready || echo chromium
    docker_is_ready || printf '%s\n' docker.io iptables iproute2 debootstrap
    if ! python_is_ready; then
        find_python || printf '%s\n' python3 python3-venv python3-dev
        # mysqlclient has no wheel for Linux.
        compiler_is_ready || printf '%s\n' gcc libc6-dev pkg-config libmariadb-dev
    fi
}

install_system_packages() {
    local packages
    packages="$(missing_packages)"
    if [ -n "$packages" ]; then
        if ! command -v apt-get >/dev/null; then
            setup_fail "these are missing (by their Debian names), and there is no apt-get to install them:" $packages
        fi
        if [ "$(id -u)" -ne 0 ]; then
            setup_fail "these are missing, and only root may install them; run:" \
                "sudo apt-get update && sudo apt-get install --yes --no-install-recommends" $packages
        fi
        apt_install $packages
    fi
    java_is_ready || setup_fail "no Java 17 or 21 was found after the installation; set JAVA_HOME to one"
    mariadb_is_ready || setup_fail "mariadbd was not found after the installation; put MariaDB's server on PATH"
}

apt_install() {
    local log="$LAKEHOUSE_CACHE/apt.log" package names=()
    setup_say "reading the list of system packages (apt-get update)"
    run_logged "$log" apt-get update
    for package in "$@"; do names+=("$(available_name "$package")"); done
    setup_say "installing ${names[*]}"
    run_logged "$log" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${names[@]}"
}

# The package itself, or what releases without it have in its place.
available_name() {
    local name
    case "$1" in
    openjdk-17-jre-headless) set -- "$1" openjdk-21-jre-headless ;;
    mariadb-server-core) set -- "$1" mariadb-server-core-10.6 ;;
    mariadb-client-core) set -- "$1" mariadb-client-core-10.6 ;;
    esac
    for name in "$@"; do
        if apt-cache policy "$name" | grep -qE '^ *Candidate: [^(]'; then
            echo "$name"
            return 0
        fi
    done
    echo "$1"
}

# Runs a command with its output in a file; shows the end of it when the command fails.
run_logged() {
    local log="$1"
    shift
    if ! "$@" >"$log" 2>&1 </dev/null; then
        tail -n 15 "$log" >&2
        setup_fail "this command failed (all of its output is in $log): $*"
    fi
}
