#!/bin/bash
# Makes the data folder once (MARIADB_DATABASE, MARIADB_ROOT_PASSWORD, /docker-entrypoint-initdb.d), and becomes the
# server, with the arguments that it is given.
set -eu
data=/var/lib/mysql socket=/run/mysqld/mysqld.sock

docker_process_sql() { mariadb --socket="$socket" --user=root "$@"; }

docker_sql_escape_string_literal() {
    local text="${1//\\/\\\\}"
    echo "${text//\'/\\\'}"
}

if [ ! -e "$data/.complete" ]; then
    find "$data" -mindepth 1 -delete
    mariadb-install-db --no-defaults --datadir="$data" --auth-root-authentication-method=normal --skip-test-db >/dev/null
    mariadbd --no-defaults --datadir="$data" --socket="$socket" --skip-networking &
    server=$!
    until docker_process_sql --execute='DO 1' >/dev/null 2>&1; do
        kill -0 $server
        sleep 0.2
    done
    health="$(head -c 24 /dev/urandom | base64)"
    docker_process_sql <<SQL
CREATE DATABASE \`$MARIADB_DATABASE\`;
CREATE USER healthcheck@localhost IDENTIFIED BY '$health', healthcheck@'127.0.0.1' IDENTIFIED BY '$health';
SQL
    (umask 077 && printf '[client]\nprotocol=tcp\nhost=127.0.0.1\nuser=healthcheck\npassword=%s\n' "$health" >"$data/.health.cnf")
    for file in /docker-entrypoint-initdb.d/*.sh; do
        . "$file"
    done
    docker_process_sql <<SQL
ALTER USER root@localhost IDENTIFIED BY '$(docker_sql_escape_string_literal "$MARIADB_ROOT_PASSWORD")';
SQL
    kill $server
    wait $server
    touch "$data/.complete"
fi
exec mariadbd --no-defaults --datadir="$data" --socket="$socket" --bind-address=0.0.0.0 "$@"
