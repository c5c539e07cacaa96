/* The bare wire: drains SELECTs with MariaDB's C client and keeps nothing. No way of copying can be faster.
 *
 * Usage: wire HOST PORT USER SCHEMA, the password in the environment variable MYSQL_PWD.
 * It speaks like bench/worker.py: a line when it is ready, and for every line read, which must be names of tables
 * with blanks between them, a line when it has drained them.
 */
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int drain(char **arguments, const char *table)
{
    char query[512];
    MYSQL *connection = mysql_init(NULL);
    MYSQL_RES *result;

    mysql_options(connection, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (!mysql_real_connect(connection, arguments[1], arguments[3], getenv("MYSQL_PWD"), arguments[4],
                            (unsigned int)atoi(arguments[2]), NULL, 0))
        goto failed;
    snprintf(query, sizeof query, "SELECT * FROM `%s`", table);
    if (mysql_query(connection, query) || !(result = mysql_use_result(connection)))
        goto failed;
    while (mysql_fetch_row(result))
        ;
    if (mysql_errno(connection))
        goto failed;
    mysql_free_result(result);
    mysql_close(connection);
    return 0;
failed:
    printf("{\"error\": \"the C client failed with MySQL's error %u\"}\n", mysql_errno(connection));
    mysql_close(connection);
    return 1;
}

int main(int count, char **arguments)
{
    static char tables[65536];
    int failed;

    if (count != 5) {
        fprintf(stderr, "usage: wire HOST PORT USER SCHEMA\n");
        return 2;
    }
    printf("{\"ready\": {\"libmariadb\": \"%s\"}}\n", mysql_get_client_info());
    fflush(stdout);
    while (fgets(tables, sizeof tables, stdin)) {
        failed = 0;
        for (char *table = strtok(tables, " \n"); table && !failed; table = strtok(NULL, " \n"))
            failed = drain(arguments, table);
        if (!failed)
            printf("{\"done\": true}\n");
        fflush(stdout);
    }
    return 0;
}
