"""Finds, without Spark, whether a run of a table would leave its silver or gold as it is.

A Spark job says at its end what its table depends on (`lake_model.table_state`). Where all of that is as it was, the
day's figures are those of that run, and Airflow writes them into the ledger itself. Where anything differs, is missing
or cannot be read, the table goes to Databricks: a run too many changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from lake_model.bronze_manifest import Manifest
from lake_model.contracts.contract_texts import contract_texts, texts_digest
from lake_model.contracts.silver_contract import SilverContract, TableKind, wide_standing
from lake_model.contracts.table_contracts import read_one_big_table_contract, read_silver_contract
from lake_model.contracts.waivers_in_force import waivers_digest
from lake_model.lake_layout import bronze_root, manifest_name, table_folder
from lake_model.landed_verdicts import Verdict, announced, landed_verdicts, sentence
from lake_model.table_state import NOW, TableState, TableVersion, state_path
from lakehouse.bronze.manifest import read_manifest, read_visible
from lakehouse.errors import LakehouseError
from lakehouse.lake.lake_path import LakePath, read, state
from lakehouse.lake.lake_root import lake_root
from lakehouse.ledger import UNCHANGED_SINCE, LedgerRow, read_row
from lakehouse.settings import Settings


class ReasonToRunError(Exception):
    """Why a table goes to Databricks, as the end of a sentence; no error."""


@dataclass(frozen=True)
class QuietDay:
    """What the tables of one run are looked at by.

    Attributes:
        lake: the lake's root.
        contracts: the folder of the schema's contracts, whose name is the schema's.
        sees_logs: whether silver and gold are tables in folders of the lake, and not in a catalog.
        business_date: of the run.
        run_slug: the run's name in paths.
        clock: gives the present instant, with a time zone.
    """

    lake: LakePath
    contracts: Path
    sees_logs: bool
    business_date: date
    run_slug: str
    clock: Callable[[], datetime]

    def silver_row(self, plan: Mapping[str, Any]) -> LedgerRow:
        """The ledger's row of a silver table, by its plan, that no run need be sent for.

        It says `UNCHANGED_SINCE`, but where this very run has brought the table there: then it is that run's own row.

        Raises:
            ReasonToRunError: one must be sent, or nothing is known of it.
        """
        started, table = self.clock(), plan["lake_name"]
        with _unknown_as_reason():
            left = self._state(table, "silver")
            landed, as_of = self._landed(plan)
            if left.landed != landed.digest:
                raise ReasonToRunError("what is landed changed")
            if plan["kind"] == TableKind.DIMENSION and self.business_date.isoformat() < left.business_date:
                raise ReasonToRunError(f"a newer date ({left.business_date}) was processed since")
            detail: dict[str, Any] = {"expectations_not_met": [], "waivers_ended": []}
            if left.by_calendar or not self._has_same_texts(table, left):
                contract = read_silver_contract(self.contracts, table)
                slices = {one.slice: one for one in landed.slices}
                verdicts = landed_verdicts(contract, slices, (), self.business_date, has_history=True)
                if reason := reason_to_run(contract, left, as_of, verdicts):
                    raise ReasonToRunError(reason)
                detail = announced(contract, verdicts, as_of)
            self._check_tables("silver", table, left)
            row = self._row(left)
        if (left.business_date, left.run_id) == (self.business_date.isoformat(), self.run_slug):
            return row
        detail = {**row.detail, **detail, "landed": landed.landed(plan["measures"])}
        if left.business_date != self.business_date.isoformat():
            detail |= {"versions_opened": 0, "versions_closed": 0}
        return self._today(row, left, detail, started)

    def landed_rows(self, plan: Mapping[str, Any]) -> int:
        """How many rows a silver run of a table has before it; 0 where that is not known."""
        try:
            with _unknown_as_reason():
                return self._landed(plan)[0].rows
        except ReasonToRunError:
            return 0

    def gold_row(self, table: str) -> LedgerRow:
        """The same of a One Big Table."""
        started = self.clock()
        with _unknown_as_reason():
            left = self._state(table, "gold")
            if not self._has_same_texts(table, left):
                contract = read_one_big_table_contract(self.contracts, table)
                names = (contract.fact, *(join.dimension for join in contract.joins))
                silver = {name: read_silver_contract(self.contracts, name) for name in names}
                if left.contract != wide_standing(contract, silver):
                    raise ReasonToRunError("its contract changed, or that of a table in it")
            self._check_tables("gold", table, left)
            row = self._row(left)
        return self._today(row, left, {**row.detail, "dates_rewritten": [], "mode": "unchanged", "reason": ""}, started)

    def _has_same_texts(self, table: str, left: TableState) -> bool:
        tables = {table, *left.made_from}
        return texts_digest(contract_texts(self.contracts, tables), tables) == left.texts

    def _state(self, table: str, stage: str) -> TableState:
        path = self.lake / state_path(self.contracts.name, table, stage)
        found = TableState.from_json(read(path))
        if found is None:
            raise ReasonToRunError(f"no {stage} run has finished since one last began")
        return found

    def _landed(self, plan: Mapping[str, Any]) -> tuple[Manifest, date]:
        """What a run would read, and the date that waivers must reach to hold."""
        folder = table_folder(bronze_root(self.lake), plan["schema"], plan["table"])
        if plan["kind"] == TableKind.FACT:
            visible = read_visible(folder)
            if visible is not None:
                latest, manifest = visible
                return manifest, max(self.business_date, date.fromisoformat(latest.newest_business_date))
        else:
            snapshot = read_manifest(folder, manifest_name(self.business_date))
            if snapshot is not None:
                return snapshot, self.business_date
        raise ReasonToRunError("nothing was landed for it")

    def _check_tables(self, layer: str, table: str, left: TableState) -> None:
        """That the table, and those that it was made from, are as their last runs left them."""
        self._check_log(layer, table, left.table)
        for name, version in left.made_from.items():
            if self._state(name, "silver").table != version:
                raise ReasonToRunError(f"silver.{name} was written since")
            self._check_log("silver", name, version)

    def _check_log(self, layer: str, table: str, version: TableVersion) -> None:
        log = self.lake / layer / table / "_delta_log"
        if not self.sees_logs:
            return
        if state(log / f"{version.version:020}.json") is None:
            raise ReasonToRunError(f"{layer}.{table} is not there as its last run left it")
        if state(log / f"{version.version + 1:020}.json") is not None:
            raise ReasonToRunError(f"{layer}.{table} was written after its last run that ended well")

    def _row(self, left: TableState) -> LedgerRow:
        row = read_row(self.lake, self.contracts.name, left.business_date, left.run_id, left.ledger_row)
        if row is None:
            raise ReasonToRunError(f"the ledger's row of run {left.run_id} of {left.business_date} is gone")
        return row

    def _today(self, row: LedgerRow, left: TableState, detail: Mapping[str, Any], started: datetime) -> LedgerRow:
        ended = self.clock()
        return replace(
            row,
            business_date=self.business_date.isoformat(),
            run_id=self.run_slug,
            outcome="unchanged",
            rows_read=0,
            rows_written=0,
            bytes_written=0,
            seconds=round((ended - started).total_seconds(), 3),
            started_at=started.isoformat(),
            ended_at=ended.isoformat(),
            detail={**detail, UNCHANGED_SINCE: left.since},
        )


def quiet_day(settings: Settings, schema: str, business_date: date, run_slug: str) -> QuietDay:
    """What a run's tables are looked at by, as the settings say.

    Raises:
        SettingError: the lake cannot be reached as they say.
    """
    lake, contracts = lake_root(settings), Path(settings.contracts_root) / schema
    return QuietDay(lake, contracts, not settings.catalog, business_date, run_slug, lambda: datetime.now(UTC))


def reason_to_run(contract: SilverContract, left: TableState, as_of: date, verdicts: Iterable[Verdict]) -> str | None:
    """What in a contract and its waivers makes a silver run necessary; None where nothing does.

    Args:
        contract: as it is now.
        left: what the last run said.
        as_of: the date that waivers must reach to hold.
        verdicts: what the landed table is by its contract's expectations.
    """
    if left.contract != contract.content_hash:
        return "its contract changed"
    for name, digest in left.waivers.items():
        if waivers_digest(contract, as_of if name == NOW else date.fromisoformat(name)) != digest:
            return "its waivers changed, or one of them ended"
    stopping = next((one for one in verdicts if one.stops), None)
    return None if stopping is None else f"an expectation is not met ({sentence(contract, stopping)})"


@contextmanager
def _unknown_as_reason() -> Generator[None]:
    try:
        yield
    except (LakehouseError, OSError) as error:
        raise ReasonToRunError(f"it is not known whether anything changed: {error}") from error
