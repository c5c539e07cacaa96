"""A read model that is brought up to a newer version: equal to one that is made whole, and quicker made."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kpi.combinations import number_column, table_of, value_column
from kpi.read_model import ROWS, Limits, ReadModel, quoted
from kpi.read_model_files import model_path, open_or_make
from lakehouse.lake.delta_table import FolderTable, delta_state

from lake_model.changed_rows import KEY, ChangedRows, KeyValues
from lake_model.contracts.kpi_contract import KpiContract, read_kpi_contracts
from tests.kpi.conftest import PROJECT

CONTRACT = read_kpi_contracts(PROJECT / "contracts")[0]
LIMITS = Limits(memory_mb=200, threads=1)
FIRST = dt.date(2026, 1, 1)
_TEXTS = ["division", "segment", "category", "product_name", "zone", "market_name", "customer_name", "customer_type"]
_KEYS = ["customer_code", "market_code", "product_code"]
_SCHEMA = pa.schema(
    [
        ("order_date", pa.date32()),
        *((name, pa.string()) for name in _KEYS),
        *((name, pa.string()) for name in _TEXTS),
        ("sales_qty", pa.int64()),
        ("revenue_inr", pa.decimal128(18, 2)),
    ]
)

Rows = list[tuple[int, str | None, int]]
"""Rows as day, name (of everything that has one), and hundredths of a rupee."""


def table(rows: Rows) -> pa.Table:
    return pa.Table.from_pylist(
        [
            dict.fromkeys([*_KEYS, *_TEXTS], name)
            | {
                "order_date": FIRST + dt.timedelta(days=day),
                "sales_qty": 1,
                "revenue_inr": Decimal(cents).scaleb(-2),
            }
            for day, name, cents in rows
        ],
        _SCHEMA,
    )


def write(lake: Path, rows: Rows, changed: ChangedRows | None = None, **options: Any) -> None:
    from deltalake import CommitProperties, write_deltalake

    note = {} if changed is None else {"userMetadata": json.dumps({KEY: changed.to_content()})}
    properties = CommitProperties(custom_metadata=note)
    write_deltalake(lake, table(rows), **({"mode": "overwrite", "commit_properties": properties} | options))


def change(lake: Path, kind: str, days: set[int], rows: Rows, names: frozenset[str] = frozenset()) -> None:
    """One commit, of the kinds that jobs and upkeep make: the rows of some days, and those of some product codes."""
    from deltalake import DeltaTable

    if kind == "optimize":
        DeltaTable(lake).optimize.compact()
        return
    if kind == "overwrite":
        write(lake, rows)
        return
    if kind == "append":
        days, names = {day for day, _, _ in rows}, frozenset()
    dates = frozenset(FIRST + dt.timedelta(days=day) for day in days)
    keys = (KeyValues(("product_code",), frozenset((name,) for name in names)),) if names else ()
    changed = ChangedRows(dates, keys)
    new = [row for row in rows if row[0] in days or row[1] in names]
    if kind == "append":
        write(lake, new, changed, mode="append")
        return
    listed = [", ".join(literal(str(one)) for one in sorted(found)) for found in (dates, names)]
    parts = [f"{name} IN ({values})" for name, values in zip(("order_date", "product_code"), listed, strict=True)]
    where = " OR ".join(part for part, values in zip(parts, listed, strict=True) if values)
    write(lake, new, changed, predicate=where)


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def state_of(lake: Path) -> FolderTable:
    found = delta_state(lake)
    assert found
    return found


def content(model: ReadModel) -> tuple[Any, ...]:
    numbers = tuple(map(number_column, range(len(model.about.combinations))))
    rows = model.ask(f"SELECT * EXCLUDE ({', '.join(numbers)}) FROM {ROWS} ORDER BY ALL")
    types = model.ask(
        "SELECT column_name, regexp_replace(data_type, 'ENUM.*', 'ENUM') FROM information_schema.columns "
        f"WHERE table_name = '{ROWS}' AND column_name NOT IN {numbers} ORDER BY ordinal_position"
    )
    return rows, types, dataclasses.replace(model.about, refreshes=0, combinations=[])


def check_numbers(model: ReadModel) -> None:
    """Each row's numbers stand for its own values, and no combination has two."""
    for place, levels in enumerate(model.about.combinations):
        table, number = table_of(place), number_column(place)
        values = [f"{table}.{value_column(at)}" for at in range(len(levels))]
        same = " AND ".join(
            f"CAST({quoted(level)} AS VARCHAR) = {value}" for level, value in zip(levels, values, strict=True)
        )
        joined = f"{ROWS} JOIN {table} ON {number} = {table}.number AND {same}"
        ((of_rows, of_numbers),) = model.ask(f"SELECT (SELECT count(*) FROM {ROWS}), (SELECT count(*) FROM {joined})")
        assert of_rows == of_numbers
        ((known, different),) = model.ask(
            f"SELECT count(DISTINCT number), count(DISTINCT ({', '.join(values)})) FROM {table}"
        )
        assert known == different


def checked(lake: Path, models: Path, contract: KpiContract = CONTRACT) -> int:
    """Holds the read model of a lake's newest version against one that is made whole; how often it was refreshed."""
    state = state_of(lake)
    model = open_or_make(models, contract, state, LIMITS)
    whole = open_or_make(models.with_name("whole"), contract, state, LIMITS)
    shutil.rmtree(models.with_name("whole"))
    assert content(model) == content(whole)
    check_numbers(model)
    check_numbers(whole)
    assert whole.about.refreshes == 0
    found = model.about.refreshes
    model.close()
    whole.close()
    return found


_ROWS = st.lists(st.tuples(st.integers(0, 8), st.sampled_from(["a", "b", "é", "(none)", None]), st.integers(0, 999)))
_CHANGES = st.tuples(
    st.sampled_from(["append", "replace", "replace", "replace", "optimize", "overwrite"]),
    st.sets(st.integers(0, 8), min_size=1, max_size=3),
    st.frozensets(st.sampled_from(["a", "b", "c", "d'", "(none)"]), max_size=2),
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["a", "c", "A", "d'", None]), st.integers(0, 999))),
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=_ROWS, steps=st.lists(st.lists(_CHANGES, min_size=1, max_size=2), min_size=1, max_size=3))
def test_refreshed_and_made_whole_are_equal(
    tmp_path_factory: pytest.TempPathFactory,
    first: Rows,
    steps: list[list[tuple[str, set[int], frozenset[str], Rows]]],
) -> None:
    folder = tmp_path_factory.mktemp("refresh")
    lake, models = folder / "gold", folder / "models"
    write(lake, first)
    checked(lake, models)
    for commits in steps:
        for kind, days, names, rows in commits:
            change(lake, kind, days, rows, names)
        checked(lake, models)


MANY: Rows = [(day, name, 100 * day) for day in range(9) for name in "abc"]


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A gold table of nine dates, with its read model."""
    write(tmp_path / "gold", MANY)
    assert checked(tmp_path / "gold", tmp_path / "models") == 0
    return tmp_path / "gold"


def test_changed_dates_alone_are_read(lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    batches = FolderTable.batches

    def noting(state: FolderTable, sql: str) -> Any:
        asked.append(sql)
        return batches(state, sql)

    monkeypatch.setattr(FolderTable, "batches", noting)
    change(lake, "replace", {3, 8}, [(3, "new", 7), (8, "a", 8), (1, "b'", 1)], frozenset({"b'"}))
    open_or_make(tmp_path / "models", CONTRACT, state_of(lake), LIMITS).close()
    assert [sql.partition(" WHERE ")[2] for sql in asked] == [
        "\"order_date\" IN (DATE '2026-01-04', DATE '2026-01-09') OR CAST(\"product_code\" AS VARCHAR) IN ('b''')", "",
    ]  # fmt: skip
    assert asked[1] == "SELECT count(*) FROM stored"


def test_it_is_refreshed_by_rows_of_changed_keys_and_of_dates_that_are_keys(lake: Path, tmp_path: Path) -> None:
    change(lake, "replace", set(), [(day, "a", day) for day in range(9)], frozenset({"a"}))
    assert checked(lake, tmp_path / "models") == 1
    keys = (KeyValues(("order_date",), frozenset({("2026-01-04",)})),)
    write(lake, [(3, "new", 7)], ChangedRows(keys=keys), predicate="order_date = '2026-01-04'")
    assert checked(lake, tmp_path / "models") == 2


@pytest.mark.parametrize(
    "keys",
    [
        KeyValues(("customer_phone",), frozenset({("a",)})),
        KeyValues(("revenue_inr",), frozenset({("1.00",)})),
        KeyValues(("product_code",), frozenset((str(number),) for number in range(1001))),
    ],
    ids=["that it has not", "of another type", "too many"],
)
def test_where_rows_cannot_be_found_by_their_keys_it_is_made_whole(lake: Path, tmp_path: Path, keys: KeyValues) -> None:
    write(lake, [(1, "a", 1)], ChangedRows(keys=(keys,)), mode="append")
    assert checked(lake, tmp_path / "models") == 0


def test_a_new_value_of_a_level_is_found_by_its_name(lake: Path, tmp_path: Path) -> None:
    change(lake, "replace", {3}, [(3, "aa", 7)])
    assert checked(lake, tmp_path / "models") == 1
    model = open_or_make(tmp_path / "models", CONTRACT, state_of(lake), LIMITS)
    asked = f"SELECT revenue_inr FROM {ROWS} WHERE zone = TRY_CAST(? AS zone_values)"
    assert (model.ask(asked, ["aa"]), len(model.ask(asked, ["a"]))) == ([(7,)], 8)


def test_upkeep_alone_leaves_the_rows_as_they_are(lake: Path, tmp_path: Path) -> None:
    change(lake, "append", set(), [(1, "a", 1)])
    change(lake, "append", set(), [(1, "a", 2)])
    assert checked(lake, tmp_path / "models") == 1
    change(lake, "optimize", set(), [])
    assert checked(lake, tmp_path / "models") == 2


def test_where_most_rows_changed_it_is_made_whole(lake: Path, tmp_path: Path) -> None:
    change(lake, "overwrite", set(), [*MANY, (9, "z", 1)])
    assert checked(lake, tmp_path / "models") == 0
    change(lake, "replace", {1, 2, 3, 4, 5, 6}, MANY)
    assert checked(lake, tmp_path / "models") == 0


def test_after_many_refreshes_it_is_made_whole(lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kpi.read_model_making._MOST_REFRESHES", 2)
    for expected in (1, 2, 0, 1):
        change(lake, "append", set(), [(1, "a", 1)])
        assert checked(lake, tmp_path / "models") == expected


@pytest.mark.parametrize("damage", ["cut", "garbage", "rows"])
def test_out_of_a_damaged_one_a_whole_one_is_made(lake: Path, tmp_path: Path, damage: str) -> None:
    import duckdb

    (path,) = (tmp_path / "models").glob("*.duckdb")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif damage == "garbage":
        path.write_bytes(b"no database" * 1000)
    else:
        with duckdb.connect(str(path)) as session:
            session.execute(f"DELETE FROM {ROWS} WHERE _date = DATE '2026-01-01'")
    change(lake, "append", set(), [(1, "a", 1)])
    assert checked(lake, tmp_path / "models") == 0


def test_where_the_log_is_gone_or_the_table_is_another_it_is_made_whole(lake: Path, tmp_path: Path) -> None:
    from deltalake import DeltaTable

    for _ in range(2):
        change(lake, "append", set(), [(1, "a", 1)])
    DeltaTable(lake).create_checkpoint()
    (lake / "_delta_log" / f"{1:020d}.json").unlink()
    assert checked(lake, tmp_path / "models") == 0
    shutil.rmtree(lake)
    write(lake, MANY)
    write(lake, MANY, mode="append")
    write(lake, MANY, mode="append")
    write(lake, MANY, mode="append")
    assert checked(lake, tmp_path / "models") == 0


def test_after_a_commit_that_names_no_rows_it_is_made_whole(lake: Path, tmp_path: Path) -> None:
    write(lake, [(1, "a", 1)], mode="append")
    assert checked(lake, tmp_path / "models") == 0


def test_it_is_refreshed_where_a_table_has_folders_too(tmp_path: Path) -> None:
    write(tmp_path / "gold", MANY, partition_by=["order_date"])
    checked(tmp_path / "gold", tmp_path / "models")
    changed = ChangedRows(frozenset({FIRST}))
    write(tmp_path / "gold", [(0, "a", 1)], changed, predicate=f"order_date = '{FIRST}'", partition_by=["order_date"])
    assert checked(tmp_path / "gold", tmp_path / "models") == 1


def test_the_one_before_is_read_on_and_goes_when_the_new_one_is_there(lake: Path, tmp_path: Path) -> None:
    before = open_or_make(tmp_path / "models", CONTRACT, state_of(lake), LIMITS)
    change(lake, "append", set(), [(1, "a", 1)])
    state = state_of(lake)
    after = open_or_make(tmp_path / "models", CONTRACT, state, LIMITS)
    assert (before.ask(f"SELECT count(*) FROM {ROWS}"), after.ask(f"SELECT count(*) FROM {ROWS}")) == ([(27,)], [(28,)])
    found = sorted(path.name for path in (tmp_path / "models").iterdir())
    assert found == [model_path(tmp_path, CONTRACT, state).name, "atliqsale.sales_obt.lock"]
