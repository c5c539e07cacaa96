# The Python environment .venv, filled from the lock file. Sourced by install.sh.

SETUP_VENV="$LAKEHOUSE_REPOSITORY/.venv"
SETUP_STAMP="$SETUP_VENV/requirements.sha256"

lock_hash() { sha256sum <"$LAKEHOUSE_REPOSITORY/requirements.txt"; }

# The stamp is written last, so that an interrupted installation is taken up again.
python_is_ready() {
    [ -x "$SETUP_VENV/bin/python" ] && [ -f "$SETUP_STAMP" ] && [ "$(lock_hash)" = "$(cat "$SETUP_STAMP")" ]
}

# Sets SETUP_PYTHON to a Python 3.11 or 3.12 that can make environments and compile extensions.
find_python() {
    local candidate
    # A pyenv shim is on PATH even where pyenv's chosen version has no such program; hence every candidate is run.
    for candidate in python3.11 python3.12 python3 \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[12].*/bin/python "${SETUP_BIN-/usr/bin}"/python3.1[12] "${SETUP_BIN-/usr/bin}/python3"; do
        if "$candidate" - >/dev/null 2>&1 <<'PYTHON'; then
import ensurepip, pathlib, sys, sysconfig, venv
suitable = sys.version_info[:2] in {(3, 11), (3, 12)}
sys.exit(not (suitable and pathlib.Path(sysconfig.get_path("include"), "Python.h").exists()))
PYTHON
            SETUP_PYTHON="$("$candidate" -c 'import sys; print(sys.executable)')"
            return 0
        fi
    done
    return 1
}

# Sets SETUP_UV to a uv that runs, installing one into an environment of its own; fails where none can be had.
find_uv() {
    local bootstrap="$LAKEHOUSE_CACHE/uv"
    for SETUP_UV in uv "$bootstrap/bin/uv"; do
        ! "$SETUP_UV" --version >/dev/null 2>&1 || return 0
    done
    setup_say "installing uv, which installs the rest faster"
    "$SETUP_PYTHON" -m venv --clear "$bootstrap" >/dev/null 2>&1 &&
        "$bootstrap/bin/python" -m pip install --quiet --disable-pip-version-check \
            --require-hashes --requirement "$LAKEHOUSE_REPOSITORY/local/setup/uv.txt" >/dev/null 2>&1
}

# Puts the packages of a lock into a folder of their own; fails where they cannot be had.
#   fetch_packages LOG WHAT LOCK FOLDER
fetch_packages() {
    find_python && find_uv || setup_fail "uv cannot be had, which fetches $2"
    run_logged "$1" "$SETUP_UV" pip install --python "$SETUP_VENV/bin/python" --quiet --no-deps --require-hashes \
        --target "$4" --requirement "$3"
}

sync_with_uv() {
    [ -d "$SETUP_VENV" ] || "$SETUP_UV" venv --python "$SETUP_PYTHON" "$SETUP_VENV" || return 1
    VIRTUAL_ENV="$SETUP_VENV" "$SETUP_UV" pip sync --require-hashes "$LAKEHOUSE_REPOSITORY/requirements.txt"
}

install_python_packages() {
    ! python_is_ready || return 0
    find_python || setup_fail "no Python 3.11 or 3.12 with its venv module and headers was found; install one" \
        "(Debian 12: python3 python3-venv python3-dev) and put it on PATH"
    compiler_is_ready || setup_fail "gcc, pkg-config and MariaDB's client headers are needed to compile mysqlclient" \
        "(Debian: gcc pkg-config libmariadb-dev)"
    local version lock="$LAKEHOUSE_REPOSITORY/requirements.txt" log="$LAKEHOUSE_CACHE/python-packages.log" hash
    hash="$(lock_hash)"
    version="$("$SETUP_PYTHON" -c 'import platform; print(platform.python_version())')"
    if ! "$SETUP_VENV/bin/python" -c 'import sys; sys.exit(sys.version_info[:2] not in {(3, 11), (3, 12)})' 2>/dev/null; then
        rm -rf "$SETUP_VENV"
    fi
    setup_say "installing the Python $version packages of requirements.txt into .venv (log: $log)"
    if ! { find_uv && sync_with_uv >"$log" 2>&1 </dev/null; }; then
        setup_say "uv cannot be had or failed; trying pip, which takes several minutes"
        [ -d "$SETUP_VENV" ] || run_logged "$log" "$SETUP_PYTHON" -m venv "$SETUP_VENV"
        "$SETUP_VENV/bin/python" -m pip --version >/dev/null 2>&1 ||
            run_logged "$log" "$SETUP_VENV/bin/python" -m ensurepip
        run_logged "$log" "$SETUP_VENV/bin/python" -m pip install --disable-pip-version-check \
            --require-hashes --requirement "$lock"
    fi
    printf '%s\n' "$hash" >"$SETUP_STAMP"
}
