"""`compare` over bronze that a real copy made."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli.commands.command import DONE, FOUND_WRONG
from cli.main import main
from local.mysql_server import MySqlServer
from tests.lakehouse.copying import Bench

pytestmark = pytest.mark.mysql
FIRST, SECOND = dt.datetime(2026, 11, 19, 8, 30), dt.datetime(2026, 11, 20, 23, 59, 59, 999999)


@pytest.mark.one_server
def test_a_date_that_was_copied_again_is_compared_by_its_newest_rows(
    mysql_server: MySqlServer, fresh_schema: Callable[[], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(mysql_server, fresh_schema(), tmp_path / "bronze")
    bench.sql(
        "CREATE TABLE sale (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, sold DATETIME(6), amount DECIMAL(10,2),"
        " paid TINYINT(1))",
        f"INSERT INTO sale VALUES (1, '{FIRST}', 1.50, 1), (2, '{SECOND}', 2.50, 0), (3, '2026-11-22', 9, 1),"
        " (4, NULL, 4, 1)",
    )
    spec = bench.spec("sale", "sold")
    bench.copy(spec, "2026-11-20")
    bench.sql("UPDATE sale SET amount = 3.50 WHERE id = 2")
    bench.copy(spec, "2026-11-21")
    rows = {
        "id": pa.array([Decimal(number) for number in (4, 1, 2, 3)], pa.decimal128(20, 0)),
        "sold": pa.array([None, FIRST, SECOND, dt.datetime(2026, 11, 22)], pa.timestamp("us")),
        "amount": pa.array([Decimal(text) for text in ("4.00", "1.50", "3.50", "9.00")], pa.decimal128(10, 2)),
        "paid": [True, True, False, True],
    }
    pq.write_table(pa.table(rows), tmp_path / "adf.parquet", use_deprecated_int96_timestamps=True)

    def compared(day: str) -> int:
        place = ["--schema", bench.schema, "--lake-root", str(tmp_path), "--contracts", str(tmp_path / "none")]
        return main(["compare", "sale", day, str(tmp_path / "adf.parquet"), "--key", "id", "--json", *place])

    assert compared("2026-11-21") == DONE
    findings = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (findings["rows_here"], findings["rows_there"], findings["rows_not_due"]) == (3, 3, 1)
    assert [(one["column"], one["here"], one["there"]) for one in findings["types"]] == [("paid", "TINYINT", "BOOLEAN")]
    # The run of the day before saw the row as it was then.
    assert compared("2026-11-20") == FOUND_WRONG
    findings = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [(one["column"], one["rows"]) for one in findings["columns"] if one["rows"]] == [("amount", 1)]
