#!/bin/sh
# The server listens only when its data folder is whole, so its TCP port shows both --connect and --innodb_initialized.
exec mariadb --defaults-file=/var/lib/mysql/.health.cnf --execute='DO 1'
