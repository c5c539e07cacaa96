"""A lake as a run of two business dates leaves it, as far as a trace reads it: made without Spark."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from lake_model.bronze_manifest import BronzeFile, Latest, Manifest, Server, Slice
from lake_model.contracts.table_contracts import read_silver_contract
from tests.conftest import PROJECT

CONTRACTS = PROJECT / "contracts" / "atliqsale"
OLD, NEW = dt.date(2026, 6, 29), dt.date(2026, 6, 30)
"""The first run copied both dates, the second one the newer date again."""


def write_traced_lake(lake: Path) -> None:
    """Writes bronze's manifests, and silver with its progress; gold is written where there is none."""
    from deltalake import write_deltalake

    write_manifest(lake, OLD, "first", {OLD: OLD, NEW: OLD}, Server("8.4.6", "binlog.000007", 4711, None))
    write_manifest(lake, NEW, "second", {OLD: OLD, NEW: NEW}, Server("8.4.6", "binlog.000008", 15, "3e11:1-5"))
    digest = read_silver_contract(CONTRACTS, "transactions").content_hash
    rows = [
        (OLD, "first", OLD, digest, 1),
        (NEW, "first", OLD, "an older digest", 1),
        (NEW, "second", NEW, f"{digest}+waivers:", 2),
    ]
    progress = [
        {
            "slice": day.isoformat(),
            "fingerprint": fingerprint(day, run),
            "contract_hash": found,
            "business_date": date,
            "run_id": run,
            "rows_bronze": 3,
            "rows_duplicate": 1,
            "sequence": sequence,
        }
        for day, run, date, found, sequence in rows
    ]
    write_deltalake(lake / "silver" / "transactions_progress", pa.Table.from_pylist(progress))
    for number, days in ((1, [OLD, NEW]), (2, [NEW])):
        note(lake / "silver" / "transactions", "lakehouse_silver", {"number": number, "slices": list(map(str, days))})
    if not (lake / "gold" / "sales_obt").exists():
        versions = {"transactions": {"id": "x", "version": 1}, "customer": {"id": "y", "version": 9}}
        note(lake / "gold" / "sales_obt", "lakehouse_gold", {"contracts": "", "silver": versions})


def fingerprint(day: dt.date, run: str) -> str:
    """Of what a run copied of a date."""
    return f"{day} {run}"


def note(folder: Path, key: str, content: dict[str, Any]) -> None:
    """A commit that notes something, as the jobs do."""
    from deltalake import CommitProperties, write_deltalake

    properties = CommitProperties(custom_metadata={"userMetadata": json.dumps({key: content})})
    rows = pa.table({"order_date": [NEW]})
    write_deltalake(folder, rows, mode="append", commit_properties=properties)


def write_manifest(lake: Path, date: dt.date, run: str, copied: dict[dt.date, dt.date], server: Server) -> None:
    """A business date's index, in which each slice names the business date that copied it, and the pointer to it."""
    folder = lake / "bronze" / "atliqsale" / "transactions"
    slices = tuple(
        Slice(
            day.isoformat(), 3, {"sales_qty": "7"}, fingerprint(day, "second" if by == NEW else "first"),
            (f"business_date={by}/part-0.parquet",), by.isoformat(),
        )
        for day, by in copied.items()
    )  # fmt: skip
    files = {name: BronzeFile(3, 100, "ab" * 32) for one in slices for name in one.files}
    manifest = Manifest(
        "atliqsale", "transactions", date.isoformat(), run, f"{date}T02:00:00+00:00", "fingerprint", "order_date",
        "SELECT customer_code FROM transactions", server, (), files, slices, 6, {}, 0, {},
    )  # fmt: skip
    place = folder / f"business_date={date}"
    place.mkdir(parents=True, exist_ok=True)
    (place / "_manifest.json").write_text(manifest.to_json())
    (folder / "_latest.json").write_text(Latest(f"business_date={date}/_manifest.json", date.isoformat()).to_json())
