"""A lake on a day on which nothing changed, of small objects alone: index, states, ledger rows and Delta logs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml
from lakehouse.bronze.manifest import publish_manifest, read_index_state
from lakehouse.daily_run.unchanged import QuietDay
from lakehouse.ledger import LedgerRow, ledger_folder

from lake_model.bronze_manifest import Column, Manifest, Server, Slice
from lake_model.contracts.contract_texts import contract_texts, texts_digest
from lake_model.contracts.silver_contract import wide_standing
from lake_model.contracts.table_contracts import read_one_big_table_contract, read_silver_contract
from lake_model.table_state import TableState, TableVersion, state_path
from tests.conftest import PROJECT

DAY, NEXT = date(2026, 11, 20), date(2026, 11, 21)
SILVER = ("customer", "product", "market", "date", "transactions")
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@dataclass
class Lake:
    """A lake as a run of `DAY` left it, and the contracts."""

    root: Path
    contracts: Path
    digests: dict[str, str] = field(default_factory=dict)

    def day(self, business_date: date = NEXT, *, sees_logs: bool = True) -> QuietDay:
        return QuietDay(self.root, self.contracts, sees_logs, business_date, "quiet", lambda: NOW)

    def land(self, table: str, business_date: date, version: str = "1", day: date = DAY) -> None:
        name, rows = ("all", 2) if table != "transactions" else (day.isoformat(), 2)
        one = Slice(name, rows, {"sales_amount": "5.00"}, f"{rows}:{version}", (), business_date.isoformat())
        manifest = Manifest(
            "atliqsale", table, business_date.isoformat(), f"copy_{business_date}", f"{business_date}T01:00:00Z",
            "fingerprint", None, "SELECT", Server("11"), (Column("code", "int", "int32", False),), {}, (one,), rows,
            {}, 0, {},
        )  # fmt: skip
        folder = self.root / "bronze/atliqsale" / table
        publish_manifest(folder, manifest, business_date, read_index_state(folder, business_date))
        self.digests[table] = manifest.digest

    def commit(self, layer: str, table: str, version: int) -> None:
        log = self.root / layer / table / "_delta_log"
        log.mkdir(parents=True, exist_ok=True)
        (log / f"{version:020}.json").touch()

    def leave(self, name: str, stage: str = "silver", **changes: Any) -> None:
        """What a run of `DAY` leaves at its end."""
        layer = "gold" if stage == "gold" else "silver"
        self.commit(layer, name, 4)
        detail = {"dates": [{"slice": "all", "rows_silver": 2}], "versions_opened": 1, "versions_closed": 1}
        row = LedgerRow(
            "atliqsale", name, stage, DAY.isoformat(), "run", "success", "refreshed", 2, 2, 9, 1.0, "a", "b", None,
            detail,
        )  # fmt: skip
        path = ledger_folder(self.root, "atliqsale", row.business_date, row.run_id) / f"{name}.{stage}.1.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(row.to_json())
        state = TableState(
            row.business_date, row.run_id, path.name, "2026-11-18", self.contract(name),
            self.texts(name), self.by_calendar(name), self.digests.get(name, ""), {},
            TableVersion(name, 4),
        )  # fmt: skip
        target = self.root / state_path("atliqsale", name, stage)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(replace(state, **changes).to_json())

    def texts(self, table: str) -> str:
        return texts_digest(contract_texts(self.contracts), {table, *(SILVER if table == "sales_obt" else ())})

    def by_calendar(self, table: str) -> bool:
        return table != "sales_obt" and read_silver_contract(self.contracts, table).speaks_of_days

    def contract(self, table: str) -> str:
        if table != "sales_obt":
            return read_silver_contract(self.contracts, table).content_hash
        silver = {name: read_silver_contract(self.contracts, name) for name in SILVER}
        return wide_standing(read_one_big_table_contract(self.contracts, table), silver)

    def edit(self, table: str, change: Callable[[dict[str, Any]], None]) -> None:
        path = self.contracts / f"{table}.odcs.yaml"
        document = yaml.safe_load(path.read_text())
        change(document["schema"][0])
        path.write_text(yaml.safe_dump(document))

    def waive(self, *entries: dict[str, Any]) -> None:
        (self.contracts / "waivers.yaml").write_text(yaml.safe_dump({"waivers": list(entries)}))


def make_lake(root: Path) -> Lake:
    """A lake whose tables a run of `DAY` left, and for which the copies of `NEXT` found nothing new."""
    found = Lake(root, Path(shutil.copytree(PROJECT / "contracts/atliqsale", root / "contracts/atliqsale")))
    for table in SILVER:
        for day in (DAY, NEXT):
            found.land(table, day)
        found.leave(table)
    found.leave("sales_obt", "gold", made_from={name: TableVersion(name, 4) for name in SILVER})
    return found


def plan_of(table: str) -> dict[str, Any]:
    """As much of a table's plan as is looked at."""
    fact = table == "transactions"
    measures = ("sales_qty", "sales_amount") if fact else ()
    kind = "fact" if fact else "dimension"
    return {
        "schema": "atliqsale", "table": table, "lake_name": table, "contracted": True, "kind": kind,
        "measures": measures, "waits_for": [],
    }  # fmt: skip
