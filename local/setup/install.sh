# Sets up what the project needs before Python runs. Sourced by bin/demo and bin/test:
#
#     . local/setup/install.sh
#
# Afterwards .venv holds the lock file's packages, JAVA_HOME names a JDK for Spark, LAKEHOUSE_DELTA_JARS the folder of
# Delta's jars, and MariaDB's server is installed. It says what it does; where nothing is missing it is silent and takes
# a moment. As root it installs missing system packages with apt; otherwise it names them and the command, and ends the
# script with status 1.
#
# Environment: LAKEHOUSE_CACHE  where downloads are kept for all clones (default ~/.cache/lakehouse)
#              LAKEHOUSE_MYSQL  where MySQL is, or is unpacked (default: in the cache)
#              SETUP_NPM        "wanted": root installs npm too
#              SETUP_CHROMIUM   "wanted": root installs Chromium too
#              SETUP_MYSQL      "wanted": MySQL is fetched too
#              SETUP_INFRA      "wanted": the schemas of Terraform's providers, and Databricks' model of its bundles
#              SETUP_TOFU       "wanted": OpenTofu, built by Go
#              SETUP_CONTAINERS "wanted": Docker and its Compose

set -euo pipefail

LAKEHOUSE_REPOSITORY="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
LAKEHOUSE_CACHE="${LAKEHOUSE_CACHE:-$HOME/.cache/lakehouse}"
export LAKEHOUSE_CACHE

setup_say() { printf 'setup: %s\n' "$*" >&2; }

setup_fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

. "$LAKEHOUSE_REPOSITORY/local/setup/system.sh"
. "$LAKEHOUSE_REPOSITORY/local/setup/python.sh"
. "$LAKEHOUSE_REPOSITORY/local/setup/delta_jars.sh"
. "$LAKEHOUSE_REPOSITORY/local/setup/mysql.sh"
. "$LAKEHOUSE_REPOSITORY/local/setup/infra.sh"
. "$LAKEHOUSE_REPOSITORY/local/setup/containers.sh"

setup_everything() {
    if python_is_ready && java_is_ready && mariadb_is_ready && npm_is_ready && chromium_is_ready && delta_jars_are_ready &&
        mysql_is_ready && infra_is_ready && tofu_is_ready && docker_is_ready && compose_is_ready; then
        return 0
    fi
    mkdir -p "$LAKEHOUSE_CACHE"
    # One setup at a time: a second demo of the same clone waits here, and then finds all done.
    exec 9>"$LAKEHOUSE_CACHE/setup.lock"
    if ! flock --nonblock 9; then
        setup_say "waiting for another setup to end"
        flock 9
    fi
    local started=$SECONDS
    install_system_packages
    install_python_packages
    install_delta_jars
    install_mysql
    install_infra
    install_tofu
    install_compose
    exec 9>&-
    setup_say "done in $((SECONDS - started)) s"
}

setup_everything

# Some images keep Python from storing what it compiled. Here each of a dozen processes would compile Airflow anew.
unset PYTHONDONTWRITEBYTECODE
