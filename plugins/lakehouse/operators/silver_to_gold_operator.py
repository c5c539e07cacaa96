"""Refreshes one One Big Table on Databricks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakehouse.daily_run.databricks_runs import gold_run
from lakehouse.operators.databricks_run_operator import DatabricksRunOperator

if TYPE_CHECKING:
    from datetime import date

    from lakehouse.settings import Settings


class SilverToGoldOperator(DatabricksRunOperator):
    """Brings a One Big Table up to the present state of silver.

    Args:
        schema: source schema, the name of the contracts' folder.
        table: the One Big Table's name.
    """

    def __init__(self, *, schema: str, table: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.schema = schema
        self.table = table

    def build_run(self, settings: Settings, business_date: date, attempt: str) -> dict[str, Any]:
        """The gold run."""
        return gold_run(
            settings,
            schema=self.schema,
            table=self.table,
            business_date=business_date,
            run_slug=self.run_slug,
            attempt=attempt,
        )
