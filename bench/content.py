"""Whether the copy of the large table holds all of it: rows, sums, NULLs and extremes against the server's."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench.exactness import parquet_files
from bench.source_table import LargeTable

_SUMMED = ("id", "customer_id", "quantity", "amount")
_NULLABLE = ("market_code", "note", "amount")
_LATEST = "booked_at"


def figures_of_source(cursor: Any, table: LargeTable) -> dict[str, str]:
    """The figures as the server counts them."""
    asked = {
        "rows": "COUNT(*)",
        **{f"sum of {name}": f"SUM({name})" for name in _SUMMED},
        **{f"NULLs of {name}": f"SUM({name} IS NULL)" for name in _NULLABLE},
        f"latest {_LATEST}": f"CAST(MAX({_LATEST}) AS CHAR)",
    }
    cursor.execute(f"SELECT {', '.join(asked.values())} FROM `{table.schema}`.`{table.name}`")
    return dict(zip(asked, map(_text, cursor.fetchone()), strict=True))


def figures_of_copy(folder: Path) -> dict[str, str]:
    """The same figures of the Parquet files under a folder, read column by column."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    files = [pq.ParquetFile(path) for path in parquet_files(folder)]
    figures: dict[str, str] = {"rows": str(sum(file.metadata.num_rows for file in files))}
    sums: dict[str, Decimal] = {}
    nulls: dict[str, int] = {}
    latest: list[str] = []
    for file in files:
        for name in dict.fromkeys((*_SUMMED, *_NULLABLE)):
            values = file.read([name]).column(0)
            nulls[name] = nulls.get(name, 0) + values.null_count
            if name in _SUMMED:
                sums[name] = sums.get(name, Decimal(0)) + Decimal(str(pc.sum(values).as_py() or 0))
        latest.append(str(pc.max(file.read([_LATEST]).column(0)).as_py()))
    figures |= {f"sum of {name}": _text(sums[name]) for name in _SUMMED if sums}
    figures |= {f"NULLs of {name}": str(nulls[name]) for name in _NULLABLE if nulls}
    figures[f"latest {_LATEST}"] = max(latest, default="").removesuffix("+00:00")
    return figures


def differences(source: Mapping[str, str], copy: Mapping[str, str]) -> tuple[str, ...]:
    """The figures in which a copy is not the source."""
    return tuple(
        f"{name} {copy.get(name)} instead of {value}" for name, value in source.items() if copy.get(name) != value
    )


def _text(value: object) -> str:
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)
