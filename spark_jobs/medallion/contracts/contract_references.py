"""Checks what a contract says against others: those of other source schemas, and those that a One Big Table joins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from medallion.contracts.contract_faults import Faults
from medallion.contracts.silver_contract import OneBigTableContract, SilverContract, TableKind


def check_other_schemas(path: Path, faults: Faults) -> None:
    """Silver and gold name a table by its lake name alone, so no other schema may have a contract of the same."""
    folder = path.parent.resolve()
    name = path.name.partition(".")[0]
    other_name = f"{re.sub(r'[^a-z0-9]+', '_', folder.name.lower())}_{name}"
    for other in sorted(folder.parent.glob(f"*/{path.name}")):
        if other.parent.resolve() != folder and not other.parent.name.startswith("."):
            faults.add(
                "schema[0].name", name,
                f"{other} uses this lake name too, and the two would overwrite each other; name one of them otherwise, "
                f"such as name: {other_name} with physicalName: {name}, in a file {other_name}.odcs.yaml",
            )  # fmt: skip


def check_one_big_table(contract: OneBigTableContract, silver: Mapping[str, SilverContract], faults: Faults) -> None:
    """Makes sure that no join can multiply or lose rows of the fact, and that gold can rewrite it by date."""
    fact = silver[contract.fact]
    if fact.kind is not TableKind.FACT:
        faults.add("customProperties.factTable", fact.name, f"{fact.file} is a {fact.kind}; name a fact")
        return
    for join in contract.joins:
        dimension = silver[join.dimension]
        if dimension.kind is not TableKind.DIMENSION:
            faults.add("customProperties.joins.table", join.dimension, "it is a fact; join dimensions")
            continue
        at = f"customProperties.joins.{join.dimension}.on"
        if sorted(right for _, right in join.on) != sorted(dimension.key):
            faults.add(at, None, f"join on the whole primary key of {dimension.file}: {', '.join(dimension.key)}")
        for left in (left for left, _ in join.on if left not in fact.column_names):
            faults.add(at, left, f"{fact.file} has no such column")
    for column in contract.columns:
        written = column.expression.replace("`", "").strip()
        is_date = written == f"{fact.name}.{fact.date_column}" and column.lake_type in {None, "date"}
        if column.name == contract.partition_column and not is_date:
            faults.add(
                "customProperties.partitionColumn", column.name,
                f"gold is rewritten by the fact's date; name a column with transformLogic: {fact.name}."
                f"{fact.date_column}",
            )  # fmt: skip
