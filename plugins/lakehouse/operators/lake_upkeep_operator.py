"""Upkeep of a schema's silver and gold tables on Databricks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakehouse.daily_run.databricks_runs import run_request
from lakehouse.operators.databricks_run_operator import DatabricksRunOperator

if TYPE_CHECKING:
    from datetime import date

    from lakehouse.settings import Settings


class LakeUpkeepOperator(DatabricksRunOperator):
    """Puts small files together and removes those of versions that are older than the settings say.

    Args:
        schema: source schema, the name of the contracts' folder.
    """

    template_fields = (*DatabricksRunOperator.template_fields, "schema")

    def __init__(self, *, schema: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.schema = schema

    def build_run(self, settings: Settings, business_date: date, attempt: str) -> dict[str, Any]:
        """The upkeep run, of all tables."""
        days = {"silver_days": settings.silver_version_days, "gold_days": settings.gold_version_days}
        return run_request(
            settings, "upkeep", schema=self.schema, tables=[], business_date=business_date, run_slug=self.run_slug,
            attempt=attempt, choices={name: str(number) for name, number in days.items()},
        )  # fmt: skip
