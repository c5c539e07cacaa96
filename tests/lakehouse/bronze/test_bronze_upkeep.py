"""What upkeep removes from bronze, file by file, and that no reader ever misses one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException
from hypothesis import given
from hypothesis import strategies as st
from lakehouse.bronze import bronze_upkeep
from lakehouse.bronze.bronze_upkeep import TableSweep, removable, sweep_bronze
from lakehouse.bronze.bronze_writer import FileLimits
from lakehouse.bronze.table_copy import CopyLimits, copy_table
from lakehouse.daily_run import tasks
from lakehouse.errors import SettingError
from lakehouse.lake.lake_path import LakeFile, files_below
from lakehouse.source.mysql_source import MySqlSource

from cli.main import main
from lake_model.bronze_manifest import BronzeFile, Manifest, Server
from lake_model.contracts.copy_spec import CopySpec
from local.mysql_server import MySqlServer
from local.number_rows import number_rows
from tests.lakehouse.copying import NOW, Bench, info_of
from tests.lakehouse.part_names import without_attempt

TODAY = datetime(2026, 11, 22, 12, tzinfo=UTC)
WEEK = timedelta(days=7)


@pytest.fixture
def bench(mysql_server: MySqlServer, fresh_schema: Callable[[], str], tmp_path: Path) -> Bench:
    return Bench(mysql_server, fresh_schema(), tmp_path / "lake" / "bronze")


def age(bench: Bench, days: float) -> None:
    """Make everything in bronze as old as that."""
    moment = (TODAY - timedelta(days=days)).timestamp()
    for path in bench.root.rglob("*"):
        os.utime(path, (moment, moment))


def names(bench: Bench, table: str) -> list[str]:
    """All files of a table."""
    return [file.name for file in files_below(bench.folder(table))]


def litter(bench: Bench, table: str) -> list[str]:
    """What copies that were killed leave behind."""
    left = ["business_date=2026-11-19/part-killed-0.parquet", "business_date=2026-11-20/._manifest.json.77.partial"]
    left += ["._latest.json.77.partial", "_time-77"]
    for name in left:
        (bench.folder(table) / name).write_bytes(b"half")
    return left


@pytest.fixture
def sales(bench: Bench) -> tuple[Bench, CopySpec]:
    """A fact table whose two dates were copied on three days, one of them changing each time."""
    bench.sql("CREATE TABLE sales (d DATE, n INT)", "INSERT INTO sales VALUES ('2026-11-18', 1), ('2026-11-19', 2)")
    spec = bench.spec("sales", "d")
    for day in ("2026-11-19", "2026-11-20", "2026-11-21"):
        bench.copy(spec, day, day)
        bench.sql("UPDATE sales SET n = n + 1 WHERE d = '2026-11-19'")
    return bench, spec


@pytest.fixture
def product(bench: Bench) -> tuple[Bench, CopySpec]:
    """A dimension whose snapshots of three days all differ."""
    bench.sql("CREATE TABLE product (code INT)", "INSERT INTO product VALUES (1)")
    for day in ("2026-11-19", "2026-11-20", "2026-11-21"):
        bench.copy(bench.spec("product"), day, day)
        bench.sql("UPDATE product SET code = code + 1")
    return bench, bench.spec("product")


@pytest.mark.mysql
@pytest.mark.one_server
def test_replaced_indexes_of_facts_go_with_the_files_that_only_they_name(sales: tuple[Bench, CopySpec]) -> None:
    bench, _ = sales
    before, left = bench.rows("sales"), litter(bench, "sales")
    age(bench, 8)
    (swept,) = sweep_bronze(bench.root, TODAY, WEEK)
    assert without_attempt(names(bench, "sales")) == [
        "_latest.json",
        # Of the first day's file only the date that never changed is still read.
        "business_date=2026-11-19/part-2026-11-19-0.parquet",
        "business_date=2026-11-21/_manifest.json",
        "business_date=2026-11-21/part-2026-11-21-0.parquet",
    ]
    assert without_attempt(swept.removed) == sorted(
        [
            *left,
            "business_date=2026-11-19/_manifest.json",
            "business_date=2026-11-20/_manifest.json",
            "business_date=2026-11-20/part-2026-11-20-0.parquet",
        ]
    )
    assert bench.rows("sales") == before
    assert sweep_bronze(bench.root, TODAY, WEEK) == [TableSweep(bench.schema, "sales")]


@pytest.mark.mysql
@pytest.mark.one_server
def test_every_snapshot_of_a_dimension_stays(product: tuple[Bench, CopySpec]) -> None:
    bench, _ = product
    before, left = names(bench, "product"), litter(bench, "product")
    age(bench, 4000)
    (swept,) = sweep_bronze(bench.root, TODAY, WEEK)
    assert swept.removed == tuple(sorted(left))
    assert names(bench, "product") == before
    landed = [bench.rows("product", bench.landed("product", f"2026-11-{day}")) for day in (19, 20, 21)]
    assert landed == [[(1,)], [(2,)], [(3,)]]


@pytest.mark.mysql
@pytest.mark.one_server
def test_a_snapshot_that_was_replaced_while_it_was_the_newest_goes(product: tuple[Bench, CopySpec]) -> None:
    bench, spec = product
    bench.copy(spec, "2026-11-21", "again")
    age(bench, 8)
    (swept,) = sweep_bronze(bench.root, TODAY, WEEK)
    assert without_attempt(swept.removed) == ["business_date=2026-11-21/part-2026-11-21-0.parquet"]
    assert bench.rows("product") == [(4,)]


@pytest.mark.mysql
@pytest.mark.one_server
def test_nothing_goes_within_the_grace_period(sales: tuple[Bench, CopySpec]) -> None:
    bench, _ = sales
    litter(bench, "sales")
    age(bench, 7)
    before = names(bench, "sales")
    assert sweep_bronze(bench.root, TODAY, WEEK) == [TableSweep(bench.schema, "sales")]
    assert names(bench, "sales") == before


@pytest.mark.mysql
@pytest.mark.one_server
def test_an_index_within_the_grace_period_keeps_its_old_files(sales: tuple[Bench, CopySpec]) -> None:
    bench, _ = sales
    age(bench, 8)
    young = bench.folder("sales") / "business_date=2026-11-20" / "_manifest.json"
    os.utime(young, ((TODAY - timedelta(days=6)).timestamp(),) * 2)
    (swept,) = sweep_bronze(bench.root, TODAY, WEEK)
    assert swept.removed == ("business_date=2026-11-19/_manifest.json",)


@pytest.mark.mysql
@pytest.mark.one_server
def test_a_table_that_was_just_published_is_left_to_its_readers(sales: tuple[Bench, CopySpec]) -> None:
    bench, _ = sales
    age(bench, 8)
    now = (TODAY - timedelta(hours=2)).timestamp()
    os.utime(bench.folder("sales") / "_latest.json", (now, now))
    before = names(bench, "sales")
    (swept,) = sweep_bronze(bench.root, TODAY, WEEK)
    assert str(swept) == (
        f"{bench.schema}.sales: published at 2026-11-22 10:00:00 UTC, and may still be read as it was before"
    )
    assert names(bench, "sales") == before


@pytest.mark.mysql
@pytest.mark.one_server
def test_what_is_published_after_the_listing_loses_no_file(
    sales: tuple[Bench, CopySpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a pause the sweep and the first copy begin together, and every older index is beyond the grace period."""
    bench, spec = sales
    bench.copy(spec, "2026-11-21", "settled")
    age(bench, 8)

    def listed_and_then_copied(folder: Path) -> list[LakeFile]:
        found = files_below(folder)
        # Nothing changed: the new index carries over all files of the old one.
        assert bench.copy(spec, "2026-11-22", "first").outcome == "unchanged"
        return found

    monkeypatch.setattr(bronze_upkeep, "files_below", listed_and_then_copied)
    (swept,) = sweep_bronze(bench.root, TODAY, WEEK)
    assert swept.removed == ()
    assert "may still be read as it was before" in (swept.left or "")
    assert len(bench.rows("sales")) == 2


@pytest.mark.mysql
@pytest.mark.one_server
def test_the_files_of_a_copy_that_runs_stay(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    age(bench, 8)
    swept: list[TableSweep] = []
    with MySqlSource(info_of(bench.server)) as source:
        server = source.server

        def swept_server() -> object:
            # All files of the copy stand and nothing names them yet.
            assert len([name for name in names(bench, "sales") if "running" in name]) == 2
            swept.extend(sweep_bronze(bench.root, datetime.now(UTC), timedelta(days=1)))
            return server()

        source.server = swept_server  # type: ignore[method-assign, assignment]
        bench.sql(f"INSERT INTO sales SELECT '2026-11-20', 7 FROM {number_rows(1, 800)}")
        limits = CopyLimits(batch_rows=100, files=FileLimits(row_group_rows=500, file_rows=500))
        copy_table(source, bench.root, spec, date(2026, 11, 21), "running", lambda: NOW, limits)
    assert not any("running" in name for table in swept for name in table.removed)
    assert len(bench.rows("sales")) == 802


@pytest.mark.mysql
@pytest.mark.one_server
def test_a_dry_run_tells_and_removes_nothing(product: tuple[Bench, CopySpec]) -> None:
    bench, _ = product
    left = litter(bench, "product")
    age(bench, 8)
    before = names(bench, "product")
    (swept,) = sweep_bronze(bench.root, TODAY, WEEK, dry_run=True)
    assert (swept.removed, swept.bytes) == (tuple(sorted(left)), 16)
    assert names(bench, "product") == before


@pytest.mark.mysql
@pytest.mark.one_server
def test_a_damaged_table_is_left_and_the_others_are_swept(bench: Bench) -> None:
    for table in ("bad", "good"):
        bench.sql(f"CREATE TABLE {table} (n INT)")
        bench.copy(bench.spec(table), "2026-11-20")
        litter_at = bench.folder(table) / "business_date=2026-11-20" / "part-killed-0.parquet"
        litter_at.write_bytes(b"half")
    (bench.folder("bad") / "business_date=2026-11-20" / "_manifest.json").write_text("{")
    age(bench, 8)
    bad, good = sweep_bronze(bench.root, TODAY, WEEK)
    assert "_manifest.json: it is not JSON" in (bad.problem or "")
    assert (bad.removed, good.removed) == ((), ("business_date=2026-11-20/part-killed-0.parquet",))
    assert "business_date=2026-11-20/part-killed-0.parquet" in names(bench, "bad")


@pytest.mark.mysql
@pytest.mark.one_server
def test_the_command_tells_what_it_did(product: tuple[Bench, CopySpec], capsys: pytest.CaptureFixture[str]) -> None:
    bench, _ = product
    litter(bench, "product")
    age(bench, 3000)
    lake = f"file://{bench.root.parent}"
    assert main(["upkeep", "--lake-root", lake, "--grace-days", "30"]) == 0
    assert capsys.readouterr().out == (
        f"{bench.schema}.product: 4 files removed, 16 bytes\n1 tables: 4 files removed, 16 bytes\n"
    )
    (bench.folder("product") / "_latest.json").write_text("[]")
    age(bench, 3000)
    assert main(["upkeep", "--lake-root", lake, "--grace-days", "30"]) == 1
    assert "_latest.json: it must be a JSON object, not list" in capsys.readouterr().out
    assert main(["upkeep", "--lake-root", lake, "--grace-days", "0"]) == 2
    assert (
        "setting bronze_grace_days has the value '0', but must be a whole number of at least 1"
        in capsys.readouterr().err
    )


def test_a_grace_period_that_a_copy_could_outlast_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="a grace period of 23:00:00 is too short: a copy that runs"):
        sweep_bronze(tmp_path, TODAY, timedelta(hours=23))


def test_a_lake_without_bronze_needs_no_upkeep(tmp_path: Path) -> None:
    assert sweep_bronze(tmp_path / "bronze", TODAY, WEEK) == []


def test_what_bronze_did_not_write_stays() -> None:
    old = TODAY - timedelta(days=900)
    strangers = [
        "README.md",
        "business_date=2026-11-20/notes.parquet",
        "part-x-0.parquet",
        "business_date=x/part-1.parquet",
    ]
    assert removable([LakeFile(name, 1, old) for name in strangers], {}, None, TODAY - WEEK) == []


DAYS = st.integers(1, 9)
PARTS = st.lists(st.integers(0, 5), max_size=4)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[LakeFile], dict[str, Manifest], str | None]:
    """A table's folder: files of any age, manifests that name some of them, and a pointer to one of these."""
    dated = draw(st.booleans())
    parts = [f"business_date=2026-11-0{day}/part-r-{number}.parquet" for day in range(1, 4) for number in range(3)]
    manifests = {
        f"business_date=2026-11-0{day}/_manifest.json": _manifest(draw(st.sets(st.sampled_from(parts))), dated)
        for day in draw(st.sets(st.integers(1, 3)))
    }
    visible = draw(st.sampled_from([None, *manifests]))
    files = [LakeFile(name, 1, TODAY - timedelta(days=draw(DAYS))) for name in [*parts, *manifests]]
    return files, manifests, visible


def _manifest(files: set[str], dated: bool) -> Manifest:
    return Manifest(
        "s", "t", "2026-11-01", "r", "", "fingerprint", "d" if dated else None, "", Server(""), (),
        {name: BronzeFile(1, 1, "") for name in files}, (), 0, {}, 0, {},
    )  # fmt: skip


def test_the_task_fails_with_the_damaged_table_once_the_others_are_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEHOUSE_LAKE_ROOT", f"file://{tmp_path}")
    day = "business_date=2026-11-20"
    for table in ("bad", "good"):
        folder = tmp_path / "bronze" / "s" / table / day
        folder.mkdir(parents=True)
        (folder / "part-killed-0.parquet").write_bytes(b"half")
        os.utime(folder / "part-killed-0.parquet", (0, 0))
    pointer = tmp_path / "bronze" / "s" / "bad" / "_latest.json"
    pointer.write_text("[]")
    os.utime(pointer, (0, 0))
    with pytest.raises(
        AirflowFailException,
        match=r"^s\.bad: .*_latest\.json: it must be a JSON object, not list; make it .*$",
    ):
        tasks.sweep_bronze.function()
    assert [file.name for file in files_below(tmp_path / "bronze" / "s")] == [
        "bad/_latest.json",
        f"bad/{day}/part-killed-0.parquet",
    ]


def test_a_clock_that_is_ahead_makes_no_file_of_a_running_copy_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ahead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Ahead:
            return cls.fromtimestamp(time.time() + timedelta(days=30).total_seconds(), tz)

    monkeypatch.setattr(tasks, "datetime", Ahead)
    monkeypatch.setenv("LAKEHOUSE_LAKE_ROOT", f"file://{tmp_path}")
    folder = tmp_path / "bronze" / "s" / "t" / "business_date=2026-11-20"
    folder.mkdir(parents=True)
    (folder / "part-running-0.parquet").write_bytes(b"half")
    (folder / "part-killed-0.parquet").write_bytes(b"half")
    os.utime(folder / "part-killed-0.parquet", (0, 0))
    tasks.sweep_bronze.function()
    assert [file.name for file in files_below(folder)] == ["part-running-0.parquet"]


@given(tables())
def test_no_file_that_a_reader_may_come_to_ever_goes(
    table: tuple[list[LakeFile], dict[str, Manifest], str | None],
) -> None:
    files, manifests, visible = table
    gone = {file.name for file in removable(files, manifests, visible, TODAY - WEEK)}
    readable = {name for name, manifest in manifests.items() if name == visible or manifest.date_column is None}
    assert not gone & readable
    assert not gone & {file for name in readable for file in manifests[name].files}
    assert not gone & {file.name for file in files if file.modified >= TODAY - WEEK}
    # What stays and is old has a reason to: it is read, or an index within the grace period names it.
    kept = {name for name in manifests if name not in gone}
    old = {file.name for file in files if file.modified < TODAY - WEEK}
    assert old - gone == old & (readable | {file for name in kept for file in manifests[name].files})


def test_a_sweep_twice_is_a_sweep_once() -> None:
    old = TODAY - timedelta(days=9)
    first = _manifest({"business_date=2026-11-01/part-r-0.parquet"}, True)
    manifests = {"business_date=2026-11-01/_manifest.json": first, "business_date=2026-11-02/_manifest.json": first}
    files = [LakeFile(name, 1, old) for name in [*manifests, *first.files]]
    once = removable(files, manifests, "business_date=2026-11-02/_manifest.json", TODAY - WEEK)
    assert [file.name for file in once] == ["business_date=2026-11-01/_manifest.json"]
