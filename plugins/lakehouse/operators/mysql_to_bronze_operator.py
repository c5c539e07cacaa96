"""Copies one MySQL table to bronze."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, AirflowTaskTimeout

from lakehouse.operators.table_assets import announce

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context

    from lakehouse.bronze.copy_run import CopyRun
    from lakehouse.ledger import LedgerRow


class MySqlToBronzeOperator(BaseOperator):
    """Copies what changed in one table, verifies it against the source, publishes it, and keeps the run ledger.

    Its result (XCom) is the ledger row's figures as a dict: `outcome`, `rows_read`, `rows_written`, `bytes_written`,
    `seconds` and the `detail` of the copy.

    A table without a contract is best-effort: if its copy fails, that is noted in the ledger, the task is skipped, and
    `report` fails the run at the end.

    Where rows were copied, the table's asset is added to each alias among its outlets (`table_assets`).

    Args:
        mysql_conn_id: the Airflow connection of the source.
        plan: the table's plan, as `list_tables` returned it.
        business_date: ISO date of the run.
        run_slug: the run's name in paths.
    """

    template_fields = ("mysql_conn_id", "plan", "business_date", "run_slug")
    template_fields_renderers: ClassVar[dict[str, str]] = {"plan": "json"}

    def __init__(self, *, mysql_conn_id: str, plan: Any, business_date: Any, run_slug: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mysql_conn_id = mysql_conn_id
        self.plan: Mapping[str, Any] = plan
        self.business_date: str = business_date
        self.run_slug: str = run_slug
        self._run: CopyRun | None = None
        self._done: LedgerRow | None = None
        self._killed = False

    def execute(self, context: Context) -> dict[str, Any]:
        """Copies the table.

        Raises:
            AirflowFailException: what went wrong stays wrong when tried again (login, table, contract, setting).
            LakehouseError: the source or the lake was away, or the copy did not verify; Airflow tries again.
            AirflowSkipException: the table has no contract, and its copy failed for good.
        """
        import msgspec

        from lake_model.contracts.copy_spec import CopySpec
        from lakehouse.bronze.copy_run import CopyRun
        from lakehouse.errors import LakehouseError
        from lakehouse.hooks.mysql_source_hook import MySqlSourceHook
        from lakehouse.lake.lake_root import lake_root
        from lakehouse.settings import settings_at_run

        try:
            settings = settings_at_run()
            lake = lake_root(settings)
        except LakehouseError as error:
            raise AirflowFailException(str(error)) from error
        self._run = CopyRun(
            lake,
            msgspec.convert(self.plan, CopySpec),
            date.fromisoformat(self.business_date),
            self.run_slug,
            settings,
            MySqlSourceHook(self.mysql_conn_id).info,
            lambda: datetime.now(UTC),
        )
        if self._killed:
            self._run.stop()
        if self.plan["contracted"]:
            return self._copy(self._run, context)
        started = datetime.now(UTC)
        try:
            return self._copy(self._run, context)
        except (Exception, AirflowTaskTimeout) as error:
            instance = context["ti"]
            may_heal = not isinstance(error, AirflowFailException | AirflowTaskTimeout)
            if self._killed or (may_heal and instance.try_number <= instance.max_tries):
                raise
            # Of an error of our own the copy has written the row already; of a timeout it has not.
            self._run.note_failure(started, error)
            raise AirflowSkipException(f"{self.plan['table']} has no contract and was not copied: {error}") from error

    def _copy(self, run: CopyRun, context: Context) -> dict[str, Any]:
        from lakehouse.errors import LakehouseError, SourceUnavailableError, StorageError, VerificationError

        try:
            row = run.execute()
        except (SourceUnavailableError, StorageError, VerificationError):
            raise
        except LakehouseError as error:
            raise AirflowFailException(str(error)) from error
        self._done = row
        for line in (*row.detail["drift"], *row.detail["notes"]):
            self.log.warning("%s.%s: %s", row.schema, row.table, line)
        self.log.info("%s.%s: %s", row.schema, row.table, row.summary())
        if row.outcome == "copied":
            announce(context, self.outlets, row)
        return {**row.summary(), "detail": dict(row.detail)}

    def on_kill(self) -> None:
        """Ends the session at the source, or keeps it from starting: the copy stops and removes what it wrote."""
        self._killed = True
        if self._run is not None:
            self._run.stop()

    def get_openlineage_facets_on_complete(self, _instance: object) -> OperatorLineage[Any, Any] | None:
        """Which columns of bronze are copied from which of MySQL; None where nothing was landed.

        Raises:
            LakehouseError: bronze cannot be read; OpenLineage's provider logs that, and the task stays as it is.
        """
        from lakehouse.alerting.task_failures import settings_of_task
        from lakehouse.hooks.mysql_source_hook import MySqlSourceHook
        from lakehouse.lineage.table_events import copy_lineage

        if self._done is None:
            return None
        return copy_lineage(settings_of_task(), MySqlSourceHook(self.mysql_conn_id).info(), self._done)
