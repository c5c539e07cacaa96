"""Runs silver for a batch of tables on Databricks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from lakehouse.alerting.task_failures import settings_of_task
from lakehouse.daily_run.databricks_runs import run_request
from lakehouse.operators.databricks_run_operator import DatabricksRunOperator, is_true
from lakehouse.operators.table_assets import announce

if TYPE_CHECKING:
    from datetime import date

    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context

    from lakehouse.ledger import LedgerRow
    from lakehouse.settings import Settings

CHANGED = {"refreshed", "rebuilt"}
"""Outcomes of a silver run that wrote rows."""


class BronzeToSilverOperator(DatabricksRunOperator):
    """Cleans, judges and stores a batch of tables of one business date in silver, by one Databricks run.

    Each table stands for itself: one that fails holds no other up, and the task's error names each with its cause. A
    further try, or a clear, works only on those that this run has not brought to silver yet.

    A fact whose contract refuses unknown keys is left out, and fails the task, where this run did not bring the
    dimensions to silver: judged against yesterday's keys it would refuse what is new today.

    When all are there, the asset of each table whose rows changed is added to each alias among its outlets
    (`table_assets`).

    Args:
        schema: source schema, the name of the contracts' folder.
        batch: `label` and `plans`, as `plan_silver` returned it; the label names the task's instance in Airflow.
        rebuild: make the tables anew from bronze alone; templated, so "True" counts too.
        accept_deletes: let a snapshot lose any number of keys; templated likewise.
        asked_for: somebody named the tables; templated likewise. This flag and the two before it send a run for a table
            that did not change too.
    """

    template_fields = (
        *DatabricksRunOperator.template_fields, "schema", "batch", "rebuild", "accept_deletes", "asked_for",
    )  # fmt: skip
    template_fields_renderers: ClassVar[dict[str, str]] = {"batch": "json"}

    def __init__(
        self,
        *,
        schema: str,
        batch: Any,
        rebuild: bool | str = False,
        accept_deletes: bool | str = False,
        asked_for: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.schema = schema
        self.batch: Mapping[str, Any] = batch
        self.rebuild = rebuild
        self.accept_deletes = accept_deletes
        self.asked_for = asked_for
        self._tables: list[str] = []

    def execute(self, context: Context) -> Any:
        """Submits the run of those tables of the batch that need one, and waits until it ends.

        Raises:
            AirflowFailException: dimensions that a table is judged against are missing; the others are done.
            AirflowException: Databricks refused the run, or it failed; the message names each table with its cause.
        """
        from datetime import date

        from lakehouse.daily_run.silver_work import Wishes, held_back, silver_work
        from lakehouse.daily_run.unchanged import quiet_day

        day = quiet_day(settings_of_task(), self.schema, date.fromisoformat(self.business_date), self.run_slug)
        rows = self._ledger()
        wishes = Wishes(is_true(self.rebuild), is_true(self.accept_deletes) or is_true(self.asked_for))
        work = silver_work(day, self.batch["plans"], rows, wishes)
        work.settle(day, self.log.info)
        self._tables = [plan["lake_name"] for plan in work.to_run if held_back(plan, rows) is None]
        if self._tables:
            super().execute(context)
        else:
            self._fail_for_missing()

    def execute_complete(self, context: dict[str, Any] | None, event: dict[str, Any]) -> None:
        """Ends the task when the run has ended; raises as `execute` does."""
        try:
            super().execute_complete(context, event)
        except AirflowException as error:
            raise AirflowException("\n".join([*self._failures(), str(error)])) from error
        self._fail_for_missing()
        tables = {plan["lake_name"] for plan in self.batch["plans"]}
        for row in self._ledger():
            if row.stage == "silver" and row.table in tables and row.outcome in CHANGED:
                announce(cast("Context", context), self.outlets, row)

    def _fail_for_missing(self) -> None:
        if missing := self._failures():
            raise AirflowFailException("\n".join(missing))

    def _failures(self) -> list[str]:
        """A line for each table of the batch that this run has not brought to silver, with the cause."""
        from lakehouse.daily_run.silver_work import failures

        return [f"{table}: {cause}" for table, cause in failures(self.batch["plans"], self._ledger()).items()]

    def _ledger(self) -> list[LedgerRow]:
        from lakehouse.lake.lake_root import lake_root
        from lakehouse.ledger import read_rows

        return read_rows(lake_root(settings_of_task()), self.schema, self.business_date, self.run_slug)

    def build_run(self, settings: Settings, business_date: date, attempt: str) -> dict[str, Any]:
        """The silver run of the tables that need one."""
        wishes = {"rebuild": self.rebuild, "accept_deletes": self.accept_deletes}
        return run_request(
            settings, "silver", schema=self.schema, tables=self._tables, business_date=business_date,
            run_slug=self.run_slug, attempt=attempt,
            choices={name: str(is_true(wish)).lower() for name, wish in wishes.items()},
        )  # fmt: skip

    def get_openlineage_facets_on_complete(self, _instance: object) -> OperatorLineage[Any, Any]:
        """Which columns of silver are made of which of bronze, by the contracts of the batch.

        Raises:
            ContractError: one of them is wrong; OpenLineage's provider logs that, and the task stays as it is.
        """
        from lakehouse.lineage.table_events import silver_lineage

        return silver_lineage(settings_of_task(), self.schema, [plan["lake_name"] for plan in self.batch["plans"]])
