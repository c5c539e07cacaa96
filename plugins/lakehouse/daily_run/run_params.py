"""What a person may ask of a daily run, as Airflow's trigger form and API take it; the same for every source schema."""

from __future__ import annotations

from airflow.sdk import Param


def daily_run_params() -> dict[str, Param]:
    """The parameters of a schema's daily DAG, by name."""
    return {
        "business_date": Param(
            None,
            type=["null", "string"],
            format="date",
            description="The date to work on (YYYY-MM-DD). Empty: the day before the scheduled run.",
        ),
        "tables": Param(
            [],
            type="array",
            items={"type": "string"},
            description="MySQL tables to copy and clean. Empty: every table of the schema.",
        ),
        "rebuild": Param(
            False, type="boolean", description="Make the silver tables of this run anew from all of bronze."
        ),
        "accept_deletes": Param(
            False,
            type="boolean",
            description="Let a dimension's snapshot lose more keys than its contract's maxDeleteShare.",
        ),
    }
