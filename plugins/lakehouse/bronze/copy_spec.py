"""What a copy is asked to do and what it reports: plain values, without heavy imports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from lake_model.contracts.copy_scope import CHANGE_DETECTIONS as CHANGE_DETECTIONS
from lake_model.contracts.copy_scope import DRIFT_POLICIES as DRIFT_POLICIES
from lake_model.contracts.copy_scope import ChangeScope as ChangeScope
from lakehouse.errors import ContractError


@dataclass(frozen=True)
class CopySpec:
    """A table and how it is copied.

    `everything` copies each slice in scope, whether its fingerprint changed or not.
    `contracted_columns` are pairs of name and physical type (None: any type) and may be empty: no contract, all columns
    are taken as they are. `contract_file` names the contract in messages. `drift_policy` is one of `DRIFT_POLICIES`.
    `measures` are summed at the source even where they belong to its key, whose columns are not summed otherwise.
    `parallel_ranges` is how many sessions read a large table at once, all in one snapshot.

    Raises:
        ContractError: the change detection is not one of `CHANGE_DETECTIONS`.
    """

    schema: str
    table: str
    change_detection: str = "fingerprint"
    date_column: str | None = None
    contracted_columns: tuple[tuple[str, str | None], ...] = ()
    contract_file: str | None = None
    everything: bool = False
    change_scope: ChangeScope | None = None
    drift_policy: str = "contracted"
    parallel_ranges: int = 1
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

    @classmethod
    def from_plan(cls, plan: Mapping[str, Any]) -> CopySpec:
        """The part of a table plan (`TablePlan.as_dict`) that the copy needs."""
        return cls(
            schema=plan["schema"],
            table=plan["table"],
            change_detection=plan["change_detection"],
            date_column=plan["date_column"],
            contracted_columns=tuple(
                (column["name"], column["physical_type"]) for column in plan["contracted_columns"]
            ),
            contract_file=plan["contract_file"],
            change_scope=ChangeScope(**plan["change_scope"]) if plan.get("change_scope") else None,
            drift_policy=plan.get("drift_policy", "contracted"),
            parallel_ranges=plan.get("parallel_ranges", 1),
            measures=tuple(plan.get("measures", ())),
        )

    @property
    def label(self) -> str:
        """The table in messages."""
        return f"{self.schema}.{self.table}"

    @property
    def contract_label(self) -> str:
        """The contract in messages."""
        return self.contract_file or f"the contract of {self.label}"


class CopyProgress(Protocol):
    """Is told how far a copy has come, from whichever thread reads."""

    def begin(self, rows: int) -> None:
        """So many rows will be read; told once. On the first load of a large table it is the server's estimate."""

    def advance(self, rows: int) -> None:
        """So many further rows were read."""


@dataclass(frozen=True)
class CopyOutcome:
    """What a copy did.

    Attributes:
        outcome: `copied`; `unchanged` (no new files); `reused_snapshot` (a past date's snapshot stands as landed);
            `no_snapshot` (a past date has none, and nothing was written).
        rows_in_table, sums: of the whole index that is visible now (of the reused snapshot).
        slices_copied, slices_resumed: those read from the source, and those taken over from an unfinished copy.
        drift: changes of the source's columns that were taken all the same.
        notes: what could not be done as asked, such as reading ranges in parallel.
    """

    outcome: str
    rows_read: int = 0
    rows_written: int = 0
    bytes_written: int = 0
    slices_checked: int = 0
    slices_copied: int = 0
    slices_resumed: int = 0
    slices_dropped: int = 0
    files: int = 0
    rows_not_yet_due: int = 0
    rows_in_table: int = 0
    sums: Mapping[str, str] = field(default_factory=dict)
    drift: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def detail(self) -> dict[str, Any]:
        """The figures of a ledger row's `detail`."""
        return {
            "slices_checked": self.slices_checked,
            "slices_copied": self.slices_copied,
            "slices_resumed": self.slices_resumed,
            "slices_dropped": self.slices_dropped,
            "files": self.files,
            "rows_not_yet_due": self.rows_not_yet_due,
            "rows_in_table": self.rows_in_table,
            "drift": list(self.drift),
            "notes": list(self.notes),
        }
