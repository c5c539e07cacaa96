"""Makes the file of a read model: whole from gold, or of an earlier version's and the dates that changed since.

Of both ways come the same rows. Made whole the rows lie in order of their dates; those of changed dates lie behind the
others, which is why a file is made whole from time to time.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import re
import shutil
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.errors import LakehouseError, StorageError
from lakehouse.lake.delta_log import changed_partitions
from lakehouse.lake.delta_table import DeltaState

from kpi.read_model import DATE, FORM, ROWS, About, Limits, enum_type, open_model, quoted
from lake_model.contracts.kpi_contract import NOTHING, KpiContract

if TYPE_CHECKING:
    import duckdb

_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")
_MOST_DIGITS = 18
_MOST_REFRESHES = 60
_MOST_DAYS = 400


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

    def select(self) -> str:
        """The rows of the read model, of what was read."""
        columns = [f"{quoted(self.date)} AS {DATE}"]
        columns += [f"CAST({_text(name)} AS {enum_type(name)}) AS {quoted(name)}" for name in self.texts]
        columns += [_number(name, scale) for name, scale in self.measured.items()]
        return f"SELECT {', '.join(columns)} FROM staging.stored ORDER BY {DATE}"


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
            session.execute(f"CREATE TABLE {ROWS} AS {columns.select()}")
            session.execute("CREATE TABLE about (about VARCHAR)")
            _finish(session, contract, state, columns, 0)
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
    days = _changed_days(contract, state, about)
    if days is None or about.refreshes >= _MOST_REFRESHES:
        return False
    where = _is_one_of(quoted(contract.date_column), days)
    try:
        with _workplace(path, limits, earlier) as session:
            ((before,),) = session.execute(f"SELECT count(*) FROM {ROWS}").fetchall()
            session.execute(f"DELETE FROM {ROWS} WHERE {_is_one_of(DATE, days)}")
            ((kept,),) = session.execute(f"SELECT count(*) FROM {ROWS}").fetchall()
            if kept * 2 < before:
                raise _NotWorthItError
            _stage(session, state, columns.read(where))
            for name in columns.texts:
                _widen_enum(session, name)
            session.execute(f"INSERT INTO {ROWS} {columns.select()}")
            _finish(session, contract, state, columns, about.refreshes + 1)
            ((rows,),) = session.execute(f"SELECT count(*) FROM {ROWS}").fetchall()
            session.register("stored", state.batches("SELECT count(*) FROM stored"))
            # Whatever the log leaves out has to come out at last.
            if session.execute("SELECT * FROM stored").fetchall() != [(rows,)]:
                raise _NotWorthItError
            session.unregister("stored")
    # Of a file that is damaged, or cannot be copied, the whole is made anew.
    except (_NotWorthItError, duckdb.Error, OSError):
        return False
    return True


def _changed_days(contract: KpiContract, state: DeltaState, about: About) -> list[dt.date | None] | None:
    """The dates whose rows may have changed since an earlier version; None where all may have."""
    if about.table_id != state.id:
        return None
    found = changed_partitions(state.place, contract.date_column, about.version, state.version)
    if found is None or len(found) > _MOST_DAYS:
        return None
    try:
        return [None if text is None else dt.date.fromisoformat(text) for text in found]
    except ValueError:
        return None


def _is_one_of(column: str, days: Sequence[dt.date | None]) -> str:
    dates = ", ".join(f"DATE '{day}'" for day in sorted(day for day in days if day is not None))
    parts = [f"{column} IN ({dates})"] if dates else []
    return " OR ".join([*parts, *([f"{column} IS NULL"] if None in days else [])]) or "false"


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
            session.execute(f"ATTACH '{str(staging).replace(chr(39), chr(39) * 2)}' AS staging")
            yield session
            session.execute("DETACH staging")
        partial.replace(path)
    finally:
        for left in _leftovers(partial, staging, scratch):
            left.unlink(missing_ok=True)


def _stage(session: duckdb.DuckDBPyConnection, state: DeltaState, sql: str) -> None:
    session.register("stored", state.batches(sql))
    session.execute("CREATE TABLE staging.stored AS SELECT * FROM stored")
    session.unregister("stored")


def _finish(
    session: duckdb.DuckDBPyConnection, contract: KpiContract, state: DeltaState, columns: _Columns, refreshes: int
) -> None:
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
    scales = {name: _scale(state.types[name]) for name in sorted(measured)}
    return _Columns(contract.date_column, (*levels, *sorted(counted)), scales)


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
    session.execute(f"CREATE OR REPLACE TEMP TABLE found AS SELECT DISTINCT {_text(name)} AS value FROM staging.stored")
    ((count,),) = session.execute("SELECT count(*) FROM found").fetchall()
    if not count:
        session.execute("INSERT INTO found VALUES (?)", [NOTHING])
    session.execute(f"CREATE TYPE {enum_type(name)} AS ENUM (SELECT value FROM found ORDER BY value)")


def _widen_enum(session: duckdb.DuckDBPyConnection, name: str) -> None:
    """Gives a level the values that are new; they stand in their order, as in one that is made whole."""
    known = f"SELECT CAST(unnest(enum_range(CAST(NULL AS {enum_type(name)}))) AS VARCHAR) AS value"
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE found AS SELECT {_text(name)} AS value FROM staging.stored EXCEPT ({known})"
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
