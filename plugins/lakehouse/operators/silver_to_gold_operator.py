"""Refreshes one One Big Table on Databricks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakehouse.alerting.task_failures import settings_of_task
from lakehouse.daily_run.databricks_runs import run_request
from lakehouse.operators.databricks_run_operator import DatabricksRunOperator, is_true

if TYPE_CHECKING:
    from datetime import date

    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context

    from lakehouse.settings import Settings


class SilverToGoldOperator(DatabricksRunOperator):
    """Brings a One Big Table up to the present state of silver.

    Args:
        schema: source schema, the name of the contracts' folder.
        table: the One Big Table's name.
        rebuild: send a run though nothing changed; templated, so "True" counts too.
    """

    template_fields = (*DatabricksRunOperator.template_fields, "schema", "table", "rebuild")

    def __init__(self, *, schema: str, table: str, rebuild: bool | str = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.schema = schema
        self.table = table
        self.rebuild = rebuild
        self._is_unchanged = False

    def execute(self, context: Context) -> Any:
        """Submits the gold run; where nothing changed it notes that alone, and gives the figures."""
        if not is_true(self.rebuild):
            figures = self._unchanged()
            if figures is not None:
                self._is_unchanged = True
                return figures
        return super().execute(context)

    def _unchanged(self) -> dict[str, Any] | None:
        """Writes the ledger's row and gives its figures where no run need be sent; else None, and the log says why."""
        from datetime import date

        from lakehouse.daily_run.unchanged import ReasonToRunError, quiet_day
        from lakehouse.ledger import UNCHANGED_SINCE, write_row

        day = quiet_day(settings_of_task(), self.schema, date.fromisoformat(self.business_date), self.run_slug)
        try:
            row = day.gold_row(self.table)
        except ReasonToRunError as reason:
            self.log.info("a Databricks run is needed: %s", reason)
            return None
        write_row(day.lake, row)
        since = row.detail[UNCHANGED_SINCE]
        self.log.info("%s: unchanged since %s: no Databricks run", row.table, since)
        return {**row.summary(), UNCHANGED_SINCE: since}

    def build_run(self, settings: Settings, business_date: date, attempt: str) -> dict[str, Any]:
        """The gold run."""
        return run_request(
            settings, "gold", schema=self.schema, tables=[self.table], business_date=business_date,
            run_slug=self.run_slug, attempt=attempt,
        )  # fmt: skip

    def get_openlineage_facets_on_complete(self, _instance: object) -> OperatorLineage[Any, Any] | None:
        """Which columns of the One Big Table are made of which of silver, by the contracts; None where no run was sent.

        Raises:
            ContractError: one of them is wrong; OpenLineage's provider logs that, and the task stays as it is.
        """
        from lakehouse.lineage.table_events import gold_lineage

        return None if self._is_unchanged else gold_lineage(settings_of_task(), self.schema, self.table)
