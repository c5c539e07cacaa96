"""The MySQL source by its Airflow connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

if TYPE_CHECKING:
    from lakehouse.source.mysql_source import MySqlSource
    from lakehouse.source.source_connection import ConnectionInfo


class MySqlSourceHook(BaseHook):
    """Sessions on the source.

    Not the provider's `MySqlHook`: the copy needs every value as the bytes that the server sent, and a login that gives
    the password to no server which is not verified.

    Args:
        mysql_conn_id: the Airflow connection, of type `mysql`.
    """

    conn_name_attr = "mysql_conn_id"
    default_conn_name = "mysql_onprem"
    conn_type = "mysql"
    hook_name = "MySQL source of the lakehouse"

    def __init__(self, mysql_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mysql_conn_id = mysql_conn_id

    def info(self) -> ConnectionInfo:
        """Where the source is and who asks.

        Raises:
            SourceError: there is no such connection, or its extra cannot be used.
        """
        from lakehouse.source.source_connection import connection_info

        return connection_info(self.mysql_conn_id)

    def get_conn(self) -> MySqlSource:
        """A session that is yet to be entered: `with hook.get_conn() as source`.

        Raises:
            SourceError: there is no such connection, or its extra cannot be used.
        """
        from lakehouse.source.mysql_source import MySqlSource

        return MySqlSource(self.info())

    def test_connection(self, schema: str | None = None) -> tuple[bool, str]:
        """Whether every table of a schema can be read, and if not, what to do; each grant that is missing is named.

        Args:
            schema: None: the connection's.
        """
        from lakehouse.errors import SourceError, SourceUnavailableError
        from lakehouse.source.sql_text import quote_identifier

        try:
            info = self.info()
            name = schema or info.database
            if name is None:
                return False, f"{info.label}: no schema is named: add it to the connection"
            missing = []
            with self.get_conn() as source:
                tables = source.tables(name)
                for table in tables:
                    try:
                        source.rows(f"SELECT * FROM {quote_identifier(name)}.{quote_identifier(table.name)} LIMIT 0")
                    except SourceUnavailableError:
                        raise
                    except SourceError as error:
                        missing.append(str(error))
        except SourceError as error:
            return False, str(error)
        if missing:
            return False, "\n".join(missing)
        return True, f"{info.label} reads the {len(tables)} tables and views of {name}"
