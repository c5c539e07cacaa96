"""The open read models of all tables, each brought up to its gold table while the one before answers on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from lakehouse.errors import LakehouseError
from lakehouse.lake.tables import Lake

from kpi.freshness import Reconciliation, newest_reconciliation
from kpi.origins import Origins
from kpi.quarantine import Quarantine, read_quarantine
from kpi.read_model import Limits, ReadModel
from kpi.read_model_files import open_or_make
from lake_model.contracts.kpi_contract import KpiContract

FoundT = TypeVar("FoundT")

CHECK_SECONDS = 15.0
"""How old an answer may be beside the lake; a look at the lake costs more than a view."""
WAREHOUSE_CHECK_SECONDS = 120.0
"""The same, where each look is a statement that a SQL warehouse runs and bills."""
BESIDE_SECONDS = 300.0
"""How old what stands beside the figures of one version may be: to list the ledger costs more still."""
AWAITED_SECONDS = 3600.0
"""How long after a new version its reconciliation is looked for each time."""
FIRST_WAIT_SECONDS = 20.0


class PreparingError(LakehouseError):
    """The table's first read model is still being made; asking again helps."""


class NothingYetError(LakehouseError):
    """The table has no rows yet, or does not exist."""


@dataclass(frozen=True)
class Shown:
    """What a page shows a table by: its read model, what the ledger says of its newest run, and what is not in it.

    Attributes:
        origins: what it is made of; None where a contract is wrong.
    """

    model: ReadModel
    reconciliation: Reconciliation | None
    quarantine: Quarantine | None = None
    origins: Origins | None = None


@dataclass
class _Entry:
    shown: Shown | None = None
    error: LakehouseError | None = None
    looked_at: float = float("-inf")
    changed_at: float = float("-inf")
    beside_at: float = float("-inf")
    worker: threading.Thread | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Shelf:
    """Gives each table's newest read model; safe for many threads."""

    def __init__(
        self,
        lake: Callable[[], Lake],
        folder: Path,
        limits: Limits,
        origins: Callable[[KpiContract], Origins],
        check_seconds: float = CHECK_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args:
        lake: gives the lake.
        folder: of the read models.
        limits: of each read model.
        origins: gives what a table is made of.
        check_seconds: how old an answer may be beside the lake.
        clock: seconds that never go back.
        """
        self._lake = lake
        self._folder = folder
        self._limits = limits
        self._origins = origins
        self._check_seconds = check_seconds
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.Lock()

    def get(self, contract: KpiContract) -> Shown:
        """The table as it is now, or was a moment ago while its newest version is being made.

        Raises:
            PreparingError: there is no read model yet, and making it takes longer than a reader waits.
            NothingYetError: the table has no rows yet.
            LakehouseError: it cannot be made.
        """
        with self._lock:
            # A changed declaration is another table to the page.
            entry = self._entries.setdefault(f"{contract.name}.{contract.digest}", _Entry())
        with entry.lock:
            if self._clock() - entry.looked_at >= self._check_seconds and entry.worker is None:
                entry.worker = threading.Thread(target=self._look, args=(entry, contract), daemon=True)
                entry.worker.start()
            worker, shown = entry.worker, entry.shown
        if shown is None and worker is not None:
            worker.join(FIRST_WAIT_SECONDS)
            shown = entry.shown
        if shown is not None:
            return shown
        raise entry.error or PreparingError("the page's read model is being made from gold: this takes a moment")

    def _look(self, entry: _Entry, contract: KpiContract) -> None:
        found: Shown | None = None
        error: LakehouseError | None = None
        try:
            found = self._shown(contract, entry)
        except LakehouseError as problem:
            error = problem
        except Exception as problem:  # A thread's error would be lost.
            error = LakehouseError(f"{contract.name} cannot be shown ({type(problem).__name__}): see the server's log")
            _log(contract, problem)
        with entry.lock:
            entry.shown = found or entry.shown
            entry.error = error
            entry.looked_at = self._clock()
            entry.worker = None

    def _shown(self, contract: KpiContract, entry: _Entry) -> Shown:
        lake, before = self._lake(), entry.shown
        state = lake.tables("gold", contract.table)
        if state is None:
            raise NothingYetError(
                f"there is no gold table {contract.table} yet: run the DAG {contract.schema}_daily once"
            )
        model = before.model if before else None
        if model is None or (model.about.table_id, model.about.version) != (state.id, state.version):
            model = open_or_make(self._folder, contract, state, self._limits)
            entry.changed_at, entry.beside_at = self._clock(), float("-inf")
        if not model.about.rows:
            raise NothingYetError(f"gold table {contract.table} has no rows yet")
        reconciliation = before.reconciliation if before else None
        quarantine = before.quarantine if before else None
        origins = before.origins if before else None
        now = self._clock()
        is_due = now - entry.beside_at >= BESIDE_SECONDS
        is_awaited = now - entry.changed_at < AWAITED_SECONDS and not _is_of(reconciliation, model)
        if is_due or is_awaited:
            reconciliation = _or_none(
                contract, lambda: newest_reconciliation(lake.root, contract.schema, contract.table)
            )
        if is_due:
            origins = made_of = _or_none(contract, lambda: self._origins(contract))
            quarantine = None if made_of is None else _or_none(
                contract, lambda: read_quarantine(lake.tables, contract, model.about.version, made_of, quarantine)
            )  # fmt: skip
            entry.beside_at = now
        return Shown(model, reconciliation, quarantine, origins)


def _is_of(reconciliation: Reconciliation | None, model: ReadModel) -> bool:
    """Whether a reconciliation is of the version that is shown, or of a later look at it."""
    return reconciliation is not None and reconciliation.ended_at >= model.about.committed_at


def _or_none(contract: KpiContract, read: Callable[[], FoundT | None]) -> FoundT | None:
    """What stands beside the figures; where it cannot be read, they are shown without it."""
    try:
        return read()
    except Exception as problem:
        _log(contract, problem)
        return None


def _log(contract: KpiContract, problem: Exception) -> None:
    import logging

    logging.getLogger(__name__).error("%s cannot be shown whole", contract.name, exc_info=problem)
