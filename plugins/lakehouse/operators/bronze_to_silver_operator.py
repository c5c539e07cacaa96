"""Runs silver for one table on Databricks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk.exceptions import AirflowException, AirflowSkipException

from lakehouse.daily_run.databricks_runs import silver_run
from lakehouse.operators.databricks_run_operator import DatabricksRunOperator

if TYPE_CHECKING:
    from datetime import date

    from airflow.sdk import Context

    from lakehouse.settings import Settings


LOOK_AGAIN = timedelta(seconds=20)
LONGEST_WAIT = timedelta(hours=1)


class BronzeToSilverOperator(DatabricksRunOperator):
    """Cleans, judges and stores one table of one business date in silver.

    A table without a contract, and a dimension that has no landed snapshot for the date, are skipped: the first
    has no silver, the second would need invented history.

    A fact whose contract refuses unknown keys waits, deferred, until this run has the dimensions in silver: judged
    against yesterday's keys it would refuse what is new today.

    Args:
        plan: the table's plan, as `list_tables` returned it.
        copied: what `copy_to_bronze` returned for the same table.
        rebuild: make the table anew from bronze alone; templated, so "True" counts too.
        accept_deletes: let a snapshot lose any number of keys; templated likewise.
    """

    template_fields = (*DatabricksRunOperator.template_fields, "plan", "copied", "rebuild", "accept_deletes")

    def __init__(
        self, *, plan: Any, copied: Any, rebuild: bool | str = False, accept_deletes: bool | str = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.plan: Mapping[str, Any] = plan
        self.copied: Mapping[str, Any] = copied
        self.rebuild = rebuild
        self.accept_deletes = accept_deletes

    def execute(self, context: Context) -> None:
        """Submits the silver run.

        Raises:
            AirflowSkipException: there is nothing for silver to do, with the reason.
        """
        table = self.plan["table"]
        if not self.plan["contracted"]:
            raise AirflowSkipException(f"{table} has no contract: it stays in bronze until one is written")
        if self.copied["outcome"] == "no_snapshot" and not _is_true(self.rebuild):
            raise AirflowSkipException(
                f"no snapshot of {table} was landed on {self.business_date}: the dimension keeps its history"
            )
        self.submit_when_judgeable(context)

    def submit_when_judgeable(self, context: Context, looked: int = 0, event: Any = None) -> None:
        """Submits the run, or looks again later while dimensions that the table is judged against are missing.

        Args:
            looked: how often that was done before.
            event: the trigger's, which says only that the time is over.

        Raises:
            AirflowException: they did not come.
        """
        missing = self._not_in_silver()
        if not missing:
            super().execute(context)
            return
        names = ", ".join(missing)
        if looked * LOOK_AGAIN >= LONGEST_WAIT:
            raise AirflowException(
                f"{self.plan['table']} is judged against {names}, which this run did not bring to silver within "
                f"{LONGEST_WAIT}: see to the silver task of {names}, then clear this one"
            )
        self.log.info("waiting for %s in silver, which %s is judged against", names, self.plan["table"])
        trigger = TimeDeltaTrigger(LOOK_AGAIN)
        self.defer(trigger=trigger, method_name="submit_when_judgeable", kwargs={"looked": looked + 1})

    def _not_in_silver(self) -> list[str]:
        waits_for = self.plan.get("waits_for")
        if not waits_for:
            return []
        from lakehouse.daily_run.ledger import not_in_silver, read_rows
        from lakehouse.lake.lake_root import lake_root
        from lakehouse.settings import settings_at_run

        rows = read_rows(lake_root(settings_at_run()), self.plan["schema"], self.business_date, self.run_slug)
        return not_in_silver(waits_for, rows)

    def build_run(self, settings: Settings, business_date: date, attempt: str) -> dict[str, Any]:
        """The silver run of this table."""
        return silver_run(
            settings,
            schema=self.plan["schema"],
            table=self.plan["lake_name"],
            business_date=business_date,
            run_slug=self.run_slug,
            attempt=attempt,
            rebuild=_is_true(self.rebuild),
            accept_deletes=_is_true(self.accept_deletes),
        )


def _is_true(value: bool | str) -> bool:
    # A template gives text.
    return str(value) == "True"
