"""How a table is copied: the one description that its contract, its plan and its copy share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from lake_model.errors import ContractError

CHANGE_DETECTIONS = ("fingerprint", "watermark", "full")
# What of the source's columns fails a copy: that a contracted one is missing or retyped; that it is missing; or any
# column that is not as contracted.
DRIFT_POLICIES = ("contracted", "tolerant", "strict")


@dataclass(frozen=True)
class ChangeScope:
    """Where a run looks for changes when it does not look everywhere.

    Attributes:
        full_pass_days: it looks everywhere when the last run that did is so many business dates older.
        trailing_days: it looks at this many days up to its own; None with a watermark.
        watermark_column: it looks at the dates of rows whose value here is newer than the last seen; None without.
        overlap_minutes: how much older than the last seen it may be, for rows that were committed late.
    """

    full_pass_days: int
    trailing_days: int | None = None
    watermark_column: str | None = None
    overlap_minutes: int = 0


class ContractedColumn(NamedTuple):
    """A column that a contract needs from the source; no physical type where the contract asks for none."""

    name: str
    physical_type: str | None


def _choice(name: str, values: Sequence[Any], default: Any = None) -> Any:
    """A field that a contract sets by a custom property; without a default it is the first value."""
    default = values[0] if default is None else default
    return field(default=default, metadata={"property": name, "values": values})


@dataclass(frozen=True)
class CopySpec:
    """A table and how it is copied.

    A field made by `_choice` is read from the contract's custom property of that name, which is checked by its values
    (of whole numbers a range): a new one is declared here and used where it matters, and nowhere else.

    Attributes:
        date_column: the source column that dates a row, or None.
        contracted_columns: every source column that the contract takes or computes with; empty: no contract, all
            columns are taken as they are.
        contract_file: names the contract in messages; None without one.
        everything: copies each slice in scope, whether its fingerprint changed or not.
        change_scope: where runs look for changes; None: everywhere.
        measures: summed at the source even where they belong to its key, whose columns are not summed otherwise; their
            sums must be conserved.
        drift_policy: what of the source's columns fails a copy.
        parallel_ranges: how many sessions read a large table at once, all in one snapshot.

    Raises:
        ContractError: the change detection is not one of `CHANGE_DETECTIONS`, or lacks what it needs.
    """

    schema: str
    table: str
    change_detection: str = _choice("changeDetection", CHANGE_DETECTIONS)
    date_column: str | None = None
    contracted_columns: tuple[ContractedColumn, ...] = ()
    contract_file: str | None = None
    everything: bool = False
    change_scope: ChangeScope | None = None
    drift_policy: str = _choice("sourceDrift", DRIFT_POLICIES)
    # Each is a session on the source.
    parallel_ranges: int = _choice("parallelRanges", range(1, 9))
    measures: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.change_detection not in CHANGE_DETECTIONS:
            raise ContractError(
                f"{self.contract_label}: changeDetection {self.change_detection!r} is not known: "
                f"use {', '.join(CHANGE_DETECTIONS)}"
            )
        if self.change_detection == "watermark" and (self.change_scope is None or self.date_column is None):
            raise ContractError(
                f"{self.contract_label}: changeDetection watermark needs dateColumn and watermarkColumn: add them, or "
                "use fingerprint"
            )

    @property
    def full_name(self) -> str:
        """The table in messages."""
        return f"{self.schema}.{self.table}"

    @property
    def contract_label(self) -> str:
        """The contract in messages."""
        return self.contract_file or f"the contract of {self.full_name}"


_CHOSEN = {one.name: one.metadata for one in fields(CopySpec) if one.metadata}
# By custom property, the values that it may have.
COPY_CHOICES: Mapping[str, Sequence[Any]] = {chosen["property"]: chosen["values"] for chosen in _CHOSEN.values()}


def chosen_copy(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a `CopySpec` that custom properties choose."""
    return {name: settings[chosen["property"]] for name, chosen in _CHOSEN.items() if chosen["property"] in settings}
