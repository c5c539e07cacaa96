# Sourced by the MariaDB image when it makes its data folder: the two accounts of the demo source, as
# local/mysql_server.py makes them. owner may do anything in the source schema, lakehouse may only read it.

docker_process_sql --database=mysql <<SQL
CREATE USER 'owner'@'%' IDENTIFIED BY '$(docker_sql_escape_string_literal "$MYSQL_OWNER_PASSWORD")';
GRANT ALL PRIVILEGES ON \`atliqsale\`.* TO 'owner'@'%';
CREATE USER 'lakehouse'@'%' IDENTIFIED BY '$(docker_sql_escape_string_literal "$MYSQL_LAKEHOUSE_PASSWORD")';
GRANT SELECT ON \`atliqsale\`.* TO 'lakehouse'@'%';
SQL
