"""Makes the file of a read model: whole from gold, or of an earlier version's and the rows that changed since.

Of both ways come the same rows. Made whole the rows lie in order of their dates; those that changed lie behind the
others, which is why a file is made whole from time to time.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import re
import shutil
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.errors import LakehouseError, StorageError
from lakehouse.lake.duckdb_view import stored_in
from lakehouse.lake.tables import DeltaState

from kpi import combinations
from kpi.combinations import Groups
from kpi.read_model import DATE, FORM, ROWS, About, Limits, enum_type, literal, open_model, quoted
from lake_model.changed_rows import ChangedRows, KeyValues
from lake_model.contracts.kpi_contract import NOTHING, KpiContract

if TYPE_CHECKING:
    import duckdb

_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")
_MOST_DIGITS = 18
_STAGED = "staging.stored"
_MOST_REFRESHES = 60
# A condition of more dates or keys costs more than it spares.
_MOST_NAMED = 1_000
# Types of which gold and the read model have the same text.
_NAMED_AS_TEXT = {"string", "date", "byte", "short", "integer", "long"}


@dataclass(frozen=True)
class _Columns:
    """What a read model has: texts, and measured columns with their scale (None: they are kept as they are)."""

    date: str
    texts: tuple[str, ...]
    measured: dict[str, int | None]

    def read(self, where: str = "") -> str:
        """The query of gold."""
        names = ", ".join(dict.fromkeys(quoted(name) for name in (self.date, *self.texts, *self.measured)))
        return f"SELECT {names} FROM stored{f' WHERE {where}' if where else ''}"

    def select(self, groups: Groups) -> str:
        """The rows of the read model, of what was read; the combinations of ``groups`` are known."""
        columns = [f"{quoted(self.date)} AS {DATE}"]
        columns += [f"CAST({_text(name)} AS {enum_type(name)}) AS {quoted(name)}" for name in self.texts]
        columns += [_number(name, scale) for name, scale in self.measured.items()]
        columns += combinations.numbers(groups)
        rows = combinations.numbered(_STAGED, groups, self.as_texts)
        return f"SELECT {', '.join(columns)} FROM {rows} ORDER BY {DATE}"

    @property
    def as_texts(self) -> dict[str, str]:
        """The texts of the columns, in SQL over what was read."""
        return {name: _text(name) for name in self.texts}


def make(path: Path, contract: KpiContract, state: DeltaState, limits: Limits) -> None:
    """Makes the read model of a version whole.

    Raises:
        StorageError: the gold table cannot be read, or the file not written.
        LakehouseError: the table has not the columns that its contract declares.
    """
    import duckdb

    columns = columns_of(contract, state)
    try:
        with _workplace(path, limits) as session:
            _stage(session, state, columns.read())
            for name in columns.texts:
                _make_enum(session, name)
            groups = combinations.make_tables(session, _STAGED, contract, columns.as_texts)
            session.execute(f"CREATE TABLE {ROWS} AS {columns.select(groups)}")
            session.execute("CREATE TABLE about (about VARCHAR)")
            _finish(session, contract, state, columns, groups, 0)
    except duckdb.Error as error:
        first = str(error).splitlines()[0]
        raise StorageError(
            f"{path}: the page's read model cannot be made: {first}: see the disk and its rights"
        ) from error


def refresh(path: Path, earlier: Path, contract: KpiContract, state: DeltaState, limits: Limits) -> bool:
    """Makes the read model of a version out of that of an earlier one; FALSE where it has to be made whole.

    Raises:
        StorageError: the gold table cannot be read.
        LakehouseError: the table has not the columns that its contract declares.
    """
    import duckdb

    held = open_model(earlier, limits)
    if held is None:
        return False
    held.close()
    about, columns = held.about, columns_of(contract, state)
    changed = _changed(contract, state, about, columns)
    if changed is None or about.refreshes >= _MOST_REFRESHES:
        return False
    try:
        with _workplace(path, limits, earlier) as session:
            ((before,),) = session.execute(f"SELECT count(*) FROM {ROWS}").fetchall()
            session.execute(f"DELETE FROM {ROWS} WHERE {_condition(DATE, changed)}")
            ((kept,),) = session.execute(f"SELECT count(*) FROM {ROWS}").fetchall()
            if kept * 2 < before:
                raise _NotWorthItError
            _stage(session, state, columns.read(_condition(quoted(contract.date_column), changed)))
            for name in columns.texts:
                _widen_enum(session, name)
            if not combinations.widen_tables(session, _STAGED, about.combinations, columns.as_texts):
                raise _NotWorthItError
            session.execute(f"INSERT INTO {ROWS} {columns.select(about.combinations)}")
            _finish(session, contract, state, columns, about.combinations, about.refreshes + 1)
            ((rows,),) = session.execute(f"SELECT count(*) FROM {ROWS}").fetchall()
            with stored_in(session, state, "SELECT count(*) FROM stored"):
                in_gold = session.execute("SELECT * FROM stored").fetchall()
            # Whatever the log leaves out has to come out at last.
            if in_gold != [(rows,)]:
                raise _NotWorthItError
    # Of a file that is damaged, or cannot be copied, the whole is made anew.
    except (_NotWorthItError, duckdb.Error, OSError):
        return False
    return True


def _changed(contract: KpiContract, state: DeltaState, about: About, columns: _Columns) -> ChangedRows | None:
    """The rows that may have changed since an earlier version; None where all may have, or they cannot be named."""
    if about.table_id != state.id:
        return None
    found = state.changed_since(about.version)
    found = found and _by_dates(found, contract.date_column)
    if found is None or len(found.dates) + sum(len(one.values) for one in found.keys) > _MOST_NAMED:
        return None
    named = {name for one in found.keys for name in one.columns}
    held = all(name in columns.texts and state.types.get(name) in _NAMED_AS_TEXT for name in named)
    return found if held else None


def _by_dates(rows: ChangedRows, date_column: str) -> ChangedRows | None:
    """The same rows; those of keys that are dates are named by them. None where such a key is no date."""
    dates = {value for one in rows.keys if one.columns == (date_column,) for (value,) in one.values}
    try:
        days = frozenset(map(dt.date.fromisoformat, dates))
    except ValueError:
        return None
    return ChangedRows(rows.dates | days, tuple(one for one in rows.keys if one.columns != (date_column,)))


def _condition(date: str, rows: ChangedRows) -> str:
    """A condition that is true for just those rows of gold, or, where ``date`` is the name there, of a read model."""
    dates = ", ".join(f"DATE '{day}'" for day in sorted(rows.dates))
    parts = [f"{date} IN ({dates})"] if dates else []
    return " OR ".join([*parts, *map(_has_key, rows.keys)]) or "false"


def _has_key(keys: KeyValues) -> str:
    names = [f"CAST({quoted(name)} AS VARCHAR)" for name in keys.columns]
    if len(names) == 1:
        return f"{names[0]} IN ({', '.join(literal(value) for (value,) in sorted(keys.values))})"
    rows = [
        " AND ".join(f"{name} = {literal(value)}" for name, value in zip(names, row, strict=True))
        for row in sorted(keys.values)
    ]
    return " OR ".join(f"({row})" for row in rows) or "false"


class _NotWorthItError(Exception):
    """What was written is not kept: made whole it is quicker, or it alone is right."""


@contextlib.contextmanager
def _workplace(path: Path, limits: Limits, begin_with: Path | None = None) -> Generator[duckdb.DuckDBPyConnection]:
    """A file beside, which takes the path's name at the end, with another one attached as `staging`."""
    import duckdb

    partial, staging, scratch = (path.with_name(f"{path.name}.{word}") for word in ("partial", "staging", "scratch"))
    for left in _leftovers(partial, staging, scratch):
        left.unlink(missing_ok=True)
    config: dict[str, Any] = {
        "memory_limit": f"{limits.memory_mb}MB",
        "threads": limits.threads,
        "temp_directory": str(scratch),
    }
    try:
        if begin_with is not None:
            shutil.copyfile(begin_with, partial)
        with duckdb.connect(str(partial), config=config) as session:
            # The lake is read once, into a file of its own, which goes when the values of the levels are known.
            session.execute(f"ATTACH {literal(str(staging))} AS staging")
            yield session
            session.execute("DETACH staging")
        partial.replace(path)
    finally:
        for left in _leftovers(partial, staging, scratch):
            left.unlink(missing_ok=True)


def _stage(session: duckdb.DuckDBPyConnection, state: DeltaState, sql: str) -> None:
    with stored_in(session, state, sql):
        session.execute(f"CREATE TABLE {_STAGED} AS SELECT * FROM stored")


def _finish(
    session: duckdb.DuckDBPyConnection, contract: KpiContract, state: DeltaState, columns: _Columns, groups: Groups,
    refreshes: int,
) -> None:  # fmt: skip
    (row,) = session.execute(f"SELECT count(*), min({DATE}), max({DATE}) FROM {ROWS}").fetchall()
    about = About(
        form=FORM,
        contract=contract.digest,
        table_id=state.id,
        version=state.version,
        committed_at=state.committed_at.isoformat(),
        rows=row[0],
        first_date=_iso(row[1]),
        last_date=_iso(row[2]),
        scales={name: scale or 0 for name, scale in columns.measured.items()},
        combinations=[list(levels) for levels in groups],
        refreshes=refreshes,
    )
    session.execute("DELETE FROM about")
    session.execute("INSERT INTO about VALUES (?)", [json.dumps(asdict(about))])


def _leftovers(partial: Path, staging: Path, scratch: Path) -> Iterator[Path]:
    for path in (partial, staging):
        yield path
        yield path.with_name(path.name + ".wal")
    if scratch.is_dir():
        yield from scratch.iterdir()


def columns_of(contract: KpiContract, state: DeltaState) -> _Columns:
    """The columns of a read model.

    Raises:
        LakehouseError: the table lacks some.
    """
    levels = [level.column for level in contract.levels]
    measured = {one.column for one in contract.aggregates if one.column and one.function != "count_distinct"}
    # Beside what is counted: what says whose rows are whose.
    counted = {one.column for one in contract.aggregates if one.function == "count_distinct"}
    counted = (counted | set(contract.row_columns)) - set(levels)
    missing = sorted({contract.date_column, *levels, *measured, *counted} - set(state.types))
    if missing:
        raise LakehouseError(
            f"gold table {contract.name} has no column {', '.join(missing)}, which its contract declares for people: "
            "run its DAG, so that gold is made by the contract of today"
        )
    # By them gold's rows are written anew, and found here; no question uses them.
    keys = {name for name in contract.key_columns if name in state.types} - {*levels, *measured}
    scales = {name: _scale(state.types[name]) for name in sorted(measured)}
    return _Columns(contract.date_column, (*levels, *sorted(counted | keys)), scales)


def _scale(kind: str) -> int | None:
    decimal = _DECIMAL.fullmatch(kind.replace(" ", ""))
    if decimal:
        return int(decimal[2]) if int(decimal[1]) <= _MOST_DIGITS else None
    return 0 if kind in {"byte", "short", "integer", "long"} else None


def _number(name: str, scale: int | None) -> str:
    if scale is None:
        return quoted(name)
    # In the smallest unit, such as hundredths: sums of whole numbers are exact and quick.
    return f"CAST({quoted(name)} * 1{'0' * scale} AS BIGINT) AS {quoted(name)}"


def _make_enum(session: duckdb.DuckDBPyConnection, name: str) -> None:
    session.execute(f"CREATE OR REPLACE TEMP TABLE found AS SELECT DISTINCT {_text(name)} AS value FROM {_STAGED}")
    ((count,),) = session.execute("SELECT count(*) FROM found").fetchall()
    if not count:
        session.execute("INSERT INTO found VALUES (?)", [NOTHING])
    session.execute(f"CREATE TYPE {enum_type(name)} AS ENUM (SELECT value FROM found ORDER BY value)")


def _widen_enum(session: duckdb.DuckDBPyConnection, name: str) -> None:
    """Gives a level the values that are new; they stand in their order, as in one that is made whole."""
    known = f"SELECT CAST(unnest(enum_range(CAST(NULL AS {enum_type(name)}))) AS VARCHAR) AS value"
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE found AS SELECT {_text(name)} AS value FROM {_STAGED} EXCEPT ({known})"
    )
    ((count,),) = session.execute("SELECT count(*) FROM found").fetchall()
    if not count:
        return
    session.execute(f"INSERT INTO found {known}")
    # A type has no other name and no more values than it was made with.
    wider = "SELECT value FROM found ORDER BY value"
    session.execute(f"CREATE TYPE widened AS ENUM ({wider})")
    session.execute(f"ALTER TABLE {ROWS} ALTER {quoted(name)} TYPE widened")
    session.execute(f"DROP TYPE {enum_type(name)}")
    session.execute(f"CREATE TYPE {enum_type(name)} AS ENUM ({wider})")
    session.execute("DROP TYPE widened")


def _text(name: str) -> str:
    return f"coalesce(CAST({quoted(name)} AS VARCHAR), '{NOTHING}')"


def _iso(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()
