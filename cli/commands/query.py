"""`query` and `show`: the lake's tables by their names, in SQL, without Spark."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.errors import LakehouseError

from cli.commands.command import DONE, Command
from cli.commands.lake_argument import add_lake_argument, chosen_tables

if TYPE_CHECKING:
    import duckdb
    from lakehouse.lake.tables import Lake

    from lake_model.contracts.kpi_views import KpiView

LAYERS = ("gold", "silver")
LEDGER = "ledger"
FORMATS = ("table", "csv", "json", "parquet")
_SHOWN_ROWS = 10
_WIDEST = 60


class QueryError(LakehouseError):
    """A query cannot be answered."""


def _add_query_arguments(parser: argparse.ArgumentParser) -> None:
    add_lake_argument(parser)
    parser.add_argument("sql", metavar="SQL", help="one SELECT in DuckDB's SQL, over gold.…, silver.… and ledger")
    parser.add_argument("--format", choices=FORMATS, default="table", help="of the answer (default %(default)s)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where the answer goes (default: the terminal)")


def _add_show_arguments(parser: argparse.ArgumentParser) -> None:
    add_lake_argument(parser)
    parser.add_argument("table", metavar="TABLE", nargs="?", help="such as gold.sales_obt (default: list all tables)")
    parser.add_argument("--rows", type=int, default=_SHOWN_ROWS, metavar="N", help="rows to show (default %(default)s)")


def run_query(arguments: argparse.Namespace) -> int:
    """Answer one query."""
    if arguments.format == "parquet" and arguments.output is None:
        raise QueryError("--format parquet needs --output FILE")
    with _session(arguments, _tables_of(arguments.sql)) as session:
        content = _written(_answer(session, arguments.sql), arguments.format)
    if arguments.output is None:
        sys.stdout.write(content.decode())
    else:
        arguments.output.write_bytes(content)
    return DONE


def run_show(arguments: argparse.Namespace) -> int:
    """List the tables, or show one."""
    lake = chosen_tables(arguments.lake_root)
    if arguments.table is None:
        tables = _tables_in(lake)
        print("\n".join([*tables, *_views_of(tables)]))
        return DONE
    layer, _, name = arguments.table.partition(".")
    with _session(arguments, {arguments.table}) as session:
        state = lake.tables(layer, name) if name else None
        if state:
            print(f"{arguments.table}, version {state.version} of {state.committed_at:%Y-%m-%d %H:%M:%S} UTC")
        sql = f'SELECT * FROM {layer}."{name}"' if name else f"SELECT * FROM {layer}"
        for column, kind, *_ in session.execute(f"DESCRIBE {sql}").fetchall():
            print(f"  {column:<28} {kind if len(kind) <= _WIDEST else kind[:_WIDEST] + '…'}")
        print(f"{session.execute(f'SELECT count(*) FROM ({sql})').fetchall()[0][0]:,} rows")
        sys.stdout.write(_written(_answer(session, f"{sql} LIMIT {max(0, arguments.rows)}"), "table").decode())
    return DONE


def _tables_in(lake: Lake) -> list[str]:
    return [f"{layer}.{name}" for layer in LAYERS for name in lake.names(layer)] + [LEDGER]


def _tables_of(sql: str) -> set[str]:
    """The lake's tables that a query names: those alone are read."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        (parsed,) = sqlglot.parse(sql, dialect="duckdb")
    except (SqlglotError, ValueError) as error:
        raise QueryError(f"this is not one statement of SQL: {str(error).splitlines()[0]}") from None
    if not isinstance(parsed, exp.Query):
        raise QueryError("only a SELECT is answered: the lake is changed by its runs alone")
    named = {f"{table.db}.{table.name}".lower().lstrip(".") for table in parsed.find_all(exp.Table)}
    return {name for name in named if name == LEDGER or name.partition(".")[0] in LAYERS}


def _views_of(tables: list[str]) -> dict[str, KpiView]:
    """The views of the measures of some tables, as the contracts declare them today, by name."""
    from cli.commands.contract_folders import contracts_root
    from lake_model.contracts.kpi_contract import read_kpi_contracts
    from lake_model.contracts.kpi_views import kpi_views

    declared = [one for one in read_kpi_contracts(contracts_root(os.environ)) if f"gold.{one.table}" in tables]
    return {f"gold.{view.name}": view for contract in declared for view in kpi_views(contract)}


def _session(arguments: argparse.Namespace, asked: set[str]) -> duckdb.DuckDBPyConnection:
    """DuckDB with some of the lake's tables and views, which can reach nothing else."""
    import duckdb
    from lakehouse.lake.duckdb_view import stored_in

    from lake_model.contracts.kpi_views import DUCKDB

    lake = chosen_tables(arguments.lake_root)
    known = _tables_in(lake)
    # Contracts are not read for who asks for tables alone.
    declared = _views_of(known) if asked - set(known) else {}
    views = [declared[name] for name in sorted(asked) if name not in known and name in declared]
    tables = (asked - set(declared)) | {f"gold.{view.contract.table}" for view in views}
    session = duckdb.connect()
    session.execute("SET TimeZone = 'UTC'")
    for layer in LAYERS:
        session.execute(f"CREATE SCHEMA {layer}")
    for table in sorted(tables):
        if table not in known:
            raise QueryError(f"there is no table {table} in the lake; there are: {', '.join([*known, *declared])}")
        layer, _, name = table.partition(".")
        if table == LEDGER:
            _load_ledger(session, lake.root)
        elif (state := lake.tables(layer, name)) is not None:
            with stored_in(session, state, "SELECT * FROM stored"):
                session.execute(f'CREATE TABLE {layer}."{name}" AS SELECT * FROM stored')
    for view in views:
        select = view.select(f'gold."{view.contract.table}"', DUCKDB)
        session.execute(f'CREATE VIEW gold."{view.name}" AS {select}')
    session.execute("SET enable_external_access = false")
    session.execute("SET lock_configuration = true")
    return session


def _load_ledger(session: duckdb.DuckDBPyConnection, lake: Any) -> None:
    import json

    import pyarrow as pa
    from lakehouse.lake.lake_path import files_below, read
    from lakehouse.ledger import LedgerRow

    folder = lake / "ledger"
    texts = [(read(folder / file.name) or b"").decode() for file in files_below(folder) if file.name.endswith(".json")]
    rows = [LedgerRow.from_json(text) for text in texts if text.strip()]
    summaries = [{**row.summary(), "detail": json.dumps(dict(row.detail))} for row in rows]
    if not summaries:
        raise QueryError("the ledger is empty: no run has written to this lake yet")
    session.register("_given", pa.Table.from_pylist(summaries))
    session.execute(f"CREATE TABLE {LEDGER} AS SELECT * FROM _given")
    session.unregister("_given")


def _answer(session: duckdb.DuckDBPyConnection, sql: str) -> Any:
    import duckdb

    try:
        return session.sql(sql).to_arrow_table()
    except duckdb.Error as error:
        raise QueryError(str(error).split("\n\n")[0]) from None


def _written(answer: Any, kind: str) -> bytes:
    import io
    import json

    out = io.BytesIO()
    if kind == "parquet":
        import pyarrow.parquet as pq

        pq.write_table(answer, out)
    elif kind == "csv":
        from csv import writer

        text = io.StringIO(newline="")
        rows = writer(text)
        rows.writerow(answer.column_names)
        rows.writerows([row[name] for name in answer.column_names] for row in answer.to_pylist())
        out.write(text.getvalue().encode())
    elif kind == "json":
        out.write("".join(json.dumps(row, default=str) + "\n" for row in answer.to_pylist()).encode())
    else:
        out.write(_table(answer).encode())
    return out.getvalue()


def _table(answer: Any) -> str:
    cells = [answer.column_names] + [
        ["" if row[name] is None else str(row[name]) for name in answer.column_names] for row in answer.to_pylist()
    ]
    short = [[cell if len(cell) <= _WIDEST else cell[: _WIDEST - 1] + "…" for cell in line] for line in cells]
    widths = [max(map(len, column)) for column in zip(*short, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in short]
    return "\n".join([lines[0], "  ".join("─" * width for width in widths), *lines[1:]]) + "\n"


QUERY = Command(
    words=("query",),
    summary="answer a SELECT over the lake's tables, without Spark",
    description="Answers one SELECT over gold.TABLE (also its measures: gold.TABLE_kpis…), silver.TABLE (also "
    "…_quarantine) and ledger. Nothing is changed.",
    add_arguments=_add_query_arguments,
    run=run_query,
)
SHOW = Command(
    words=("show",),
    summary="list the lake's tables, or show one",
    description="Shows a table's version, columns, number of rows and first rows.",
    add_arguments=_add_show_arguments,
    run=run_show,
)
