"""The rows of a fact that wait in quarantine, as they would stand in its One Big Table as far as their values show it.

A refused row is kept as it was landed. The contracts say what its columns, its dimensions and its measures would be;
what depends on a value that is wrong, missing or masked is not known, and is NULL here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakehouse.lake.duckdb_view import stored_in
from lakehouse.lake.tables import Tables

from kpi.origins import Origins
from kpi.read_model import DATE, literal, quoted
from kpi.spark_values import NameOf, in_duckdb, type_in_duckdb
from lake_model.contracts.kpi_contract import NOTHING, KpiContract
from lake_model.contracts.silver_contract import Join, WideColumn
from lake_model.contracts.sql_expressions import columns_of

if TYPE_CHECKING:
    import duckdb

WAITING = "waiting"
"""One row for each that waits: `row`, the date (NULL where it has none), `errors`, levels, summed columns."""
_SESSION: dict[str, Any] = {"memory_limit": "256MB", "threads": 1}
_MASK = "***"


@dataclass(frozen=True)
class Quarantine:
    """Open entries at one version of the quarantine, beside the dimensions of one version of gold.

    Attributes:
        rows: how many wait.
        columns: the columns of the fact that something is wrong with.
    """

    table_id: str
    version: int
    gold_version: int
    rows: int
    columns: frozenset[str]
    session: duckdb.DuckDBPyConnection

    def ask(self, sql: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of an answer over `WAITING`; values are bound, never part of the text."""
        with self.session.cursor() as cursor:
            return list(cursor.execute(sql, list(values)).fetchall())


def read_quarantine(
    tables: Tables, contract: KpiContract, gold_version: int, origins: Origins, before: Quarantine | None
) -> Quarantine | None:
    """The open entries of a One Big Table's fact; None where it has no quarantine.

    Args:
        tables: the lake's.
        contract: of the One Big Table.
        gold_version: what was read before is kept while neither it nor the quarantine changes.
        origins: what the One Big Table is made of.
        before: what was read before.

    Raises:
        StorageError: the lake cannot be read.
    """
    import duckdb

    state = tables("silver", f"{contract.fact}_quarantine")
    if state is None:
        return None
    key = (state.id, state.version, gold_version)
    if before is not None and (before.table_id, before.version, before.gold_version) == key:
        return before
    session = duckdb.connect(config=_SESSION)
    entries = state.batches("SELECT business_date, raw_row, _errors FROM stored WHERE state = 'open'")
    _Builder(session, tables, contract, origins).build(entries)
    ((rows,),) = session.execute(f"SELECT count(*) FROM {WAITING}").fetchall()
    columns = session.execute(
        f"SELECT DISTINCT unnest(error.columns) FROM (SELECT unnest(errors) AS error FROM {WAITING})"
    ).fetchall()
    return Quarantine(*key, rows, frozenset(name for (name,) in columns), session)


class _Builder:
    """Makes `WAITING` of the entries, step by step as silver and gold make a row."""

    def __init__(
        self, session: duckdb.DuckDBPyConnection, tables: Tables, contract: KpiContract, origins: Origins
    ) -> None:
        self._session = session
        self._tables = tables
        self._origins = origins
        levels = [level.column for level in contract.levels]
        self._texts = [origins.wide_column(name) for name in dict.fromkeys([*levels, *contract.row_columns])]
        summed = [one.column for one in contract.aggregates if one.function == "sum"]
        self._summed = [origins.wide_column(name) for name in dict.fromkeys(summed)]
        columns = [*self._texts, *self._summed]
        used = [one for column in columns for one in columns_of(column.expression)]
        self._joins = [join for join in origins.wide.joins if join.dimension in {one.table for one in used}]
        needed = {one.column for one in used if origins.is_of_fact(one)}
        needed |= {left for join in self._joins for left, _ in join.on}
        self._fact = [one for one in origins.fact.columns if one.name in needed]
        found = [one.column for column in self._fact for one in columns_of(column.expression)]
        self._sources = list(dict.fromkeys(name.lower() for name in found))
        self._unclear: set[str] = set()

    def build(self, entries: Iterable[Any]) -> None:
        """Makes it of the quarantine's rows, given as Arrow batches."""
        self._read_landed(entries)
        self._clean()
        for number, join in enumerate(self._joins):
            self._read_latest(number, join)
        columns = [f"{self._text(one)} AS {quoted(one.name)}" for one in self._texts]
        columns += [f"{self._amount(one)} AS {quoted(one.name)}" for one in self._summed]
        listed = ", ".join(["row", f"day AS {DATE}", "errors", *columns])
        self._session.execute(f"CREATE TABLE {WAITING} AS SELECT {listed} FROM {self._joined}")
        for table in ("landed", "fact", *(_latest(number) for number in range(len(self._joins)))):
            self._session.execute(f"DROP TABLE {table}")

    @property
    def _joined(self) -> str:
        pairs = [
            " AND ".join(f"fact.{quoted(left)} = {_latest(number)}.{quoted(right)}" for left, right in join.on)
            for number, join in enumerate(self._joins)
        ]
        return " ".join(["fact", *(f"LEFT JOIN {_latest(number)} ON {on}" for number, on in enumerate(pairs))])

    def _read_landed(self, entries: Iterable[Any]) -> None:
        """The landed values, as texts, and for each row the fact's columns that are wrong or cannot be read."""
        texts = "".join(f", {quoted(name)} VARCHAR" for name in self._sources)
        self._session.execute(
            "CREATE TABLE landed (row BIGINT, day DATE, errors STRUCT(message VARCHAR, columns VARCHAR[])[], "
            f"faults VARCHAR[]{texts})"
        )
        known = {name: self._made_of(name) for name in self._sources}
        rows = 0
        for batch in entries:
            self._session.register("given", _arrow(list(_landed(batch, known, rows)), self._sources))
            self._session.execute("INSERT INTO landed SELECT * FROM given")
            self._session.unregister("given")
            rows += len(batch)

    def _made_of(self, source: str) -> set[str]:
        columns = self._origins.fact.columns
        return {one.name for one in columns if source in {used.column.lower() for used in columns_of(one.expression)}}

    def _clean(self) -> None:
        kinds = {(one.source or "").lower(): type_in_duckdb(one.lake_type) for one in self._origins.fact.columns}

        def name_of(_table: str, column: str) -> str:
            name = column.lower()
            return f"TRY_CAST(landed.{quoted(name)} AS {kinds.get(name, 'VARCHAR')})"

        columns = []
        for one in self._fact:
            found = self._translated(one.expression, name_of, "landed")
            if found is None:
                self._unclear.add(one.name)
            columns.append(f"TRY_CAST({found or 'NULL'} AS {type_in_duckdb(one.lake_type)}) AS {quoted(one.name)}")
        listed = ", ".join(["row", "day", "errors", "faults", *columns])
        self._session.execute(f"CREATE TABLE fact AS SELECT {listed} FROM landed")

    def _read_latest(self, number: int, join: Join) -> None:
        """The latest row of each key that waits; nothing where the dimension is not in silver."""
        dimension = self._origins.silver[join.dimension]
        used = [one for column in (*self._texts, *self._summed) for one in columns_of(column.expression)]
        wanted = [*(right for _, right in join.on), *(one.column for one in used if one.table == join.dimension)]
        names = list(dict.fromkeys(wanted))
        state = self._tables("silver", join.dimension)
        if state is None:
            kinds = {one.name: type_in_duckdb(one.lake_type) for one in dimension.columns}
            listed = ", ".join(f"{quoted(name)} {kinds[name]}" for name in names)
            self._session.execute(f"CREATE TABLE {_latest(number)} ({listed}, present BOOLEAN)")
            return
        order = "valid_from" if dimension.scd_type == 2 else "true"
        read = ", ".join([*map(quoted, names), *(["valid_from"] if dimension.scd_type == 2 else [])])
        keys = ", ".join(quoted(right) for _, right in join.on)
        waiting = ", ".join(quoted(left) for left, _ in join.on)
        packed = ", ".join(f"{quoted(name)} := {quoted(name)}" for name in names)
        with stored_in(self._session, state, f"SELECT {read} FROM stored"):
            self._session.execute(
                f"CREATE TABLE {_latest(number)} AS SELECT latest.*, true AS present FROM ("
                f"SELECT max_by(struct_pack({packed}), {order}) AS latest FROM stored "
                f"WHERE ({keys}) IN (SELECT ({waiting}) FROM fact) GROUP BY {keys})"
            )

    def _text(self, column: WideColumn) -> str:
        def shown(found: str) -> str:
            value = f"TRY_CAST({found} AS VARCHAR)"
            if column.unknown_member is not None:
                present = self._name_of(column.dimension or "", "present")
                value = f"CASE WHEN {present} IS NULL THEN {literal(column.unknown_member)} ELSE {value} END"
            return f"coalesce({value}, '{NOTHING}')"

        return self._known(column, "VARCHAR", shown)

    def _amount(self, column: WideColumn) -> str:
        kinds = {one.name: one.lake_type for one in self._origins.fact.columns}
        used = columns_of(column.expression)
        kind = column.lake_type or (kinds.get(used[0].column) if len(used) == 1 else None) or "double"
        return self._known(column, type_in_duckdb(kind), lambda found: f"TRY_CAST({found} AS {type_in_duckdb(kind)})")

    def _known(self, column: WideColumn, kind: str, shown: Callable[[str], str]) -> str:
        """The value where nothing that it depends on is wrong, and where its expression is understood here."""
        found = self._translated(column.expression, self._name_of, self._joined)
        used = {one.column for one in columns_of(column.expression) if self._origins.is_of_fact(one)}
        if found is None or used & self._unclear:
            return f"CAST(NULL AS {kind})"
        behind = ", ".join(map(literal, sorted(self._origins.fact_columns_behind(column))))
        keys = [f"fact.{quoted(left)} IS NULL" for join in self._origins.joins_of(column) for left, _ in join.on]
        doubts = " OR ".join([f"list_has_any(faults, [{behind}])", *keys])
        return f"CASE WHEN {doubts} THEN NULL ELSE {shown(found)} END"

    def _name_of(self, table: str, column: str) -> str | None:
        if table in {"", self._origins.wide.fact}:
            return f"fact.{quoted(column)}"
        numbers = {join.dimension: number for number, join in enumerate(self._joins)}
        return f"{_latest(numbers[table])}.{quoted(column)}" if table in numbers else None

    def _translated(self, expression: str, name_of: NameOf, table: str) -> str | None:
        import duckdb

        found = in_duckdb(expression, name_of)
        try:
            if found is not None:
                self._session.execute(f"SELECT {found} FROM {table} LIMIT 0")
        except duckdb.Error:
            return None
        return found


def _landed(batch: Any, known: dict[str, set[str]], first: int) -> Iterator[dict[str, Any]]:
    for number, entry in enumerate(batch.to_pylist(), first):
        errors = [{"message": one["message"], "columns": one["columns"] or []} for one in entry["_errors"] or ()]
        # As texts: a number in JSON may have more digits than Python's own floats.
        found = json.loads(entry["raw_row"] or "{}", parse_float=str, parse_int=str)
        values = {name.lower(): value for name, value in found.items()}
        faults = {name for one in errors for name in one["columns"]}
        row = {"row": number, "day": entry["business_date"], "errors": errors}
        for name, columns in known.items():
            value = values.get(name, _MASK)
            if value == _MASK:
                faults |= columns
            row[name] = None if value is None or value == _MASK else str(value)
        yield row | {"faults": sorted(faults)}


def _arrow(rows: list[dict[str, Any]], sources: list[str]) -> Any:
    import pyarrow as pa

    error = pa.struct([("message", pa.string()), ("columns", pa.list_(pa.string()))])
    fields = [("row", pa.int64()), ("day", pa.date32()), ("errors", pa.list_(error)), ("faults", pa.list_(pa.string()))]
    return pa.Table.from_pylist(rows, pa.schema([*fields, *((name, pa.string()) for name in sources)]))


def _latest(number: int) -> str:
    return f"latest_{number}"
