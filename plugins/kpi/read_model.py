"""The page's read model: a DuckDB file that holds one version of a One Big Table, made to be asked quickly.

Levels are ENUM columns, amounts whole numbers in the table's smallest unit, and the rows lie in order of their dates.
A file is written beside the others and takes its name when it is whole; readers keep the one that they opened.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import json
import os
import re
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.errors import LakehouseError, StorageError
from lakehouse.lake.delta_table import DeltaState

from lake_model.contracts.kpi_contract import NOTHING, KpiContract

if TYPE_CHECKING:
    import duckdb

FORM = 2
"""Changes with the form of the files: those of another form are made anew."""
ROWS, DATE = "all_rows", "_date"
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")
_MOST_DIGITS = 18


@dataclass(frozen=True)
class Limits:
    """What a read model may take of its machine."""

    memory_mb: int = 512
    threads: int = 2


@dataclass(frozen=True)
class About:
    """What a read model holds.

    Attributes:
        version: of the One Big Table.
        committed_at: when that version was written, ISO 8601.
        first_date, last_date: of its rows, ISO 8601; None where it has none.
        scales: by measured column: how many of its digits stand behind the point.
        values: by level: how many values it has.
    """

    form: int
    contract: str
    table_id: str
    version: int
    committed_at: str
    rows: int
    first_date: str | None
    last_date: str | None
    scales: dict[str, int]
    values: dict[str, int]

    @property
    def span(self) -> tuple[dt.date, dt.date]:
        """The oldest and the newest date of a table that has rows."""
        assert self.first_date
        assert self.last_date
        return dt.date.fromisoformat(self.first_date), dt.date.fromisoformat(self.last_date)


class ReadModel:
    """An open read model; each question takes a cursor of its own, so that threads do not wait for each other."""

    def __init__(self, path: Path, session: duckdb.DuckDBPyConnection, about: About) -> None:
        self.path = path
        self.about = about
        self._session = session

    def ask(self, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows of an answer; values are bound, never part of the text."""
        with self._session.cursor() as cursor:
            return list(cursor.execute(sql, parameters or []).fetchall())

    def close(self) -> None:
        """Ends it; the file stays."""
        self._session.close()


def quoted(name: str) -> str:
    """A column's name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def enum_type(column: str) -> str:
    """The type of a level's column."""
    return quoted(f"{column}_values")


def model_path(folder: Path, contract: KpiContract, state: DeltaState) -> Path:
    """Where the read model of a version lies; every version and declaration has a file of its own."""
    name = f"{contract.name}.{state.id[:8]}.{state.version}.{contract.digest}.{FORM}.duckdb"
    return folder / name


def open_or_make(folder: Path, contract: KpiContract, state: DeltaState, limits: Limits) -> ReadModel:
    """The read model of a version: the one on disk, or a new one where there is none or it is damaged.

    Raises:
        StorageError: the gold table cannot be read, or the folder not written.
        LakehouseError: the table has not the columns that its contract declares.
    """
    path = model_path(folder, contract, state)
    if (found := _opened(path, limits)) is not None:
        return found
    with _alone_in(folder, contract):
        # Another process may have made it meanwhile.
        if (found := _opened(path, limits)) is not None:
            return found
        path.unlink(missing_ok=True)
        _make(path, contract, state, limits)
        _remove_others(folder, contract, path)
    made = _opened(path, limits)
    if made is None:
        raise StorageError(f"{path}: the page's read model cannot be opened just after it was made: see the disk")
    return made


def _opened(path: Path, limits: Limits) -> ReadModel | None:
    """The read model of a file; None where there is none that can be used."""
    import duckdb

    if not path.exists():
        return None
    try:
        config: dict[str, Any] = {"memory_limit": f"{limits.memory_mb}MB", "threads": limits.threads}
        session = duckdb.connect(str(path), read_only=True, config=config)
        session.execute("SET enable_external_access = false")
        ((text,),) = session.execute("SELECT about FROM about").fetchall()
        about = About(**json.loads(text))
        session.execute(f"SELECT count(*) FROM {ROWS}").fetchall()
    # Whatever is wrong with a file that can be made anew, it is made anew.
    except (duckdb.Error, ValueError, TypeError, RuntimeError):
        return None
    return ReadModel(path, session, about)


@contextlib.contextmanager
def _alone_in(folder: Path, contract: KpiContract) -> Generator[None]:
    """One process at a time makes the read models of a table."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(folder / f"{contract.name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StorageError(
            f"{folder}: the page's read models cannot be written there ({error.strerror}): "
            "set LAKEHOUSE_KPI_FOLDER to a folder that the API server may write"
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _remove_others(folder: Path, contract: KpiContract, kept: Path) -> None:
    for path in folder.glob(f"{contract.name}.*.duckdb*"):
        # Who has an older one open reads on: its file goes when it is closed.
        if path.name != kept.name:
            path.unlink(missing_ok=True)


def _make(path: Path, contract: KpiContract, state: DeltaState, limits: Limits) -> None:
    import duckdb

    levels, measured, counted = columns_of(contract, state)
    partial = path.with_name(path.name + ".partial")
    staging = path.with_name(path.name + ".staging")
    scratch = path.with_name(path.name + ".scratch")
    for left in _leftovers(partial, staging, scratch):
        left.unlink(missing_ok=True)
    config: dict[str, Any] = {
        "memory_limit": f"{limits.memory_mb}MB",
        "threads": limits.threads,
        "temp_directory": str(scratch),
    }
    try:
        with duckdb.connect(str(partial), config=config) as session:
            # The lake is read once, into a file of its own, which goes when the values of the levels are known.
            session.execute(f"ATTACH '{str(staging).replace(chr(39), chr(39) * 2)}' AS staging")
            texts = (*levels, *counted)
            read = ", ".join(dict.fromkeys(quoted(name) for name in (contract.date_column, *texts, *measured)))
            session.register("stored", state.batches(f"SELECT {read} FROM stored"))
            session.execute("CREATE TABLE staging.stored AS SELECT * FROM stored")
            session.unregister("stored")
            values = {name: _make_enum(session, name) for name in texts}
            columns = [f"{quoted(contract.date_column)} AS {DATE}"]
            columns += [f"CAST({_text(name)} AS {enum_type(name)}) AS {quoted(name)}" for name in texts]
            columns += [_number(name, scale) for name, scale in measured.items()]
            session.execute(f"CREATE TABLE {ROWS} AS SELECT {', '.join(columns)} FROM staging.stored ORDER BY {DATE}")
            session.execute("DETACH staging")
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
                scales={name: scale or 0 for name, scale in measured.items()},
                values=values,
            )
            session.execute("CREATE TABLE about AS SELECT CAST(? AS VARCHAR) AS about", [json.dumps(asdict(about))])
        partial.replace(path)
    except duckdb.Error as error:
        first = str(error).splitlines()[0]
        raise StorageError(
            f"{path}: the page's read model cannot be made: {first}: see the disk and its rights"
        ) from error
    finally:
        for left in _leftovers(partial, staging, scratch):
            left.unlink(missing_ok=True)


def _leftovers(partial: Path, staging: Path, scratch: Path) -> Iterator[Path]:
    for path in (partial, staging):
        yield path
        yield path.with_name(path.name + ".wal")
    if scratch.is_dir():
        yield from scratch.iterdir()


def columns_of(contract: KpiContract, state: DeltaState) -> tuple[list[str], dict[str, int | None], list[str]]:
    """The columns of a read model: levels; measured ones with their scale (None: kept as they are); other texts.

    Raises:
        LakehouseError: the table lacks some.
    """
    levels = [level.column for level in contract.levels]
    measured = {one.column for one in contract.aggregates if one.column and one.function != "count_distinct"}
    # Beside what is counted: what tells apart whose rows are whose.
    counted = {one.column for one in contract.aggregates if one.function == "count_distinct"}
    counted = (counted | set(contract.row_columns)) - set(levels)
    missing = sorted({contract.date_column, *levels, *measured, *counted} - set(state.types))
    if missing:
        raise LakehouseError(
            f"gold table {contract.name} has no column {', '.join(missing)}, which its contract declares for people: "
            "run its DAG, so that gold is made by the contract of today"
        )
    scales = {name: _scale(state.types[name]) for name in sorted(measured)}
    return levels, scales, sorted(counted)


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


def _make_enum(session: duckdb.DuckDBPyConnection, name: str) -> int:
    session.execute(f"CREATE OR REPLACE TEMP TABLE found AS SELECT DISTINCT {_text(name)} AS value FROM staging.stored")
    ((count,),) = session.execute("SELECT count(*) FROM found").fetchall()
    if not count:
        session.execute("INSERT INTO found VALUES (?)", [NOTHING])
    session.execute(f"CREATE TYPE {enum_type(name)} AS ENUM (SELECT value FROM found ORDER BY value)")
    return int(count)


def _text(name: str) -> str:
    return f"coalesce(CAST({quoted(name)} AS VARCHAR), '{NOTHING}')"


def _iso(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()
