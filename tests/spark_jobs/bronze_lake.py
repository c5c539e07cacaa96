"""Lands Parquet and manifests as the copy does, so that the Spark jobs can be tested without it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

CONTRACTS = Path(__file__).parents[2] / "contracts" / "atliqsale"
CUSTOMER = pa.schema([("customer_code", pa.string()), ("customer_name", pa.string()), ("customer_type", pa.string())])
PRODUCT = pa.schema(
    [(name, pa.string()) for name in ("product_code", "division", "segment", "category", "product_name", "variant")]
)
MARKET = pa.schema([("market_code", pa.string()), ("market_name", pa.string()), ("zone", pa.string())])
DATE = pa.schema(
    [
        ("date", pa.date32()),
        ("cy_date", pa.date32()),
        ("year", pa.int32()),
        ("month_name", pa.string()),
        ("date_yy_mmm", pa.string()),
    ]
)
TRANSACTIONS = pa.schema(
    [
        ("product_code", pa.string()),
        ("customer_code", pa.string()),
        ("market_code", pa.string()),
        ("order_date", pa.date32()),
        ("sales_qty", pa.int32()),
        ("sales_amount", pa.decimal128(14, 2)),
        ("currency", pa.string()),
    ]
)
Row = Sequence[Any]


@dataclass
class BronzeLake:
    """A lake's bronze of one schema; rows are tuples in the Arrow schema's order."""

    root: Path
    schema: str = "atliqsale"
    _numbers: dict[str, int] = field(default_factory=dict)

    def land_snapshot(self, table: str, columns: pa.Schema, day: str, rows: Sequence[Row]) -> None:
        """Lands a table without a date column as the run of ``day`` finds it."""
        slices = []
        files: dict[str, Any] = {}
        if rows:
            name = self._write(table, columns, day, rows, files)
            slices.append(self._slice("all", columns, rows, [name], day))
        else:
            slices.append(self._slice("all", columns, rows, [], day))
        self._manifest(table, columns, day, slices, files, None)

    def land_fact(
        self,
        table: str,
        columns: pa.Schema,
        day: str,
        rows: Sequence[Row],
        date_column: str,
        only: Sequence[str] | None = None,
    ) -> None:
        """Lands a dated table as the run of ``day`` finds it: only slices whose rows differ are written, in one file.

        ``only`` limits the slices that are refreshed, as a backfill does.
        """
        position = columns.names.index(date_column)
        found: dict[str, list[Row]] = {}
        for row in rows:
            value = row[position]
            name = "undated" if value is None else str(value)[:10]
            found.setdefault(name, []).append(row)
        before = {one["slice"]: one for one in self.latest(table)["slices"]}
        files: dict[str, Any] = dict(self.latest(table)["files"])
        changed = {
            name: its_rows
            for name, its_rows in found.items()
            if (only is None or name in only)
            and (name not in before or before[name]["fingerprint"] != self._fingerprint(columns, its_rows))
        }
        slices = [
            one
            for name, one in before.items()
            if name not in changed and (name in found or (only is not None and name not in only))
        ]
        if changed:
            file = self._write(table, columns, day, [row for its_rows in changed.values() for row in its_rows], files)
            slices += [self._slice(name, columns, its_rows, [file], day) for name, its_rows in changed.items()]
        self._manifest(table, columns, day, slices, files, date_column)

    def latest(self, table: str) -> dict[str, Any]:
        """The newest manifest; one without slices when there is none."""
        pointer = self.folder(table) / "_latest.json"
        if not pointer.exists():
            return {"slices": [], "files": {}}
        manifest = self.folder(table) / json.loads(pointer.read_text())["manifest"]
        return json.loads(manifest.read_text())  # type: ignore[no-any-return]

    def folder(self, table: str) -> Path:
        """A table's folder."""
        return self.root / "bronze" / self.schema / table

    def _write(self, table: str, columns: pa.Schema, day: str, rows: Sequence[Row], files: dict[str, Any]) -> str:
        number = self._numbers[table] = self._numbers.get(table, -1) + 1
        name = f"business_date={day}/part-run-{number}.parquet"
        path = self.folder(table) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = [pa.array([row[index] for row in rows], kind) for index, kind in enumerate(columns.types)]
        pq.write_table(pa.table(data, schema=columns), path)
        content = path.read_bytes()
        files[name] = {"rows": len(rows), "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        return name

    def _slice(self, name: str, columns: pa.Schema, rows: Sequence[Row], files: list[str], day: str) -> dict[str, Any]:
        return {
            "slice": name, "rows": len(rows), "sums": _sums(columns, rows), "files": files,
            "fingerprint": self._fingerprint(columns, rows), "copied_business_date": day,
        }  # fmt: skip

    def _fingerprint(self, columns: pa.Schema, rows: Sequence[Row]) -> str:
        content = [columns.to_string(), *sorted(repr(tuple(row)) for row in rows)]
        digest = hashlib.sha256("|".join(content).encode()).hexdigest()
        return f"{len(rows)}:{digest[:16]}"

    def _manifest(
        self,
        table: str,
        columns: pa.Schema,
        day: str,
        slices: list[dict[str, Any]],
        files: Mapping[str, Any],
        date_column: str | None,
    ) -> None:
        content = {
            "manifest_version": 1, "schema": self.schema, "table": table, "business_date": day, "run_id": "run",
            "copied_at": f"{day}T02:00:00.000000Z", "change_detection": "fingerprint",
            "date_column": date_column, "query": "SELECT", "server": {"version": "10.11"},
            "columns": [
                {"name": name, "mysql_type": "", "arrow_type": str(kind), "nullable": True}
                for name, kind in zip(columns.names, columns.types, strict=True)
            ],
            "files": files, "slices": slices, "rows": sum(one["rows"] for one in slices), "sums": _added(slices),
            "rows_not_yet_due": 0, "substitutions": {},
        }  # fmt: skip
        folder = self.folder(table)
        (folder / f"business_date={day}").mkdir(parents=True, exist_ok=True)
        (folder / f"business_date={day}" / "_manifest.json").write_text(json.dumps(content))
        pointer = folder / "_latest.json"
        newest = json.loads(pointer.read_text())["newest_business_date"] if pointer.exists() else day
        pointer.write_text(
            json.dumps({"manifest": f"business_date={day}/_manifest.json", "newest_business_date": max(day, newest)})
        )


def _sums(columns: pa.Schema, rows: Sequence[Row]) -> dict[str, str]:
    numbers = {name: index for index, name in enumerate(columns.names) if _is_number(columns.types[index])}
    return {name: str(sum(row[index] or 0 for row in rows)) for name, index in numbers.items()}


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_decimal(kind)


def _added(slices: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    names = {name for one in slices for name in one["sums"]}
    return {name: str(sum(Decimal(one["sums"].get(name, "0")) for one in slices)) for name in sorted(names)}
