"""What a copy leaves in bronze, against a real server."""

from __future__ import annotations

import hashlib
import itertools
import json
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from lakehouse.bronze import row_copy, slice_totals
from lakehouse.bronze.bronze_writer import FileLimits
from lakehouse.bronze.table_copy import CopyLimits, copy_table
from lakehouse.errors import ContractError, SourceDriftError, SourceError, StorageError, VerificationError
from lakehouse.source.mysql_source import MySqlSource
from lakehouse.source.source_connection import ConnectionInfo

from lake_model.contracts.copy_spec import CopySpec
from local.mysql_server import MySqlServer
from local.number_rows import number_rows
from tests.lakehouse.copying import NOW, Bench, info_of, slices
from tests.lakehouse.part_names import without_attempt

pytestmark = pytest.mark.mysql


def copy_in_small_files(info: ConnectionInfo, root: Path, spec: CopySpec) -> None:
    """What the process that is killed does."""
    limits = CopyLimits(batch_rows=100, files=FileLimits(row_group_rows=500, file_rows=500))
    with MySqlSource(info) as source:
        copy_table(source, root, spec, date(2026, 11, 20), "killed", lambda: NOW, limits)


@pytest.fixture
def bench(mysql_server: MySqlServer, fresh_schema: Callable[[], str], tmp_path: Path) -> Bench:
    return Bench(mysql_server, fresh_schema(), tmp_path / "bronze")


@pytest.fixture
def sales(bench: Bench) -> tuple[Bench, CopySpec]:
    """A fact table with rows of three dates, one of no date and one of tomorrow."""
    bench.sql(
        "CREATE TABLE sales (sold_on DATE NULL, qty INT, amount DECIMAL(14,2)) ENGINE=InnoDB",
        "INSERT INTO sales VALUES ('2026-11-18', 1, 10.10), ('2026-11-19', 2, 20.20), ('2026-11-19', 3, 0.05), "
        "('2026-11-20', 4, NULL), (NULL, 5, 5.00), ('2026-11-21', 6, 6.00)",
    )
    return bench, bench.spec("sales", "sold_on")


def test_the_first_copy_lands_all_that_is_due(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    outcome = bench.copy(spec, "2026-11-20", run_id="manual__2026-11-20T00:00:00+00:00")
    manifest = bench.visible("sales")
    assert slices(manifest) == {"2026-11-18": 1, "2026-11-19": 2, "2026-11-20": 1, "undated": 1}
    assert {item.slice: dict(item.sums) for item in manifest.slices} == {
        "2026-11-18": {"qty": "1", "amount": "10.10"},
        "2026-11-19": {"qty": "5", "amount": "20.25"},
        "2026-11-20": {"qty": "4", "amount": "0"},
        "undated": {"qty": "5", "amount": "5.00"},
    }
    assert (manifest.rows, dict(manifest.sums)) == (5, {"qty": "15", "amount": "35.35"})
    assert manifest.rows_not_yet_due == 1
    assert manifest.copied_at == "2026-11-21T02:00:05.123456Z"
    assert [(c.name, c.mysql_type, c.arrow_type) for c in manifest.columns] == [
        ("sold_on", "date", "date32[day]"),
        ("qty", "int", "int32"),
        ("amount", "decimal(14,2)", "decimal128(14, 2)"),
    ]
    assert without_attempt(manifest.files) == [
        "business_date=2026-11-20/part-manual__2026-11-20T00_00_00_00_00-0.parquet",
        "business_date=2026-11-20/part-manual__2026-11-20T00_00_00_00_00-1.parquet",
    ]
    for name, file in manifest.files.items():
        content = (bench.folder("sales") / name).read_bytes()
        assert (file.bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert file.rows == pq.read_metadata(bench.folder("sales") / name).num_rows
    published = (bench.folder("sales") / "business_date=2026-11-20" / "_manifest.json").read_bytes()
    assert json.loads((bench.folder("sales") / "_latest.json").read_text()) == {
        "manifest": "business_date=2026-11-20/_manifest.json",
        "newest_business_date": "2026-11-20",
        "manifest_sha256": hashlib.sha256(published).hexdigest(),
    }
    assert bench.rows("sales") == [
        (date(2026, 11, 18), 1, Decimal("10.10")),
        (date(2026, 11, 19), 2, Decimal("20.20")),
        (date(2026, 11, 19), 3, Decimal("0.05")),
        (date(2026, 11, 20), 4, None),
        (None, 5, Decimal("5.00")),
    ]
    assert outcome.outcome == "copied"
    assert (outcome.rows_read, outcome.rows_written, outcome.rows_in_table) == (5, 5, 5)
    assert outcome.bytes_written == sum(file.bytes for file in manifest.files.values())
    assert outcome.detail() == {
        "slices_checked": 5,
        "slices_copied": 4,
        "slices_resumed": 0,
        "slices_dropped": 0,
        "files": 2,
        "rows_not_yet_due": 1,
        "rows_in_table": 5,
        "drift": [],
        "notes": [],
    }


def test_an_unchanged_table_writes_no_parquet_and_still_lands_its_index(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    bench.copy(spec, "2026-11-20")
    before, files = bench.visible("sales"), bench.files("sales")
    bench.sql("DELETE FROM sales WHERE sold_on = '2026-11-21'")
    outcome = bench.copy(spec, "2026-11-21", "another")
    assert (outcome.outcome, outcome.rows_read, outcome.files, outcome.bytes_written) == ("unchanged", 0, 0, 0)
    assert bench.files("sales") == files
    after = bench.visible("sales")
    assert (after.business_date, after.slices, after.files) == ("2026-11-21", before.slices, before.files)


def test_changed_late_and_deleted_rows_are_found_without_a_watermark(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    bench.copy(spec, "2026-11-20")
    old = {item.slice: item for item in bench.visible("sales").slices}
    bench.sql(
        "UPDATE sales SET amount = 20.21 WHERE qty = 2",
        "INSERT INTO sales VALUES ('2026-10-01', 7, 7.00)",
        "DELETE FROM sales WHERE sold_on = '2026-11-18'",
    )
    outcome = bench.copy(spec, "2026-11-20", "again")
    assert (outcome.slices_copied, outcome.slices_dropped, outcome.rows_read) == (2, 1, 3)
    new = {item.slice: item for item in bench.visible("sales").slices}
    assert set(new) == {"2026-10-01", "2026-11-19", "2026-11-20", "undated"}
    assert (new["2026-11-20"], new["undated"]) == (old["2026-11-20"], old["undated"])
    assert new["2026-11-19"].fingerprint != old["2026-11-19"].fingerprint
    assert bench.rows("sales")[:3] == [
        (date(2026, 10, 1), 7, Decimal("7.00")),
        (date(2026, 11, 19), 2, Decimal("20.21")),
        (date(2026, 11, 19), 3, Decimal("0.05")),
    ]


def test_a_slice_that_changes_back_gets_its_old_fingerprint(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    versions = []
    for amount in ("20.20", "99.99", "20.20"):
        bench.sql(f"UPDATE sales SET amount = {amount} WHERE qty = 2")
        bench.copy(spec, "2026-11-20")
        versions.append({item.slice: item.fingerprint for item in bench.visible("sales").slices}["2026-11-19"])
    assert versions[0] == versions[2] != versions[1]


def test_rows_of_other_slices_in_a_shared_file_are_never_read_back(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    bench.copy(spec, "2026-11-20")
    bench.sql("UPDATE sales SET qty = 40 WHERE sold_on = '2026-11-19' AND qty = 2")
    bench.copy(spec, "2026-11-20")
    stale = [pq.read_table(bench.folder("sales") / name)["qty"].to_pylist() for name in bench.visible("sales").files]
    assert sorted(itertools.chain.from_iterable(stale)) == [1, 2, 3, 3, 4, 5, 40]
    assert sorted(row[1] for row in bench.rows("sales")) == [1, 3, 4, 5, 40]


def test_a_rerun_with_the_same_run_id_overwrites_no_file(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    bench.copy(spec, "2026-11-20")
    first = {name: (bench.folder("sales") / name).read_bytes() for name in bench.visible("sales").files}
    bench.sql("UPDATE sales SET qty = qty + 1")
    bench.copy(spec, "2026-11-20")
    assert {name: (bench.folder("sales") / name).read_bytes() for name in first} == first
    assert not set(first) & set(bench.visible("sales").files)


def test_a_backfill_copies_its_own_date_alone(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    bench.copy(spec, "2026-11-21")
    bench.sql("UPDATE sales SET qty = qty * 10")
    outcome = bench.copy(spec, "2026-11-19", "backfill")
    assert (outcome.outcome, outcome.slices_copied, outcome.rows_read) == ("copied", 1, 2)
    assert sorted(row[1] for row in bench.rows("sales")) == [1, 4, 5, 6, 20, 30]
    latest = json.loads((bench.folder("sales") / "_latest.json").read_text())
    assert latest["manifest"] == "business_date=2026-11-19/_manifest.json"
    assert latest["newest_business_date"] == "2026-11-21"
    bench.copy(spec, "2026-11-21")
    assert sorted(row[1] for row in bench.rows("sales")) == [10, 20, 30, 40, 50, 60]


@pytest.mark.parametrize(
    "change",
    [
        "ADD COLUMN note VARCHAR(9) DEFAULT 'x'", "MODIFY qty VARCHAR(20)", "MODIFY amount DECIMAL(20,6)",
        "DROP COLUMN amount", "RENAME COLUMN amount TO total",
    ],
)  # fmt: skip
def test_a_backfill_after_a_change_of_columns_copies_every_date(sales: tuple[Bench, CopySpec], change: str) -> None:
    bench, spec = sales
    bench.copy(spec, "2026-11-21")
    bench.sql(f"ALTER TABLE sales {change}")
    outcome = bench.copy(spec, "2026-11-19", "backfill")
    visible = bench.visible("sales")
    assert (outcome.slices_copied, {item.copied_business_date for item in visible.slices}) == (5, {"2026-11-19"})
    names = [column.name for column in visible.columns]
    assert all(bench.slice("sales", item.slice).column_names == names for item in visible.slices)
    latest = json.loads((bench.folder("sales") / "_latest.json").read_text())
    assert latest["newest_business_date"] == "2026-11-21"
    assert bench.copy(spec, "2026-11-21").outcome == "unchanged"


def test_a_measure_that_belongs_to_the_key_is_summed(sales: tuple[Bench, CopySpec]) -> None:
    bench, _ = sales
    bench.sql(
        "CREATE TABLE tick (site VARCHAR(5), d DATE, qty INT, amount DECIMAL(10,2), "
        "PRIMARY KEY (site, d, qty, amount))",
        "INSERT INTO tick VALUES ('A','2026-11-20',5,1.50),('A','2026-11-20',6,2.50),('B','2026-11-19',7,3.25)",
    )
    spec = bench.spec("tick", "d")
    assert bench.copy(spec, "2026-11-20").sums == {}
    # The measures came later: what is landed without their sums is landed again.
    measured = replace(spec, measures=("qty", "amount"))
    assert bench.copy(measured, "2026-11-20").slices_copied == 2
    assert {item.slice: item.sums for item in bench.visible("tick").slices} == {
        "2026-11-19": {"qty": "7", "amount": "3.25"}, "2026-11-20": {"qty": "11", "amount": "4.00"},
    }  # fmt: skip
    assert bench.copy(measured, "2026-11-20").outcome == "unchanged"


def test_a_backfill_of_a_date_without_rows_drops_what_was_there(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    bench.copy(spec, "2026-11-20")
    bench.sql("DELETE FROM sales WHERE sold_on IN ('2026-11-18', '2026-11-19')")
    outcome = bench.copy(spec, "2026-11-18")
    assert (outcome.outcome, outcome.slices_dropped) == ("copied", 1)
    assert slices(bench.visible("sales")) == {"2026-11-19": 2, "2026-11-20": 1, "undated": 1}
    assert bench.visible("sales").rows_not_yet_due == 1


def test_dates_in_any_order_with_repeats_end_in_the_same_index(sales: tuple[Bench, CopySpec], tmp_path: Path) -> None:
    bench, spec = sales
    for day in ("2026-11-19", "2026-11-21", "2026-11-18", "2026-11-21", "2026-11-20"):
        bench.copy(spec, day)
    other = replace(bench, root=tmp_path / "other")
    other.copy(spec, "2026-11-21")
    assert bench.rows("sales") == other.rows("sales")
    versions = [{i.slice: i.fingerprint for i in one.visible("sales").slices} for one in (bench, other)]
    assert versions[0] == versions[1]


def test_faulty_dates_become_one_counted_slice(bench: Bench) -> None:
    bench.sql(
        "CREATE TABLE odd (at DATETIME(3) NULL, n INT)",
        "INSERT INTO odd VALUES ('2018-02-01 00:00:00', 1), ('2018-02-28 23:59:59.999', 2), ('0000-00-00', 3), "
        "('2018-02-00 10:00', 4), (NULL, 5), ('2018-03-01', 6), ('2018-01-31', 7), ('0000-01-01', 9)",
    )
    bench.sql("INSERT INTO odd VALUES ('2018-02-31 10:00', 8)", sql_mode="ALLOW_INVALID_DATES")
    bench.copy(bench.spec("odd", "at"), "2026-11-20")
    manifest = bench.visible("odd")
    assert slices(manifest) == {"2018-01-31": 1, "2018-02-01": 1, "2018-02-28": 1, "2018-03-01": 1, "undated": 5}
    assert manifest.substitutions == {"at": {"zero_date": 1, "partial_date": 2, "invalid_date": 1}}
    assert sorted(bench.slice("odd", "undated")["n"].to_pylist()) == [3, 4, 5, 8, 9]
    assert bench.slice("odd", "undated")["at"].null_count == 5
    bench.sql("UPDATE odd SET at = '2018-02-01 12:00' WHERE n IN (3, 8)")
    bench.copy(bench.spec("odd", "at"), "2026-11-20")
    assert sorted(bench.slice("odd", "2018-02-01")["n"].to_pylist()) == [1, 3, 8]
    assert sorted(bench.slice("odd", "undated")["n"].to_pylist()) == [4, 5, 9]
    bench.sql("UPDATE odd SET n = 20 WHERE n = 2")
    assert bench.copy(bench.spec("odd", "at"), "2018-02-28").rows_read == 1


def test_a_timestamp_dates_its_row_in_utc(bench: Bench) -> None:
    bench.sql(
        "CREATE TABLE events (at TIMESTAMP(6) NULL, n INT)",
        "SET time_zone = '+05:30'",
        "INSERT INTO events VALUES ('2026-11-20 05:29:59.999999', 1), ('2026-11-20 05:30:00', 2)",
    )
    bench.copy(bench.spec("events", "at"), "2026-11-20")
    assert slices(bench.visible("events")) == {"2026-11-19": 1, "2026-11-20": 1}
    assert bench.slice("events", "2026-11-19")["n"].to_pylist() == [1]


def test_a_dimension_keeps_one_snapshot_per_date_and_reuses_equal_ones(bench: Bench) -> None:
    bench.sql("CREATE TABLE product (code VARCHAR(8) PRIMARY KEY, price INT)", "INSERT INTO product VALUES ('a', 1)")
    spec = bench.spec("product")
    assert bench.copy(spec, "2026-11-18").outcome == "copied"
    first = bench.visible("product")
    assert bench.copy(spec, "2026-11-19").outcome == "unchanged"
    assert bench.visible("product").files == first.files
    bench.sql("INSERT INTO product VALUES ('b', 2)")
    assert bench.copy(spec, "2026-11-21").outcome == "copied"
    before = {path: path.read_bytes() for path in bench.folder("product").rglob("*") if path.is_file()}

    reused = bench.copy(spec, "2026-11-19")
    assert (reused.outcome, reused.rows_in_table, reused.rows_read) == ("reused_snapshot", 1, 0)
    missing = bench.copy(spec, "2026-11-20")
    assert (missing.outcome, missing.rows_in_table) == ("no_snapshot", 0)
    assert {path: path.read_bytes() for path in bench.folder("product").rglob("*") if path.is_file()} == before

    landed = {day: bench.landed("product", day) for day in ("2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21")}
    assert landed["2026-11-20"] is None
    assert bench.rows("product", landed["2026-11-19"]) == [("a", 1)]
    assert bench.rows("product", landed["2026-11-21"]) == [("a", 1), ("b", 2)]


def test_the_newest_snapshot_is_replaced_while_it_is_the_newest(bench: Bench) -> None:
    bench.sql("CREATE TABLE product (code VARCHAR(8) PRIMARY KEY)", "INSERT INTO product VALUES ('a')")
    bench.copy(bench.spec("product"), "2026-11-20")
    bench.sql("UPDATE product SET code = 'b'")
    bench.copy(bench.spec("product"), "2026-11-20")
    assert bench.rows("product", bench.landed("product", "2026-11-20")) == [("b",)]


@pytest.mark.parametrize("date_column", [None, "d"])
def test_an_empty_table_has_an_index_of_no_rows(bench: Bench, date_column: str | None) -> None:
    bench.sql("CREATE TABLE nothing (d DATE, n INT)")
    bench.copy(bench.spec("nothing", date_column), "2026-11-20")
    manifest = bench.visible("nothing")
    assert (manifest.rows, dict(manifest.files), dict(manifest.sums)) == (0, {}, {"n": "0"})
    assert slices(manifest) == ({} if date_column else {"all": 0})
    assert bench.rows("nothing") == []


def test_full_detection_copies_every_slice_with_no_checksum(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    spec = replace(spec, change_detection="full")
    for _ in range(2):
        assert bench.copy(spec, "2026-11-20").slices_copied == 4
    first = {item.slice: item.fingerprint for item in bench.visible("sales").slices}
    bench.copy(spec, "2026-11-20")
    assert {item.slice: item.fingerprint for item in bench.visible("sales").slices} == first
    bench.sql("UPDATE sales SET qty = 3, amount = 0.06 WHERE qty = 3")
    bench.copy(spec, "2026-11-20")
    assert {item.slice: item.fingerprint for item in bench.visible("sales").slices}["2026-11-19"] != first["2026-11-19"]


def test_an_unknown_change_detection_is_refused() -> None:
    with pytest.raises(ContractError, match="changeDetection 'guess' is not known: use fingerprint, watermark, full"):
        CopySpec("s", "t", change_detection="guess")
    with pytest.raises(ContractError, match="changeDetection watermark needs dateColumn and watermarkColumn"):
        CopySpec("s", "t", change_detection="watermark")


def test_files_roll_over_and_every_slice_names_its_files(bench: Bench) -> None:
    bench.sql(
        "CREATE TABLE many (id INT PRIMARY KEY, d DATE)",
        f"INSERT INTO many SELECT seq, '2026-11-01' + INTERVAL (seq DIV 1000) DAY FROM {number_rows(0, 9999)}",
    )
    bench.limits = CopyLimits(batch_rows=300, files=FileLimits(row_group_rows=1000, file_rows=2500))
    outcome = bench.copy(bench.spec("many", "d"), "2026-11-20")
    assert (outcome.rows_written, outcome.files) == (10_000, 4)
    manifest = bench.visible("many")
    assert all(1 <= len(item.files) <= 2 for item in manifest.slices)
    assert sorted(row[0] for row in bench.rows("many")) == list(range(10_000))


@pytest.mark.parametrize(
    "table",
    ["order items", "it's", 'the "best"', "a.b", "a/b", "back`tick", "größe ☃ 表", "100%", "semi;colon", "a\\b"],
)
def test_any_table_and_column_name_goes_through(bench: Bench, table: str) -> None:
    quoted = "`" + table.replace("`", "``") + "`"
    bench.sql(f"CREATE TABLE {quoted} ({quoted} DATE, n INT)", f"INSERT INTO {quoted} VALUES ('2026-11-20', 7)")
    bench.copy(bench.spec(table, table), "2026-11-20")
    assert bench.rows(table) == [(date(2026, 11, 20), 7)]
    assert len(list((bench.root / bench.schema).iterdir())) == 1


def test_generated_and_invisible_columns_are_copied(bench: Bench) -> None:
    bench.sql("CREATE TABLE t (a INT, twice INT AS (a * 2) VIRTUAL, hidden INT INVISIBLE DEFAULT 9)")
    bench.sql("INSERT INTO t (a) VALUES (4)")
    bench.copy(bench.spec("t"), "2026-11-20")
    assert bench.slice("t", "all").to_pylist() == [{"a": 4, "twice": 8, "hidden": 9}]


def test_a_view_is_copied_like_a_table(sales: tuple[Bench, CopySpec]) -> None:
    bench, _ = sales
    bench.sql("CREATE VIEW big AS SELECT sold_on, SUM(qty) AS total FROM sales GROUP BY sold_on")
    bench.copy(bench.spec("big", "sold_on"), "2026-11-19")
    assert bench.rows("big") == [
        (date(2026, 11, 18), Decimal(1)),
        (date(2026, 11, 19), Decimal(5)),
        (None, Decimal(5)),
    ]


def test_drift_stops_a_contracted_copy_before_anything_is_written(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    spec = replace(spec, contracted_columns=(("qty", "int(11)"), ("amount", "decimal(14,2)"), ("sold_on", "date")))
    bench.copy(spec, "2026-11-20")
    before = {path: path.read_bytes() for path in bench.root.rglob("*") if path.is_file()}
    bench.sql("ALTER TABLE sales MODIFY qty BIGINT", "ALTER TABLE sales DROP COLUMN amount")
    with pytest.raises(SourceDriftError) as caught:
        bench.copy(spec, "2026-11-21")
    assert f"{bench.schema}.sales: column qty is int(11) by contract, but bigint at the source" in str(caught.value)
    assert f"{bench.schema}.sales: column amount (decimal(14,2)) is missing at the source" in str(caught.value)
    assert {path: path.read_bytes() for path in bench.root.rglob("*") if path.is_file()} == before


def test_a_new_column_is_taken_reported_and_copies_every_slice_anew(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    spec = replace(spec, contracted_columns=(("qty", None), ("amount", None), ("sold_on", None)))
    bench.copy(spec, "2026-11-20")
    bench.sql("ALTER TABLE sales ADD COLUMN note VARCHAR(9) DEFAULT 'x'")
    outcome = bench.copy(spec, "2026-11-20")
    assert outcome.drift == ("column note (varchar(9)) is not in the contract",)
    assert outcome.slices_copied == 4
    assert {row[3] for row in bench.rows("sales")} == {"x"}


def test_another_date_column_slices_the_whole_table_anew(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    bench.sql("ALTER TABLE sales ADD COLUMN shipped DATE", "UPDATE sales SET shipped = sold_on + INTERVAL 1 DAY")
    bench.copy(spec, "2026-11-22")
    bench.copy(bench.spec("sales", "shipped"), "2026-11-19")
    assert slices(bench.visible("sales")) == {
        "2026-11-19": 1,
        "2026-11-20": 2,
        "2026-11-21": 1,
        "2026-11-22": 1,
        "undated": 1,
    }
    assert len(bench.rows("sales")) == 6


def test_a_table_that_is_gone_is_named(sales: tuple[Bench, CopySpec]) -> None:
    bench, _ = sales
    with pytest.raises(SourceError, match=r"mysql_onprem .*gone.*correct the table's name, or remove its contract"):
        bench.copy(bench.spec("gone"), "2026-11-20")
    assert not bench.root.exists()


def test_the_copy_is_of_one_instant_while_others_write(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    with MySqlSource(info_of(bench.server)) as source:
        stream = source.stream

        def edited_stream(*arguments: object) -> Iterator[object]:
            bench.sql("UPDATE sales SET qty = qty + 100", "INSERT INTO sales VALUES ('2026-11-18', 9, 9)")
            return stream(*arguments)  # type: ignore[arg-type]

        source.stream = edited_stream  # type: ignore[method-assign, assignment]
        copy_table(source, bench.root, spec, date(2026, 11, 20), "run", lambda: NOW)
    assert sorted(row[1] for row in bench.rows("sales")) == [1, 2, 3, 4, 5]
    assert len(bench.ask("SELECT * FROM sales")) == 8


def test_a_lost_connection_leaves_the_old_index_and_no_files(
    sales: tuple[Bench, CopySpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, spec = sales
    bench.copy(spec, "2026-11-20")
    before = {path: path.read_bytes() for path in bench.root.rglob("*") if path.is_file()}
    bench.limits = CopyLimits(batch_rows=100, files=FileLimits(row_group_rows=500))
    decode, batches = row_copy.decode_column, iter(range(10**9))

    def killing_decode(*arguments: object) -> object:
        if next(batches) == 9:
            bench.sql(f"KILL {source._thread_id}")
        return decode(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(row_copy, "decode_column", killing_decode)
    # More bytes than the connection's buffers hold: the server is still in the middle of its answer when it is killed.
    bench.sql(
        "ALTER TABLE sales ADD COLUMN note TEXT",
        f"INSERT INTO sales SELECT '2026-11-17', seq, 1, REPEAT('x', 6000) FROM {number_rows(1, 5000)}",
    )
    big = replace(spec, change_detection="full")
    with (
        MySqlSource(info_of(bench.server)) as source,
        pytest.raises(SourceError, match=r"cannot read: .*\(error \d+\)"),
    ):
        copy_table(source, bench.root, big, date(2026, 11, 20), "killed", lambda: NOW, bench.limits)
    assert {path: path.read_bytes() for path in bench.root.rglob("*") if path.is_file()} == before


def test_a_killed_copy_leaves_the_old_index_and_the_next_one_goes_through(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    bench.sql("CREATE VIEW slow AS SELECT sold_on, qty + SLEEP(4 * (qty > 9000)) AS qty FROM sales")
    slow = replace(spec, table="slow", change_detection="full")
    bench.copy(slow, "2026-11-20")
    before, files = bench.visible("slow"), bench.files("slow")
    # The fingerprint's sums pass the first slow row at once; those that follow hold the stream up.
    bench.sql(f"INSERT INTO sales SELECT '2026-11-17', 1, 1 FROM {number_rows(1, 5000)}")
    bench.sql(f"INSERT INTO sales SELECT '2026-11-17', 9001, 1 FROM {number_rows(1, 2)}")
    child = multiprocessing.get_context("spawn").Process(
        target=copy_in_small_files, args=(info_of(bench.server), bench.root, slow)
    )
    child.start()
    try:
        while bench.files("slow") == files:
            assert child.is_alive()
    finally:
        child.kill()
        child.join()
    assert child.exitcode == -signal.SIGKILL
    assert bench.visible("slow") == before
    assert len(bench.rows("slow")) == 5
    bench.sql("DELETE FROM sales WHERE qty = 9001")
    bench.copy(slow, "2026-11-20")
    assert slices(bench.visible("slow"))["2026-11-17"] == 5000


def test_a_full_disk_is_a_clear_error_and_leaves_nothing_new(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    bench.copy(spec, "2026-11-20")
    before = {path: path.read_bytes() for path in bench.root.rglob("*") if path.is_file()}
    bench.sql(
        "INSERT INTO sales SELECT '2026-11-17', RAND(1) * 1000000000, RAND(2) * 1000000000 "
        f"FROM {number_rows(1, 20000)}"
    )
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(StorageError, match=r"cannot write .*part-run-\w+-0.parquet: .*limit on a file's size"):
            bench.copy(spec, "2026-11-20")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {path: path.read_bytes() for path in bench.root.rglob("*") if path.is_file()} == before
    bench.copy(spec, "2026-11-20")
    assert slices(bench.visible("sales"))["2026-11-17"] == 20_000


def test_files_that_a_half_done_publication_made_visible_are_kept(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    bench.copy(spec, "2026-11-20")
    bench.sql("UPDATE sales SET qty = 40 WHERE qty = 4")
    # A folder of this name keeps the pointer from being written; the manifest before it can be.
    blocked = bench.folder("sales") / f"._latest.json.{os.getpid()}.partial"
    blocked.mkdir()
    with pytest.raises(StorageError, match=r"cannot write .*_latest\.json"):
        bench.copy(spec, "2026-11-20")
    blocked.rmdir()
    assert sorted(row[1] for row in bench.rows("sales")) == [1, 2, 3, 5, 40]
    bench.sql("UPDATE sales SET qty = 50 WHERE qty = 5")
    bench.copy(spec, "2026-11-20")
    assert sorted(row[1] for row in bench.rows("sales")) == [1, 2, 3, 40, 50]


def test_two_copies_at_once_lose_no_slice_of_either(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    bench.copy(spec, "2026-11-19", "first")
    bench.sql("UPDATE sales SET qty = qty * 10")
    with MySqlSource(info_of(bench.server)) as source:
        stream = source.stream

        def overtaken_stream(*arguments: object) -> Iterator[object]:
            bench.copy(spec, "2026-11-20", "scheduled")
            source.stream = stream  # type: ignore[method-assign]
            return stream(*arguments)  # type: ignore[arg-type]

        source.stream = overtaken_stream  # type: ignore[method-assign, assignment]
        with pytest.raises(StorageError) as caught:
            copy_table(source, bench.root, spec, date(2026, 11, 19), "backfill", lambda: NOW)
    assert str(caught.value) == (
        f"{bench.schema}.sales: another run (scheduled, of business date 2026-11-20) published the table meanwhile: "
        "nothing was changed; the task tries again"
    )
    assert not [name for name in bench.files("sales") if "backfill" in name]
    assert sorted(row[1] for row in bench.rows("sales")) == [10, 20, 30, 40, 50]
    bench.sql("UPDATE sales SET qty = qty + 1 WHERE sold_on = '2026-11-19'")
    assert bench.copy(spec, "2026-11-19", "backfill").slices_copied == 1
    assert sorted(row[1] for row in bench.rows("sales")) == [10, 21, 31, 40, 50]


def test_two_first_copies_at_once_are_noticed(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    with MySqlSource(info_of(bench.server)) as source:
        server = source.server

        def overtaken_server() -> object:
            bench.copy(spec, "2026-11-20", "scheduled")
            return server()

        source.server = overtaken_server  # type: ignore[method-assign, assignment]
        with pytest.raises(StorageError, match=r"another run \(scheduled, .* published the table meanwhile"):
            copy_table(source, bench.root, spec, date(2026, 11, 18), "backfill", lambda: NOW)
    assert len(bench.rows("sales")) == 5


def test_a_copy_that_lost_rows_is_never_published(
    sales: tuple[Bench, CopySpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, spec = sales
    select = row_copy.select_sql
    monkeypatch.setattr(row_copy, "select_sql", lambda *given: f"SELECT * FROM ({select(*given)} LIMIT 3) AS part")
    with pytest.raises(
        VerificationError, match=rf"{bench.schema}.sales, sold_on 2026-11-\d\d: rows is \d at the source"
    ):
        bench.copy(spec, "2026-11-20")
    assert [path for path in bench.root.rglob("*") if path.is_file()] == []


def test_a_copy_that_changed_a_value_is_never_published(
    sales: tuple[Bench, CopySpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, spec = sales
    select = row_copy.select_sql
    monkeypatch.setattr(
        row_copy, "select_sql", lambda *given: select(*given).replace("`amount`", "`amount` + IF(qty = 3, 0.01, 0)")
    )
    with pytest.raises(VerificationError) as caught:
        bench.copy(spec, "2026-11-20")
    assert str(caught.value).startswith(
        f"{bench.schema}.sales, sold_on 2026-11-19: the sum of amount is 20.25 at the source, but 20.26 as copied"
    )
    assert [path for path in bench.root.rglob("*") if path.is_file()] == []


def test_sums_past_the_limits_of_arrow_are_exact(bench: Bench) -> None:
    row = "(9223372036854775807, 18446744073709551615, REPEAT(9, 38), 1e300, 0.1)"
    bench.sql(
        "CREATE TABLE huge (s BIGINT, u BIGINT UNSIGNED, d DECIMAL(38,0), x DOUBLE, f FLOAT)",
        f"INSERT INTO huge VALUES {', '.join([row] * 50)}",
    )
    bench.copy(bench.spec("huge"), "2026-11-20")
    sums = bench.visible("huge").sums
    assert (sums["s"], sums["u"]) == (str(50 * (2**63 - 1)), str(50 * (2**64 - 1)))
    assert sums["d"] == str(50 * (10**38 - 1))
    assert float(sums["x"]) == pytest.approx(5e301)


def test_slice_totals_reject_an_unexpected_slice() -> None:
    with pytest.raises(VerificationError, match="t, d 2026-11-20: rows is 0 at the source, but 3 as copied"):
        slice_totals.verify("t", "d", [], {"2026-11-20": slice_totals.Totals(rows=3)})
