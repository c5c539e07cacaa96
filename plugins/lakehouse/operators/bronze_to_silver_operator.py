"""Runs silver for one table on Databricks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from lakehouse.databricks_runs import silver_run
from lakehouse.operators.databricks_run_operator import DatabricksRunOperator

if TYPE_CHECKING:
    from datetime import date

    from airflow.sdk import Context

    from lakehouse.settings import Settings


class BronzeToSilverOperator(DatabricksRunOperator):
    """Cleans, judges and stores one table of one business date in silver.

    A table without a contract, and a dimension that has no landed snapshot for the date, are skipped: the first
    has no silver, the second would need invented history.

    Args:
        plan: the table's plan, as `list_tables` returned it.
        copied: what `copy_to_bronze` returned for the same table.
    """

    template_fields = (*DatabricksRunOperator.template_fields, "plan", "copied")

    def __init__(self, *, plan: Any, copied: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan: Mapping[str, Any] = plan
        self.copied: Mapping[str, Any] = copied

    def execute(self, context: Context) -> None:
        """Submits the silver run.

        Raises:
            AirflowSkipException: there is nothing for silver to do, with the reason.
        """
        table = self.plan["table"]
        if not self.plan["contracted"]:
            raise AirflowSkipException(f"{table} has no contract: it stays in bronze until one is written")
        if self.copied["outcome"] == "no_snapshot":
            raise AirflowSkipException(
                f"no snapshot of {table} was landed on {self.business_date}: the dimension keeps its history"
            )
        super().execute(context)

    def build_run(self, settings: Settings, business_date: date, attempt: str) -> dict[str, Any]:
        """The silver run of this table."""
        return silver_run(
            settings,
            schema=self.plan["schema"],
            table=self.plan["lake_name"],
            business_date=business_date,
            run_slug=self.run_slug,
            attempt=attempt,
        )
