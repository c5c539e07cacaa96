"""Copies one MySQL table to bronze."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

if TYPE_CHECKING:
    from airflow.sdk import Context

    from lakehouse.copy_spec import CopyOutcome, CopySpec
    from lakehouse.lake_path import LakePath
    from lakehouse.mysql_source import MySqlSource
    from lakehouse.settings import Settings


class MySqlToBronzeOperator(BaseOperator):
    """Copies what changed in one table, verifies it against the source, publishes it, and keeps the run ledger.

    Its result (XCom) is the ledger row's figures as a dict: `outcome`, `rows_read`, `rows_written`, `bytes_written`,
    `seconds` and the `detail` of the copy.

    Args:
        mysql_conn_id: the Airflow connection of the source.
        plan: the table's plan, as `list_tables` returned it.
        business_date: ISO date of the run.
        run_slug: the run's name in paths.
    """

    template_fields = ("plan", "business_date", "run_slug")

    def __init__(self, *, mysql_conn_id: str, plan: Any, business_date: Any, run_slug: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mysql_conn_id = mysql_conn_id
        self.plan: Mapping[str, Any] = plan
        self.business_date: str = business_date
        self.run_slug: str = run_slug
        self._source: MySqlSource | None = None
        self._killed = False

    def execute(self, context: Context) -> dict[str, Any]:
        """Copies the table.

        Raises:
            AirflowFailException: what went wrong stays wrong when tried again (login, table, contract, setting).
            LakehouseError: the source or the lake was away, or the copy did not verify; Airflow tries again.
        """
        from lakehouse.copy_spec import CopyOutcome, CopySpec
        from lakehouse.errors import LakehouseError, SourceUnavailableError, StorageError, VerificationError
        from lakehouse.lake import lake_root
        from lakehouse.settings import settings_at_run

        started = datetime.now(UTC)
        try:
            settings = settings_at_run()
            lake = lake_root(settings)
        except LakehouseError as error:
            raise AirflowFailException(str(error)) from error
        try:
            # In a thread of its own: a signal (and so `on_kill`) waits while this one is inside the driver's C code.
            with ThreadPoolExecutor(1, "copy") as pool:
                copy = pool.submit(self._copy, settings, lake, CopySpec.from_plan(self.plan))
                try:
                    outcome = copy.result()
                except BaseException:
                    # A timeout stops this thread alone, and leaving the pool waits for the one that copies.
                    if not copy.done():
                        self.on_kill()
                    raise
        except LakehouseError as error:
            self._write_row(lake, CopyOutcome("failed"), started, str(error))
            if isinstance(error, SourceUnavailableError | StorageError | VerificationError):
                raise
            raise AirflowFailException(str(error)) from error
        for line in outcome.drift:
            self.log.warning("%s.%s: %s", self.plan["schema"], self.plan["table"], line)
        return self._write_row(lake, outcome, started, None)

    def on_kill(self) -> None:
        """Ends the session at the source, or keeps it from starting: the copy stops and removes what it wrote."""
        self._killed = True
        if self._source is not None:
            self._source.cancel()

    def _copy(self, settings: Settings, lake: LakePath, spec: CopySpec) -> CopyOutcome:
        from lakehouse.bronze_layout import bronze_root
        from lakehouse.bronze_writer import FileLimits
        from lakehouse.mysql_source import MySqlSource, connection_info
        from lakehouse.table_copy import CopyLimits, copy_table

        limits = CopyLimits(
            batch_rows=settings.copy_batch_rows, files=FileLimits(row_group_rows=settings.row_group_rows)
        )
        self._source = MySqlSource(connection_info(self.mysql_conn_id))
        if self._killed:
            self._source.cancel()
        with self._source as source:
            return copy_table(
                source,
                bronze_root(lake),
                spec,
                date.fromisoformat(self.business_date),
                self.run_slug,
                lambda: datetime.now(UTC),
                limits,
            )

    def _write_row(self, lake: LakePath, outcome: CopyOutcome, started: datetime, error: str | None) -> dict[str, Any]:
        from lakehouse.ledger import LedgerRow, write_row

        ended = datetime.now(UTC)
        status = "failed" if error else "skipped" if outcome.outcome == "no_snapshot" else "success"
        row = LedgerRow(
            schema=self.plan["schema"],
            table=self.plan["table"],
            stage="copy",
            business_date=self.business_date,
            run_id=self.run_slug,
            status=status,
            outcome=outcome.outcome,
            rows_read=outcome.rows_read,
            rows_written=outcome.rows_written,
            bytes_written=outcome.bytes_written,
            seconds=round((ended - started).total_seconds(), 3),
            started_at=started.isoformat(),
            ended_at=ended.isoformat(),
            error=error,
            detail=outcome.detail(),
        )
        write_row(lake, row)
        self.log.info("%s.%s: %s", row.schema, row.table, row.summary())
        return {**row.summary(), "detail": dict(row.detail)}
