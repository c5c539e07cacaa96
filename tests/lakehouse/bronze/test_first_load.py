"""The first load of a large table: copied at once, fingerprinted when it is first compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from lakehouse.bronze import row_copy
from lakehouse.bronze.row_copy import CopyLimits
from lakehouse.bronze.table_copy import copy_table
from lakehouse.errors import SourceUnavailableError, VerificationError
from lakehouse.source import side_questions
from lakehouse.source.mysql_source import MySqlSource

from lake_model.contracts.copy_spec import CopySpec
from local.mysql_server import MySqlServer
from local.number_rows import number_rows
from tests.lakehouse.copying import NOW, Bench, info_of, slices

pytestmark = pytest.mark.mysql

DATED = {"2026-11-18": 100, "2026-11-19": 100, "2026-11-20": 100, "undated": 3}


@pytest.fixture
def bench(mysql_server: MySqlServer, fresh_schema: Callable[[], str], tmp_path: Path) -> Bench:
    return Bench(mysql_server, fresh_schema(), tmp_path / "bronze", CopyLimits(large_table_rows=0))


@pytest.fixture
def sales(bench: Bench) -> tuple[Bench, CopySpec]:
    """A table of 100 rows on each of four dates, the last of them not due, and three rows of no whole date."""
    bench.sql(
        "CREATE TABLE sales (id INT PRIMARY KEY, sold_on DATE NULL, note VARCHAR(40), amount DECIMAL(14,2), "
        "at DATETIME(3), long_note TEXT, KEY (sold_on))",
        "INSERT INTO sales SELECT seq, '2026-11-18' + INTERVAL seq DIV 100 DAY, "
        "IF(seq % 7 = 0, NULL, CONCAT('é', seq)), seq / 100, '2026-11-18' + INTERVAL seq * 1001 MICROSECOND, "
        f"REPEAT('x', seq % 50) FROM {number_rows(0, 399)}",
        "INSERT INTO sales VALUES (1000, NULL, '', 1, NULL, NULL), (1001, '0000-00-00', '', 1, NULL, NULL), "
        "(1002, '2027-02-00', '', 1, NULL, NULL)",
    )
    return bench, bench.spec("sales", "sold_on")


def ordinary(bench: Bench, tmp_path: Path) -> Bench:
    """The same source, copied to another place by asking for fingerprints first."""
    return replace(bench, root=tmp_path / "ordinary", limits=CopyLimits())


def test_it_lands_what_an_ordinary_copy_lands(sales: tuple[Bench, CopySpec], tmp_path: Path) -> None:
    bench, spec = sales
    other = ordinary(bench, tmp_path)
    first, second = bench.copy(spec, "2026-11-20"), other.copy(spec, "2026-11-20")
    assert slices(bench.visible("sales")) == DATED
    assert first.detail() | {"files": 0} == second.detail() | {"files": 0}
    assert bench.rows("sales") == other.rows("sales")
    one, two = bench.visible("sales"), other.visible("sales")
    assert (one.rows_not_yet_due, one.sums, one.substitutions) == (100, two.sums, two.substitutions)
    assert [(s.slice, s.rows, s.sums) for s in one.slices] == [(s.slice, s.rows, s.sums) for s in two.slices]
    assert {s.source_fingerprint for s in one.slices} == {None}
    assert all(s.source_fingerprint == s.fingerprint for s in two.slices)


@pytest.mark.parametrize("most_rows", [2**21, 1])
def test_sums_are_exact_whichever_way_the_server_adds_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, most_rows: int
) -> None:
    bench.sql(
        "CREATE TABLE t (id INT PRIMARY KEY, d DATE, tiny TINYINT UNSIGNED, small SMALLINT, medium MEDIUMINT, n INT, "
        "u INT UNSIGNED, big BIGINT, none INT)",
        "INSERT INTO t SELECT seq, '2026-11-19' + INTERVAL seq % 2 DAY, 255, -32768, 8388607, -2147483648, "
        f"4294967295 - seq, 9223372036854775807, NULL FROM {number_rows(1, 7)}",
    )
    # A slice of more rows than may be added up in doubles is asked about once more.
    monkeypatch.setattr("lakehouse.source.type_map._BITS_OF_A_DOUBLE", 32 + (most_rows - 1).bit_length())
    bench.copy(bench.spec("t", "d"), "2026-11-20")
    assert [(s.slice, s.rows, dict(s.sums)) for s in bench.visible("t").slices] == [
        (day, rows, {
            "tiny": str(255 * rows), "small": str(-32768 * rows), "medium": str(8388607 * rows),
            "n": str(-2147483648 * rows), "u": str(4294967295 * rows - keys), "big": str(9223372036854775807 * rows),
            "none": "0",
        })
        for day, rows, keys in (("2026-11-19", 3, 2 + 4 + 6), ("2026-11-20", 4, 1 + 3 + 5 + 7))
    ]  # fmt: skip


def test_the_next_run_copies_nothing_and_knows_the_fingerprints(sales: tuple[Bench, CopySpec], tmp_path: Path) -> None:
    bench, spec = sales
    bench.sql("DELETE FROM sales WHERE id IN (1001, 1002)")
    bench.copy(spec, "2026-11-20")
    landed, files = bench.visible("sales"), bench.files("sales")
    outcome = bench.copy(spec, "2026-11-20", "next")
    assert (outcome.outcome, outcome.slices_checked, outcome.rows_read) == ("unchanged", 5, 0)
    other = ordinary(bench, tmp_path)
    other.copy(spec, "2026-11-20")
    now = bench.visible("sales")
    assert [replace(s, source_fingerprint=None) for s in now.slices] == list(landed.slices)
    assert [s.source_fingerprint for s in now.slices] == [s.source_fingerprint for s in other.visible("sales").slices]
    assert bench.files("sales") == files


def test_a_slice_with_substituted_values_is_copied_once_more(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    bench.copy(spec, "2026-11-20")
    outcome = bench.copy(spec, "2026-11-20", "next")
    assert (outcome.slices_copied, outcome.rows_read) == (1, 3)
    assert bench.copy(spec, "2026-11-20", "third").outcome == "unchanged"


@pytest.mark.parametrize(
    "change",
    [
        "note = 'e57' WHERE id = 57",
        "note = '' WHERE id = 7",
        "note = NULL WHERE id = 57",
        "at = at + INTERVAL 1000 MICROSECOND WHERE id = 57",
        "long_note = UPPER(long_note) WHERE id = 57",
        "amount = amount + IF(id = 57, 1, -1) WHERE id IN (57, 58)",
    ],
)
def test_a_change_before_the_next_run_is_found(sales: tuple[Bench, CopySpec], change: str) -> None:
    bench, spec = sales
    bench.sql("DELETE FROM sales WHERE id >= 1000")
    bench.copy(spec, "2026-11-20")
    bench.sql(f"UPDATE sales SET {change}")
    outcome = bench.copy(spec, "2026-11-20", "next")
    assert (outcome.slices_copied, outcome.rows_read) == (1, 100)
    assert bench.copy(spec, "2026-11-20", "third").outcome == "unchanged"


def test_a_backfill_after_it_compares_its_own_date_alone(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    bench.copy(spec, "2026-11-20")
    assert bench.copy(spec, "2026-11-19", "backfill").outcome == "unchanged"
    known = {s.slice for s in bench.visible("sales").slices if s.source_fingerprint is not None}
    assert known == {"2026-11-19"}


def test_a_table_of_no_date_column_is_loaded_whole(bench: Bench) -> None:
    bench.sql("CREATE TABLE t (id INT, v VARCHAR(9))", f"INSERT INTO t SELECT seq, 'v' FROM {number_rows(1, 1000)}")
    assert bench.copy(bench.spec("t"), "2026-11-20").rows_written == 1000
    assert bench.visible("t").slices[0].source_fingerprint is None
    assert bench.copy(bench.spec("t"), "2026-11-21").outcome == "unchanged"
    assert bench.visible("t").slices[0].source_fingerprint is not None
    bench.sql("UPDATE t SET v = 'w' WHERE id = 500")
    assert bench.copy(bench.spec("t"), "2026-11-22").outcome == "copied"


def test_a_type_that_bronze_cannot_tell_is_fingerprinted_at_once(bench: Bench) -> None:
    bench.sql("CREATE TABLE t (d DATE, f FLOAT)", "INSERT INTO t VALUES ('2026-11-20', 0.1)")
    bench.copy(bench.spec("t", "d"), "2026-11-20")
    assert bench.visible("t").slices[0].source_fingerprint is not None


def test_writes_between_the_two_sessions_do_no_harm(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    with MySqlSource(info_of(bench.server)) as source:
        sibling = source.sibling

        def late_sibling() -> MySqlSource:
            bench.sql("UPDATE sales SET amount = amount + 1 WHERE id < 10", "DELETE FROM sales WHERE id = 150")
            bench.sql("INSERT INTO sales (id, sold_on) VALUES (5000, '2026-11-01')")
            return sibling()

        source.sibling = late_sibling  # type: ignore[method-assign]
        copy_table(source, bench.root, spec, date(2026, 11, 20), "run", lambda: NOW, bench.limits)
    assert slices(bench.visible("sales")) == DATED
    outcome = bench.copy(spec, "2026-11-20", "next")
    assert (outcome.slices_copied, outcome.rows_read) == (4, 203)


def test_it_manages_with_one_session_where_there_is_no_other(
    sales: tuple[Bench, CopySpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, spec = sales

    def refuse(question: object) -> object:
        raise SourceUnavailableError("the server has no free connection")

    monkeypatch.setattr(side_questions.SideQuestions, "_ask", refuse)
    bench.copy(spec, "2026-11-20")
    assert slices(bench.visible("sales")) == DATED


def test_a_load_that_changed_a_value_is_never_published(
    sales: tuple[Bench, CopySpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, spec = sales
    select = row_copy.select_sql
    monkeypatch.setattr(
        row_copy, "select_sql", lambda *given: select(*given).replace("`amount`", "`amount` + IF(id = 3, 0.01, 0)")
    )
    with pytest.raises(VerificationError, match=r"sold_on 2026-11-18: the sum of amount is 49.50 .*, but 49.51 as co"):
        bench.copy(spec, "2026-11-20")
    assert [path for path in bench.root.rglob("*") if path.is_file()] == []


def test_cancelling_ends_the_second_session_too(bench: Bench) -> None:
    with MySqlSource(info_of(bench.server)) as source, source.sibling() as sibling:
        source.cancel()
        for session in (source, sibling):
            with pytest.raises(SourceUnavailableError):
                session.rows("SELECT 1")
        with pytest.raises(SourceUnavailableError, match="the copy was stopped"), source.sibling():
            pass


def test_files_are_read_back(sales: tuple[Bench, CopySpec], monkeypatch: pytest.MonkeyPatch) -> None:
    bench, spec = sales
    read_back = row_copy.read_back

    def damaged(folder: Path, name: str, *given: object) -> Iterator[object]:
        content = bytearray((folder / name).read_bytes())
        content[50] ^= 1
        (folder / name).write_bytes(content)
        return read_back(folder, name, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(row_copy, "read_back", damaged)
    with pytest.raises(
        VerificationError, match=r"part-run-\w+-0.parquet: SHA-256 is \w+ as read back, but \w+ as written"
    ):
        bench.copy(spec, "2026-11-20")
    assert [path for path in bench.root.rglob("*") if path.is_file()] == []
