"""Assets of single tables, for schedules and for the lineage that Airflow draws.

Which tables a run changes is known while it runs, so a task has an alias as its outlet, and adds a table's asset to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Asset, AssetAlias, Context

from lake_model.lake_layout import folder_of_name


def layer_alias(layer: str, schema: str) -> AssetAlias:
    """What stands for all tables of a schema in a layer (`bronze`), where a task names what it may change."""
    return AssetAlias(f"{layer}.{folder_of_name(schema)}")


def announce(context: Context, alias: AssetAlias, table: str, figures: Mapping[str, Any]) -> None:
    """Say that a table of the alias's layer and schema has changed, with figures for those who wait for it."""
    layer, _, schema = alias.name.partition(".")
    name = folder_of_name(table)
    asset = Asset(name=f"{alias.name}.{name}", uri=f"lakehouse://{layer}/{schema}/{name}")
    context["outlet_events"][alias].add(asset, extra=dict(figures))
