"""The statements that bring a catalog to what contracts say, each with the one that takes it back.

Run again they change nothing. Rows and columns are closed before anybody is let in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cli.governance.predicates import Exempt, column_predicate, row_predicate
from cli.governance.sql_text import quoted, text
from lake_model.contracts.table_governance import GovernedColumn, GovernedTable

CLASSIFICATION_TAG = "lakehouse_classification"
SCHEMA_TAG = "lakehouse_source_schema"
_UNDO = "-- undo: "
_HEAD = """-- Who may read what, as the contracts say: made by `bin/lakehouse governance`, not to be changed by hand.
-- Run it as the owner of the tables, on a SQL warehouse, when no run is under way; again it changes nothing.
"""


@dataclass(frozen=True)
class Statement:
    """A statement; `undo` takes it back, and names what it is about: no two of a catalog share one."""

    do: str
    undo: str


@dataclass(frozen=True)
class Place:
    """Where statements are for.

    Attributes:
        catalog: with the schemas `silver` and `gold`.
        functions: schema of the functions that filters and masks call.
        exempt: who sees everything.
    """

    catalog: str
    exempt: Exempt
    functions: str = "operations"


def statements(tables: Sequence[GovernedTable], place: Place, *, bound: bool = True) -> list[Statement]:
    """All statements of a catalog, in the order in which they are to be run.

    Args:
        tables: that are there.
        place: where they are.
        bound: also what lets readers in and calls the functions; else Terraform does that, as `for_terraform` has it.
    """
    closing = [one for table in tables for one in _closing(table, place)]
    found = closing if bound else [one for one in closing if one.undo.startswith("DROP FUNCTION")]
    found += [one for table in tables for one in _telling(table, place)]
    return found + (list(_opening(tables, place)) if bound else [])


def row_function(table: GovernedTable) -> str:
    """The name of the function that filters a table's rows."""
    return f"rows_{table.layer}_{table.name}"


def mask_function(table: GovernedTable, column: GovernedColumn) -> str:
    """The name of the function that masks a column."""
    return f"mask_{table.layer}_{table.name}_{column.name}"


def file_text(found: Iterable[Statement]) -> str:
    """A file of statements, which `read_file` reads back."""
    return _HEAD + "".join(f"\n{_UNDO}{one.undo}\n{one.do};\n" for one in found)


def read_file(content: str) -> list[Statement]:
    """The statements of a file that `file_text` made; other lines are passed over."""
    found = []
    for part in content.split(f"\n{_UNDO}")[1:]:
        undo, _, do = part.partition("\n")
        found.append(Statement(do.strip().removesuffix(";"), undo.strip()))
    return found


def changes(before: Sequence[Statement], after: Sequence[Statement]) -> list[str]:
    """What is to be run where `before` was: what is gone is taken back, last things first; then what is new."""
    kept = {one.undo for one in after}
    done = set(before)
    gone = [one.undo for one in reversed(before) if one.undo not in kept]
    return gone + [one.do for one in after if one not in done]


def for_terraform(tables: Sequence[GovernedTable]) -> str:
    """What lets readers in, as JSON: of each table its readers, and the functions that close its rows and columns."""
    content = {
        table.label: {
            "readers": sorted(table.groups),
            "row_filter": row_function(table) if table.row_columns else None,
            "row_columns": [column.name for column in table.row_columns],
            "masks": {column.name: mask_function(table, column) for column in table.columns if column.is_closed},
        }
        for table in tables
    }
    return json.dumps({"governed": content}, indent=2) + "\n"


def _closing(table: GovernedTable, place: Place) -> Iterator[Statement]:
    """Row filter and masks, with their functions."""
    whole = quoted(place.catalog, table.layer, table.name)
    rows = row_predicate(table, place.exempt)
    if rows is not None:
        name = quoted(place.catalog, place.functions, row_function(table))
        given = ", ".join(f"{_parameter(column.name)} {column.lake_type.upper()}" for column in table.row_columns)
        yield _function(name, given, "BOOLEAN", rows)
        columns = ", ".join(quoted(column.name) for column in table.row_columns)
        yield Statement(
            f"ALTER TABLE {whole} SET ROW FILTER {name} ON ({columns})", f"ALTER TABLE {whole} DROP ROW FILTER"
        )
    for column in table.columns:
        if column.is_closed:
            name = quoted(place.catalog, place.functions, mask_function(table, column))
            kind = column.lake_type.upper()
            seen = column_predicate(table, column.classification, place.exempt)
            hidden = " WHEN hidden IS NOT NULL THEN '***'" if kind == "STRING" else ""
            yield _function(name, f"hidden {kind}", kind, f"CASE WHEN {seen} THEN hidden{hidden} END")
            place_of = f"ALTER TABLE {whole} ALTER COLUMN {quoted(column.name)}"
            yield Statement(f"{place_of} SET MASK {name}", f"{place_of} DROP MASK")


def _function(name: str, given: str, returned: str, body: str) -> Statement:
    do = f"CREATE OR REPLACE FUNCTION {name}({given}) RETURNS {returned} RETURN {body}"
    return Statement(do, f"DROP FUNCTION IF EXISTS {name}")


def _parameter(name: str) -> str:
    # Parsers of this dialect take a quoted name anywhere but here.
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else quoted(name)


def _telling(table: GovernedTable, place: Place) -> Iterator[Statement]:
    """Tags and comments."""
    whole = quoted(place.catalog, table.layer, table.name)
    yield _tag(f"ALTER TABLE {whole}", SCHEMA_TAG, table.schema)
    if table.comment:
        yield Statement(f"COMMENT ON TABLE {whole} IS {text(table.comment)}", f"COMMENT ON TABLE {whole} IS NULL")
    for column in table.columns:
        place_of = f"ALTER TABLE {whole} ALTER COLUMN {quoted(column.name)}"
        if column.classification:
            yield _tag(place_of, CLASSIFICATION_TAG, column.classification)
        if column.comment:
            yield Statement(f"{place_of} COMMENT {text(column.comment)}", f"{place_of} COMMENT ''")


def _tag(what: str, key: str, value: str) -> Statement:
    return Statement(f"{what} SET TAGS ({text(key)} = {text(value)})", f"{what} UNSET TAGS ({text(key)})")


def _opening(tables: Sequence[GovernedTable], place: Place) -> Iterator[Statement]:
    """Grants: of each group on catalog, schemas and its tables."""
    groups = dict.fromkeys(group for table in tables for group in table.groups)
    layers = dict.fromkeys((table.layer, group) for table in tables for group in table.groups)
    for group in groups:
        yield _grant("USE CATALOG", f"CATALOG {quoted(place.catalog)}", group)
    for layer, group in layers:
        yield _grant("USE SCHEMA", f"SCHEMA {quoted(place.catalog, layer)}", group)
    for table in tables:
        for group in table.groups:
            yield _grant("SELECT", f"TABLE {quoted(place.catalog, table.layer, table.name)}", group)


def _grant(privilege: str, what: str, group: str) -> Statement:
    return Statement(
        f"GRANT {privilege} ON {what} TO {quoted(group)}", f"REVOKE {privilege} ON {what} FROM {quoted(group)}"
    )
