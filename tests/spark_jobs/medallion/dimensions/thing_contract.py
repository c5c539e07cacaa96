"""The contract of a type 2 dimension that tests make up: texts by ``code``, and what else they need."""

from __future__ import annotations

from lake_model.contracts.silver_contract import Column, SilverContract, TableKind


def thing_contract(columns: dict[str, str], tracked: tuple[str, ...]) -> SilverContract:
    """A contract without rules; ``columns`` are names and lake types of those beside the key ``code``."""
    return SilverContract(
        file="thing.odcs.yaml",
        schema="shop",
        source_table="thing",
        name="thing",
        kind=TableKind.DIMENSION,
        columns=tuple(Column(name, name, name, kind) for name, kind in {"code": "string", **columns}.items()),
        rules=(),
        key=("code",),
        scd_type=2,
        tracked=tracked,
    )
