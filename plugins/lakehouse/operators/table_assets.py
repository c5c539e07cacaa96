"""Assets of single tables, for schedules and for the lineage that Airflow draws.

Which tables a run changes is known while it runs, so a task has an alias as its outlet, and adds a table's asset to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from airflow.sdk import Asset, AssetAlias, Context

from lake_model.lake_layout import folder_of_name

if TYPE_CHECKING:
    from pydantic import JsonValue

    from lakehouse.ledger import LedgerRow


def layer_alias(layer: str, schema: str) -> AssetAlias:
    """What stands for all tables of a schema in a layer (`bronze`, `silver`), where a task names what it may change."""
    return AssetAlias(f"{layer}.{folder_of_name(schema)}")


def announce(context: Context, outlets: Iterable[object], row: LedgerRow) -> None:
    """Adds the asset of a table that changed to each alias among a task's outlets, with figures for those who wait."""
    for alias in (one for one in outlets if isinstance(one, AssetAlias)):
        layer, _, schema = alias.name.partition(".")
        name = folder_of_name(row.table)
        asset = Asset(name=f"{alias.name}.{name}", uri=f"lakehouse://{layer}/{schema}/{name}")
        figures: dict[str, JsonValue] = {"business_date": row.business_date, "rows_written": row.rows_written}
        context["outlet_events"][alias].add(asset, extra=figures)
