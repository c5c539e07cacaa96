"""What a server says of a table: columns, keys, indexes, references and comments."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.errors import SourceError
from lakehouse.source.fingerprint import table_sql
from lakehouse.source.sql_text import quote_text
from lakehouse.source.type_map import one_form

if TYPE_CHECKING:
    from lakehouse.source.mysql_source import MySqlSource


@dataclass(frozen=True)
class DescribedColumn:
    """A column; `mysql_type` as the server prints it, `comment` and `collation` empty where there is none."""

    name: str
    mysql_type: str
    nullable: bool
    comment: str = ""
    collation: str = ""


@dataclass(frozen=True)
class Index:
    """An index over columns; parts that are expressions are left out, and such an index is never `unique` here."""

    name: str
    columns: tuple[str, ...]
    unique: bool


@dataclass(frozen=True)
class Reference:
    """A foreign key: one column and the table and column that it refers to."""

    column: str
    schema: str
    table: str
    referred: str


@dataclass(frozen=True)
class TableDescription:
    """A table or view; `estimated_rows` is the server's guess, None for a view."""

    schema: str
    table: str
    is_view: bool
    comment: str
    estimated_rows: int | None
    columns: tuple[DescribedColumn, ...]
    indexes: tuple[Index, ...] = ()
    references: tuple[Reference, ...] = ()

    @property
    def primary_key(self) -> tuple[str, ...]:
        """Columns of the declared primary key; empty where there is none."""
        return next((index.columns for index in self.indexes if index.name == "PRIMARY"), ())

    @property
    def declared_keys(self) -> tuple[tuple[str, ...], ...]:
        """Primary key, then unique indexes over columns that are never NULL: no two rows can share them."""
        required = {column.name for column in self.columns if not column.nullable}
        unique = [index for index in self.indexes if index.unique and required.issuperset(index.columns)]
        ordered = sorted(unique, key=lambda index: (index.name != "PRIMARY", len(index.columns), index.name))
        return tuple(dict.fromkeys(index.columns for index in ordered))


def describe_table(source: MySqlSource, schema: str, table: str) -> TableDescription:
    """Ask the server about a table or view, whose name may be written in another case where the server folds it.

    Raises:
        SourceError: there is no such table that the user may see, or it is a view that lacks what it reads.
    """
    known = {entry.name: entry for entry in source.tables(schema)}
    folded = [name for name in known if name.casefold() == table.casefold()]
    name = table if table in known else folded[0] if len(folded) == 1 else None
    if name is None:
        raise SourceError(
            f"{source.info.label}: schema {schema} shows no table {table}; it has {', '.join(sorted(known)[:20])}"
        )
    where = f"table_schema = {quote_text(schema)} AND table_name = {quote_text(name)}"
    comment, rows = source.rows(f"SELECT table_comment, table_rows FROM information_schema.tables WHERE {where}")[0]
    is_view = known[name].is_view
    if is_view:
        _require_whole(source, schema, name)
    columns = tuple(
        DescribedColumn(_text(column), one_form(_text(kind)), _text(nullable) == "YES", _text(note), _text(collation))
        for column, kind, nullable, note, collation in source.rows(
            "SELECT column_name, column_type, is_nullable, column_comment, collation_name FROM "
            "information_schema.columns "
            f"WHERE {where} ORDER BY ordinal_position"
        )
    )
    return TableDescription(
        schema=schema,
        table=name,
        is_view=is_view,
        comment="" if is_view else _text(comment),
        estimated_rows=None if is_view or rows is None else int(rows),
        columns=columns,
        indexes=_indexes(source, where),
        references=_references(source, where),
    )


def _require_whole(source: MySqlSource, schema: str, view: str) -> None:
    """Raises SourceError, with the server's own words, where a view reads what is not there or not granted."""
    try:
        source.rows(f"SELECT 1 FROM {table_sql(schema, view)} LIMIT 0")
    except SourceError as error:
        found = [_text(row[3]) for row in source.rows(f"CHECK TABLE {table_sql(schema, view)}") if row[2] == b"Error"]
        lacks = "; ".join(found) or str(error)
        raise SourceError(
            f"{source.info.label}: the view {schema}.{view} cannot be read: {lacks}: mend the view, or drop it"
        ) from error


def _indexes(source: MySqlSource, where: str) -> tuple[Index, ...]:
    parts: dict[str, list[str]] = defaultdict(list)
    unique: dict[str, bool] = {}
    for index, non_unique, column, prefix in source.rows(
        f"SELECT index_name, non_unique, column_name, sub_part FROM information_schema.statistics WHERE {where} "
        "ORDER BY index_name, seq_in_index"
    ):
        name = _text(index)
        if column is not None:
            parts[name].append(_text(column))
        # An expression, or the first letters of a column, are unique without the columns being so in the same sense.
        unique[name] = unique.get(name, True) and _text(non_unique) == "0" and column is not None and prefix is None
    return tuple(Index(name, tuple(columns), unique[name]) for name, columns in parts.items())


def _references(source: MySqlSource, where: str) -> tuple[Reference, ...]:
    return tuple(
        Reference(_text(column), _text(schema), _text(table), _text(referred))
        for column, schema, table, referred in source.rows(
            "SELECT column_name, referenced_table_schema, referenced_table_name, referenced_column_name "
            f"FROM information_schema.key_column_usage WHERE {where} AND referenced_table_name IS NOT NULL "
            "ORDER BY constraint_name, ordinal_position"
        )
    )


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode()
