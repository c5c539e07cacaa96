"""Waits for the MySQL source to answer, without holding a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout

if TYPE_CHECKING:
    from airflow.sdk import Context


class MySqlReadySensor(BaseSensorOperator):
    """True once the server answers and shows the schema to our user.

    An unreachable server is waited for; a refused login or a missing schema never heals by waiting and fails at once.

    Args:
        mysql_conn_id: the Airflow connection of the source.
        schema: the MySQL schema that the run copies.
    """

    template_fields = ("mysql_conn_id", "schema")

    def __init__(self, *, mysql_conn_id: str, schema: str, **kwargs: Any) -> None:
        super().__init__(mode="reschedule", **kwargs)
        self.mysql_conn_id = mysql_conn_id
        self.schema = schema
        self._away: str | None = None

    def execute(self, context: Context) -> Any:
        """Waits for the source.

        Raises:
            AirflowFailException: the login is refused, or the schema is missing or empty.
            AirflowSensorTimeout: the server stayed away too long; the message says how it could not be reached.
        """
        try:
            return super().execute(context)
        except AirflowSensorTimeout as error:
            raise AirflowSensorTimeout(f"{self._away}. {error}") from error

    def poke(self, context: Context) -> bool:
        """Asks the server for the schema's tables.

        Raises:
            AirflowFailException: the login is refused, or the schema is missing or empty.
        """
        from lakehouse.errors import SourceError, SourceUnavailableError
        from lakehouse.hooks.mysql_source_hook import MySqlSourceHook

        try:
            with MySqlSourceHook(self.mysql_conn_id).get_conn() as source:
                tables = source.tables(self.schema)
        except SourceUnavailableError as error:
            self._away = str(error)
            self.log.warning("%s; trying again in %s seconds", error, self.poke_interval)
            return False
        except SourceError as error:
            raise AirflowFailException(str(error)) from error
        self.log.info("%s shows %s tables and views", self.schema, len(tables))
        return True
