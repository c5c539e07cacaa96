"""Holding two sets of Parquet files against each other in DuckDB, which streams them and spills to disk."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.comparison.findings import ColumnFigures, ColumnTypes, Comparison, RowDifference
from cli.comparison.sides import BronzeSide, CompareError
from lake_model.bronze_manifest import ALL, UNDATED

if TYPE_CHECKING:
    import duckdb

_FILE = "__lakehouse_file"
_INTEGERS = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?")
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
# The sum of more digits might not fit, and a table has more than one row.
_WIDEST_SUM = 28
_EXACT = "DECIMAL(38, 12)"


@dataclass(frozen=True)
class How:
    """How to compare.

    Attributes:
        key: columns that rows are told apart by; empty: by all their values.
        hidden: columns whose figures are not shown.
        only: the one slice that both sides are narrowed to; None: all that is due.
        most: how many rows that differ are named.
        show_keys: name them by their key instead of its digest.
        memory: that DuckDB may use before it spills, as it writes it.
        scratch: folder to spill to.
    """

    key: Sequence[str] = ()
    hidden: Collection[str] = ()
    only: str | None = None
    most: int = 10
    show_keys: bool = False
    memory: str = "1GB"
    scratch: Path = Path()


def compare(here: BronzeSide, there: Sequence[Path], how: How) -> Comparison:
    """What differs between bronze and the other side's files.

    Raises:
        CompareError: the files cannot be read, or have nothing to compare.
    """
    import duckdb

    try:
        with duckdb.connect(
            config={"memory_limit": how.memory, "temp_directory": str(how.scratch / "spill")}
        ) as session:
            session.execute("SET TimeZone = 'UTC'")
            session.execute("SET preserve_insertion_order = false")
            return _Comparing(session, here, how).run(there)
    except duckdb.Error as error:
        # A conversion's message would show the value.
        kind = type(error).__name__
        raise CompareError(f"the files cannot be compared ({kind}): are all of them Parquet of one table?") from None


class _Comparing:
    def __init__(self, session: duckdb.DuckDBPyConnection, here: BronzeSide, how: How) -> None:
        self._session = session
        self._side = here
        self._how = how
        self._manifest = here.manifest

    def run(self, there: Sequence[Path]) -> Comparison:
        self._session.execute(f"CREATE VIEW raw AS SELECT * FROM {_parquet(there)}")
        theirs = self._types("raw")
        self._make_here(theirs)
        ours = self._types("here")
        names = {name.lower(): name for name in theirs}
        both = {name: names[name.lower()] for name in ours if name.lower() in names}
        if not both:
            raise CompareError("the sides have no column in common: these are not files of the same table")
        self._make_there(both, ours, theirs)
        figures, rows_here, rows_there = self._figures(both, ours)
        key, notes = self._key(both)
        repeated = [self._repeated(side, key) for side in ("here", "there")] if key else [0, 0]
        if any(repeated):
            notes.append("the key is there more than once, so rows were told apart by all their values")
            key = ()
        only, first = self._by_key(key, figures) if key else self._by_values(list(both))
        return Comparison(
            table=f"{self._manifest.schema}.{self._manifest.table}",
            business_date=self._manifest.business_date,
            rows_here=rows_here,
            rows_there=rows_there,
            rows_not_due=self._one("SELECT count(*) FROM converted WHERE NOT __due"),
            columns_here=tuple(name for name in ours if name not in both),
            columns_there=tuple(name for name in theirs if name not in both.values()),
            types=tuple(
                ColumnTypes(name, ours[name], theirs[other])
                for name, other in both.items()
                if ours[name] != theirs[other]
            ),
            key=tuple(key),
            repeated_here=repeated[0],
            repeated_there=repeated[1],
            only_here=only[0],
            only_there=only[1],
            columns=tuple(figures.values()),
            first=tuple(first),
            notes=(*notes, *self._substitutions()),
        )

    def _make_here(self, theirs: Mapping[str, str]) -> None:
        self._session.execute("CREATE TABLE wanted (file VARCHAR, slice VARCHAR)")
        if not self._side.files:
            known = {name.lower(): kind for name, kind in theirs.items()}
            columns = [
                f"CAST(NULL AS {known.get(column.name.lower(), 'VARCHAR')}) AS {_name(column.name)}"
                for column in self._manifest.columns
            ]
            self._session.execute(f"CREATE VIEW here AS SELECT {', '.join(columns)} WHERE false")
            return
        for file, slices in self._side.files.items():
            self._session.executemany("INSERT INTO wanted VALUES (?, ?)", [[str(file), one] for one in sorted(slices)])
        found = _parquet(self._side.files, f", filename => '{_FILE}'")
        self._session.execute(
            f"CREATE VIEW here AS SELECT found.* EXCLUDE ({_FILE}) FROM {found} AS found JOIN wanted "
            f"ON found.{_FILE} = wanted.file AND wanted.slice = {self._slice_of('found')}"
        )

    def _slice_of(self, table: str) -> str:
        column = self._manifest.date_column
        if column is None:
            return f"'{ALL}'"
        return f"coalesce(CAST(CAST({table}.{_name(column)} AS DATE) AS VARCHAR), '{UNDATED}')"

    def _make_there(self, both: Mapping[str, str], ours: Mapping[str, str], theirs: Mapping[str, str]) -> None:
        """The other side in bronze's names and types; what does not fit exactly is NULL, and counted by its mark."""
        parts = []
        for name, other in both.items():
            value = _converted(_name(other), theirs[other], ours[name])
            parts.append(f"{value} AS {_name(name)}")
            parts.append(f"{_name(other)} IS NOT NULL AND {value} IS NULL AS {_name('__unfit_' + name)}")
        due, date_column = "true", self._manifest.date_column
        converted = f"(SELECT {', '.join(parts)} FROM raw)"
        if date_column is not None and date_column in both:
            due = f"coalesce(CAST({_name(date_column)} AS DATE) <= DATE '{self._manifest.business_date}', true)"
        wanted = ""
        if self._how.only is not None and date_column is not None and date_column in both:
            wanted = f" WHERE {self._slice_of('one')} = {_text(self._how.only)}"
        self._session.execute(f"CREATE VIEW converted AS SELECT *, {due} AS __due FROM {converted} AS one{wanted}")
        self._session.execute("CREATE VIEW there AS SELECT * EXCLUDE (__due) FROM converted WHERE __due")

    def _figures(self, both: Mapping[str, str], ours: Mapping[str, str]) -> tuple[dict[str, ColumnFigures], int, int]:
        """Of each column its figures; one pass over each side."""
        summed = {name: total for name in both if (total := _sum(name, ours[name])) is not None}
        here = self._row("here", both, summed, unfit=False)
        there = self._row("there", both, summed, unfit=True)
        found = {}
        for name in both:
            sums = [_plain(side.get(f"sum {name}")) for side in (here, there)]
            shown = name in summed and name not in self._how.hidden
            found[name] = ColumnFigures(
                name,
                here["rows"] - here[f"count {name}"],
                there["rows"] - there[f"count {name}"],
                there[f"unfit {name}"],
                sums[0] if shown else None,
                sums[1] if shown else None,
                sums[0] != sums[1],
            )
        return found, here["rows"], there["rows"]

    def _row(self, side: str, names: Iterable[str], summed: Mapping[str, str], *, unfit: bool) -> dict[str, Any]:
        parts = {"rows": "count(*)"}
        for name in names:
            parts[f"count {name}"] = f"count({_name(name)})"
            if unfit:
                parts[f"unfit {name}"] = f"count(*) FILTER (WHERE {_name('__unfit_' + name)})"
            if name in summed:
                parts[f"sum {name}"] = summed[name]
        values = self._session.execute(f"SELECT {', '.join(parts.values())} FROM {side}").fetchall()[0]
        return dict(zip(parts, values, strict=True))

    def _key(self, both: Mapping[str, str]) -> tuple[Sequence[str], list[str]]:
        if not self._how.key:
            return (), ["no key is known, so rows were told apart by all their values: --key COLUMN,… gives one"]
        missing = [name for name in self._how.key if name not in both]
        if missing:
            return (), [f"column {missing[0]} of the key is not on both sides, so rows were told apart by all values"]
        return self._how.key, []

    def _repeated(self, side: str, key: Sequence[str]) -> int:
        columns = ", ".join(map(_name, key))
        counted = f"SELECT count(*) AS n FROM {side} GROUP BY {columns} HAVING count(*) > 1"
        return self._one(f"SELECT CAST(coalesce(sum(n), 0) AS BIGINT) FROM ({counted})")

    def _by_key(
        self, key: Sequence[str], figures: dict[str, ColumnFigures]
    ) -> tuple[tuple[int, int], list[RowDifference]]:
        """Rows of one side by key, and of each column the rows that differ, which are put into `figures`."""
        on = " AND ".join(f"h.{_name(name)} IS NOT DISTINCT FROM t.{_name(name)}" for name in key)
        joined = (
            "FROM (SELECT *, true AS __here FROM here) AS h FULL JOIN (SELECT *, true AS __there FROM there) AS t "
            f"ON {on}"
        )
        others = [name for name in figures if name not in key]
        differs = {name: f"h.{_name(name)} IS DISTINCT FROM t.{_name(name)}" for name in others}
        both = "__here AND __there"
        counts = [f"count(*) FILTER (WHERE {both} AND {test})" for test in differs.values()]
        row = self._session.execute(
            "SELECT count(*) FILTER (WHERE __there IS NULL), count(*) FILTER (WHERE __here IS NULL)"
            f"{''.join(f', {one}' for one in counts)} {joined}"
        ).fetchall()[0]
        for name, count in zip(others, row[2:], strict=True):
            figures[name] = replace(figures[name], rows=count)
        if not any(row):
            return (0, 0), []
        digest = self._digest([f"coalesce(h.{_name(name)}, t.{_name(name)})" for name in key], key)
        any_differs = " OR ".join(differs.values()) or "false"
        marks = ", ".join(f"CASE WHEN {both} AND {test} THEN {_text(name)} END" for name, test in differs.items())
        differing = self._session.execute(
            f"SELECT {digest} AS k, CASE WHEN __there IS NULL THEN 'here' WHEN __here IS NULL THEN 'there' "
            f"ELSE 'both' END AS side, [{marks}] AS columns {joined} "
            f"WHERE __there IS NULL OR __here IS NULL OR {any_differs} ORDER BY k LIMIT {self._how.most}"
        ).fetchall()
        first = [RowDifference(k, side, tuple(name for name in columns if name)) for k, side, columns in differing]
        return (row[0], row[1]), first

    def _by_values(self, names: Sequence[str]) -> tuple[tuple[int, int], list[RowDifference]]:
        """Rows that one side has more often than the other."""
        columns = ", ".join(map(_name, names))
        surplus = (
            f"SELECT {columns}, CAST(sum(__n) AS BIGINT) AS __n FROM (SELECT {columns}, 1 AS __n FROM here "
            f"UNION ALL SELECT {columns}, -1 FROM there) GROUP BY {columns} HAVING sum(__n) <> 0"
        )
        row = self._session.execute(
            "SELECT CAST(coalesce(sum(__n) FILTER (WHERE __n > 0), 0) AS BIGINT), "
            f"CAST(coalesce(-sum(__n) FILTER (WHERE __n < 0), 0) AS BIGINT) FROM ({surplus})"
        ).fetchall()[0]
        if not any(row):
            return (0, 0), []
        digest = self._digest([_name(name) for name in names], ())
        differing = self._session.execute(
            f"SELECT {digest} AS k, __n FROM ({surplus}) ORDER BY k LIMIT {self._how.most}"
        ).fetchall()
        return (row[0], row[1]), [RowDifference(k, "here" if n > 0 else "there") for k, n in differing]

    def _digest(self, values: Sequence[str], key: Sequence[str]) -> str:
        texts = ", ".join(f"CAST({value} AS VARCHAR)" for value in values)
        text = f"CAST(to_json([{texts}]) AS VARCHAR)"
        shown = self._how.show_keys and key and not set(key) & set(self._how.hidden)
        return text if shown else f"'sha256:' || sha256({text})"

    def _substitutions(self) -> list[str]:
        return [
            f"{count:,} values of column {column} are kept otherwise here, see docs/reference/types.md: {reason}"
            for column, reasons in self._manifest.substitutions.items()
            for reason, count in reasons.items()
            if count
        ]

    def _types(self, view: str) -> dict[str, str]:
        return {name: kind for name, kind, *_ in self._session.execute(f"DESCRIBE {view}").fetchall()}

    def _one(self, sql: str) -> int:
        return int(self._session.execute(sql).fetchall()[0][0])


def _converted(column: str, kind: str, wanted: str) -> str:
    """A value of the other side in bronze's type; NULL where that would lose anything."""
    if kind == wanted:
        return column
    value = f"TRY_CAST({column} AS {wanted})"
    if kind == "VARCHAR":
        if _is_exact(wanted):
            return f"CASE WHEN TRY_CAST({value} AS {_EXACT}) = TRY_CAST({column} AS {_EXACT}) THEN {value} END"
        return value
    if wanted == "VARCHAR":
        return value
    return f"CASE WHEN TRY_CAST({value} AS {kind}) = {column} THEN {value} END"


def _is_exact(kind: str) -> bool:
    return bool(_INTEGERS.fullmatch(kind) or _DECIMAL.fullmatch(kind))


def _sum(name: str, kind: str) -> str | None:
    """An exact sum; floats have none that does not depend on the order of rows."""
    match = _DECIMAL.fullmatch(kind)
    if _INTEGERS.fullmatch(kind) or (match and int(match[1]) <= _WIDEST_SUM):
        return f"CAST(sum({_name(name)}) AS VARCHAR)"
    return None


def _plain(total: str | None) -> str:
    return "0" if total is None else total


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _parquet(files: Iterable[Path], more: str = "") -> str:
    """The rows of files; the names of their folders (`business_date=…`) are no columns."""
    # A name is a pattern there, so its own signs of a pattern are put into brackets.
    names = ", ".join(_text(re.sub(r"[*?\[]", r"[\g<0>]", str(file))) for file in files)
    return f"read_parquet([{names}], union_by_name => true, hive_partitioning => false{more})"
