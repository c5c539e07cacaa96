"""Names, predicates, manifests and slices to process: pure, without Spark."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st


def test_tables_are_named_by_folder_or_by_catalog() -> None:
    from medallion.lake.table_names import TableNames

    assert TableNames("/lake").silver("customer") == "delta.`/lake/silver/customer`"
    assert TableNames("/lake").quarantine("customer") == "delta.`/lake/silver/customer_quarantine`"
    assert TableNames("abfss://x", "prod").progress("customer") == "`prod`.`silver`.`customer_progress`"
    assert TableNames("/lake", "prod").gold("obt") == "`prod`.`gold`.`obt`"


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("/lake/a", "/lake/a"),
        ("file:/lake/a", "/lake/a"),
        ("file:///lake/a%20b#c?d", "/lake/a%20b#c?d"),
        ("file://host/lake", "/lake"),
        ("abfss://c@a.dfs.core.windows.net/lake", None),
    ],
)
def test_a_local_uri_is_read_as_spark_reads_it(uri: str, path: str | None) -> None:
    from medallion.lake.storage import local_path

    assert local_path(uri) == (None if path is None else Path(path))


@pytest.fixture(scope="module")
def sixty_days() -> Iterator[Any]:
    """A session with a table of the days around those that are asked for, and of a null."""
    import duckdb

    with duckdb.connect() as session:
        session.execute("CREATE TABLE days (day DATE)")
        session.execute("INSERT INTO days SELECT DATE '2025-12-31' + CAST(n AS INTEGER) FROM range(60) t(n)")
        session.execute("INSERT INTO days VALUES (NULL)")
        yield session


@given(st.sets(st.dates(dt.date(2026, 1, 1), dt.date(2026, 2, 20))), st.booleans())
def test_a_dates_predicate_holds_for_just_its_dates(sixty_days: Any, dates: set[dt.date], with_null: bool) -> None:
    from medallion.lake.delta_tables import dates_predicate

    predicate = dates_predicate("day", dates, with_null=with_null).replace("`", '"')
    rows = sixty_days.execute(f"SELECT day FROM days WHERE {predicate}").fetchall()
    assert {day for (day,) in rows} == dates | ({None} if with_null else set())


def test_runs_of_days_become_ranges() -> None:
    from medallion.lake.delta_tables import dates_predicate

    days = [dt.date(2026, 11, day) for day in (3, 1, 2, 7)]
    assert (
        dates_predicate("d", days) == "(`d` >= DATE'2026-11-01' AND `d` <= DATE'2026-11-03') OR `d` = DATE'2026-11-07'"
    )
    assert dates_predicate("d", []) == "FALSE"


def manifest(**slices: str) -> str:
    from lake_model.bronze_manifest import BronzeFile, Column, Manifest, Server, Slice

    return Manifest(
        schema="shop",
        table="sale",
        business_date="2026-11-20",
        run_id="run",
        copied_at="2026-11-21T02:00:00.000000Z",
        change_detection="fingerprint",
        date_column=None,
        query="SELECT 1",
        server=Server("10.11"),
        columns=(
            Column("amount", "decimal(14,2)", "decimal128(14, 2)", True),
            Column("at", "timestamp", "timestamp[us, tz=UTC]", True),
        ),
        files={"f": BronzeFile(1, 1, "")},
        slices=tuple(Slice(name, 1, {}, mark, ("f",), "2026-11-20") for name, mark in slices.items()),
        rows=len(slices),
        sums={},
        rows_not_yet_due=0,
        substitutions={},
    ).to_json()


def test_a_manifest_gives_the_spark_schema() -> None:
    from medallion.lake.bronze import parse_manifest

    found = parse_manifest("uri", "folder", manifest(undated="1"))
    assert found.columns.simpleString() == "struct<amount:decimal(14,2),at:timestamp>"


def test_a_manifest_with_an_unknown_type_is_refused() -> None:
    from medallion.errors import BronzeError
    from medallion.lake.bronze import parse_manifest

    with pytest.raises(BronzeError, match=r"uri: columns: at: 'duration.us.': Spark has no such type"):
        parse_manifest("uri", "folder", manifest().replace("timestamp[us, tz=UTC]", "duration[us]"))


def test_slices_to_process_are_those_whose_rows_or_contract_changed() -> None:
    from medallion.facts.fact_slices import SliceChanges, changed_slices
    from medallion.lake.bronze import parse_manifest
    from medallion.lake.progress import SliceProgress
    from medallion.quality.judgement_basis import Basis

    same, other, new, gone, vanished = (f"2026-11-0{number}" for number in range(1, 6))
    landed = parse_manifest("uri", "folder", manifest(**{same: "1", other: "2", new: "1"}))
    day = dt.date(2026, 11, 20)
    done = {name: SliceProgress(name, "1", "hash", day, "run", 1) for name in (same, other, gone)}
    changes = SliceChanges((other, new), (gone,), everything=False, landed=(other, new, gone))
    assert changed_slices(landed, done, Basis("hash")) == changes
    again = changed_slices(landed, done, Basis("new hash"))
    assert (again.everything, again.landed) == (True, changes.landed)
    # What a killed run wrote need not be what is landed now, nor be there any more.
    begun = changed_slices(landed, done, Basis("hash"), unfinished=(same, vanished))
    assert begun == SliceChanges((same, other, new), (gone, vanished), everything=True, landed=changes.landed)


def test_what_gold_reflects_survives_its_commit() -> None:
    from medallion.gold.reflected import Reflected

    from lake_model.table_state import TableVersion

    reflected = Reflected("hash", {"product": TableVersion("id", 3)}, turn=4)
    assert Reflected.from_text(reflected.to_text(None)) == reflected
    assert Reflected.from_text("OPTIMIZE") is None
    assert Reflected.from_text(None) is None


def test_text_becomes_a_literal_that_means_just_that() -> None:
    from medallion.lake.sql_text import text_literal
    from medallion.quality.rules import literal

    assert text_literal("it's \\d\n") == "'it\\'s \\\\d\\n'"
    assert literal("2026-11-20", "date") == "DATE'2026-11-20'"
    with pytest.raises(ValueError, match="a number is wanted"):
        literal(True, "bigint")
