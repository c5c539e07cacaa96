"""The page's read model: a DuckDB file that holds one version of a One Big Table, to be asked quickly.

Levels are ENUM columns, and amounts whole numbers in the table's smallest unit.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

FORM = 5
"""Changes with the form of the files: those of another form are made anew."""
ROWS, DATE = "all_rows", "_date"


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
        combinations: levels whose combinations are numbered; see ``kpi.combinations``.
        refreshes: how often it was brought up to a newer version since it was made whole.
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
    combinations: list[list[str]]
    refreshes: int = 0

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


def literal(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


def enum_type(column: str) -> str:
    """The type of a level's column."""
    return quoted(f"{column}_values")


def open_model(path: Path, limits: Limits) -> ReadModel | None:
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
