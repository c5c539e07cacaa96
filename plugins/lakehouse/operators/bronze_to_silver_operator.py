"""Runs silver for one table on Databricks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException, AirflowSkipException

from lakehouse.daily_run.databricks_runs import silver_run
from lakehouse.operators.databricks_run_operator import DatabricksRunOperator, is_true

if TYPE_CHECKING:
    from datetime import date

    from airflow.sdk import Context

    from lakehouse.daily_run.planning import AwaitedTable
    from lakehouse.settings import Settings


LOOK_AGAIN = timedelta(seconds=20)
LONGEST_WAIT = timedelta(hours=1)
# States of a task that will not change by themselves, and not to success.
LOST = frozenset({"failed", "upstream_failed", "skipped", "removed"})


class BronzeToSilverOperator(DatabricksRunOperator):
    """Cleans, judges and stores one table of one business date in silver.

    A table without a contract, and a dimension that has no landed snapshot for the date, are skipped: the first
    has no silver, the second would need invented history.

    A fact whose contract refuses unknown keys waits until this run has the dimensions in silver: judged against
    yesterday's keys it would refuse what is new today. While it waits it is rescheduled and not deferred, so it holds
    no slot of the pool, which the dimensions need.

    Args:
        plan: the table's plan, as `list_tables` returned it.
        copied: what `copy_to_bronze` returned for the same table.
        rebuild: make the table anew from bronze alone; templated, so "True" counts too.
        accept_deletes: let a snapshot lose any number of keys; templated likewise.
        asked_for: somebody named the table; templated likewise. This flag and the two before it send a run for a table
            that did not change too.
    """

    template_fields = (
        *DatabricksRunOperator.template_fields,
        "plan",
        "copied",
        "rebuild",
        "accept_deletes",
        "asked_for",
    )

    def __init__(
        self,
        *,
        plan: Any,
        copied: Any,
        rebuild: bool | str = False,
        accept_deletes: bool | str = False,
        asked_for: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.plan: Mapping[str, Any] = plan
        self.copied: Mapping[str, Any] = copied
        self.rebuild = rebuild
        self.accept_deletes = accept_deletes
        self.asked_for = asked_for

    def execute(self, context: Context) -> Any:
        """Submits the silver run; where nothing changed it notes that alone, and gives the figures.

        Raises:
            AirflowSkipException: there is nothing for silver to do, with the reason.
        """
        table = self.plan["table"]
        if not self.plan["contracted"]:
            raise AirflowSkipException(f"{table} has no contract: it stays in bronze until one is written")
        if self.copied["outcome"] == "no_snapshot" and not is_true(self.rebuild):
            raise AirflowSkipException(
                f"no snapshot of {table} was landed on {self.business_date}: the dimension keeps its history"
            )
        self._wait_for_dimensions(context)
        if not any(map(is_true, (self.rebuild, self.accept_deletes, self.asked_for))):
            figures = self.unchanged(self.plan["schema"], lambda day: day.silver_row(self.plan))
            if figures is not None:
                return figures
        return super().execute(context)

    def _wait_for_dimensions(self, context: Context) -> None:
        """Returns when every dimension that the table is judged against is in silver.

        Raises:
            AirflowRescheduleException: one is missing as yet; Airflow calls again later.
            AirflowFailException: one failed, or did not come in time.
        """
        missing = self._not_in_silver()
        if not missing:
            return
        names = ", ".join(dimension.lake_name for dimension in missing)
        judged = f"{self.plan['table']} is judged against {names}"
        cure = "mend that, clear its silver, then clear this one"
        lost = self._lost(missing, context)
        if lost:
            raise AirflowFailException(f"{judged}, and {'; '.join(lost)} in this run: {cure}")
        now = datetime.now(UTC)
        first_look = context["ti"].get_first_reschedule_date(context)
        if first_look is not None and now - first_look >= LONGEST_WAIT:
            raise AirflowFailException(
                f"{judged}, which this run did not bring to silver within {LONGEST_WAIT}: {cure}"
            )
        self.log.info("waiting for %s in silver, which %s is judged against", names, self.plan["table"])
        raise AirflowRescheduleException(now + LOOK_AGAIN)  # type: ignore[no-untyped-call]

    def _not_in_silver(self) -> list[AwaitedTable]:
        from lakehouse.daily_run.planning import AwaitedTable
        from lakehouse.lake.lake_root import lake_root
        from lakehouse.ledger import not_in_silver, read_rows
        from lakehouse.settings import settings_at_run

        waits_for = [AwaitedTable(**dimension) for dimension in self.plan.get("waits_for", ())]
        if not waits_for:
            return []
        rows = read_rows(lake_root(settings_at_run()), self.plan["schema"], self.business_date, self.run_slug)
        return not_in_silver(waits_for, rows)

    def _lost(self, missing: list[AwaitedTable], context: Context) -> list[str]:
        """Those whose silver has ended for good without success; one that Airflow will try again is not among them."""
        instance = context["ti"]
        found = instance.get_task_states(dag_id=instance.dag_id, task_ids=[instance.task_id], run_ids=[instance.run_id])
        states = found.get(instance.run_id, {})
        ended = {one.lake_name: states.get(f"{instance.task_id}_{one.map_index}") for one in missing}
        return [f"the silver of {name} is {state}" for name, state in ended.items() if state in LOST]

    def build_run(self, settings: Settings, business_date: date, attempt: str) -> dict[str, Any]:
        """The silver run of this table."""
        return silver_run(
            settings,
            schema=self.plan["schema"],
            table=self.plan["lake_name"],
            business_date=business_date,
            run_slug=self.run_slug,
            attempt=attempt,
            rebuild=is_true(self.rebuild),
            accept_deletes=is_true(self.accept_deletes),
        )
