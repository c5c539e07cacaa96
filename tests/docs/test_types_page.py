"""The page of types says what the copy, Parquet and Spark do."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lakehouse.source import type_map
from lakehouse.source.type_map import SourceColumn, plan_column

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "types.md"
ROWS = [
    [cell.strip().strip("`") for cell in line.strip("|").split("|")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| `")
]


def in_parquet(arrow_type: pa.DataType) -> str:
    """The physical and logical type of a column that the copy writes."""
    written = io.BytesIO()
    pq.write_table(pa.schema([("c", arrow_type)]).empty_table(), written, store_decimal_as_integer=True)
    column = pq.ParquetFile(written).schema.column(0)
    logical = re.match(r"\w+", str(column.logical_type))
    assert logical is not None
    return column.physical_type if logical[0] == "None" else f"{column.physical_type}, {logical[0]}"


@pytest.mark.parametrize(("mysql", "arrow", "parquet", "spark"), [row[:4] for row in ROWS])
def test_a_row_is_true(mysql: str, arrow: str, parquet: str, spark: str) -> None:
    stored = plan_column(SourceColumn("c", mysql, True)).arrow_type
    assert str(stored) == arrow
    assert in_parquet(stored) == parquet
    # Here, not above: no other test of this folder needs Spark.
    from pyspark.sql.pandas.types import from_arrow_type

    assert from_arrow_type(stored, prefer_timestamp_ntz=True).simpleString() == spark


def test_every_type_that_is_known_is_on_the_page() -> None:
    known = set(re.findall(r'"([a-z0-9_]+)"', Path(type_map.__file__).read_text(encoding="utf-8")))
    types = {name for name in known if _is_type(name)}
    text = PAGE.read_text(encoding="utf-8")
    assert {name for name in types if not re.search(rf"`{name}[ (`]", text)} == set()
    assert {"bigint", "geomcollection", "vector", "year"} <= types


def test_every_reason_of_a_substitution_is_on_the_page() -> None:
    code = Path(type_map.__file__).read_text(encoding="utf-8")
    calls = re.findall(r"_counted\(([^*][^\n]*)\)\n", code)
    reasons = {reason for call in calls for reason in re.findall(r"(\w+)=", call)}
    assert reasons == {"srid_dropped", "invalid_utf8", "zero_date", "partial_date", "invalid_date"}
    assert {reason for reason in reasons if f"`{reason}`" not in PAGE.read_text(encoding="utf-8")} == set()


def _is_type(name: str) -> bool:
    try:
        plan_column(SourceColumn("c", name, True))
    except type_map.SourceError:
        return False
    return True
