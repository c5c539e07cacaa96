"""Guesses what kind of table it is, its date, its key and its measures, each with the reason for it. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lakehouse.errors import ContractError

from cli.drafting.source_description import DescribedColumn, TableDescription
from cli.drafting.table_profile import ColumnProfile

_DATED = re.compile(r"(date|datetime|timestamp)\b", re.IGNORECASE)
_EXACT_NUMBER = re.compile(r"(decimal|tinyint|smallint|mediumint|int|bigint)\b", re.IGNORECASE)
_FRACTION = re.compile(r"(decimal|float|double)\b", re.IGNORECASE)
# Columns of when a row was touched, not of when what it records happened.
_AUDIT = re.compile(r"(creat|updat|modif|insert|load|delet|chang|sync|import)", re.IGNORECASE)
_EVENT = re.compile(
    r"(order|sale|sold|book|trans|invoice|document|post|business|event|entry|pay|ship|value).*(date|day|time|_at|_on)"
    r"|^(date|day)$",
    re.IGNORECASE,
)
_DAYS_OF_A_CALENDAR = 28
_AMOUNT = re.compile(r"(amount|qty|quantit|total|price|cost|revenue|units|pieces|weight|tax|discount)", re.IGNORECASE)
_REFERENCE = re.compile(r"(_|^)(id|code|key|no|nr|num|number|sku)$|(?<=[a-z])(Id|Code|Key|No)$")


@dataclass(frozen=True)
class Guesses:
    """What the draft takes a table for.

    Attributes:
        kind: `dimension` or `fact`; `kind_reason` says why.
        date_column: the column that dates a fact's rows; None for a dimension. `other_dates` could be it too.
        key: columns of the primary key; may be empty for a fact. `key_reason` says what speaks for it.
        other_keys: further sets of columns that no two rows share.
        measures: columns whose sums must be conserved.
        audit: columns that change without the thing itself changing.
        is_calendar: its rows are the days of a period.
    """

    kind: str
    kind_reason: str
    date_column: str | None
    other_dates: tuple[str, ...]
    key: tuple[str, ...]
    key_reason: str
    other_keys: tuple[tuple[str, ...], ...]
    measures: tuple[str, ...]
    audit: tuple[str, ...]
    is_calendar: bool = False


def guess(
    table: TableDescription,
    profiles: Mapping[str, ColumnProfile],
    found_keys: tuple[tuple[str, ...], ...],
    is_whole: bool,
    kind: str | None = None,
) -> Guesses:
    """Guess all; `kind` is what the user says it is.

    Raises:
        ContractError: the user wants a fact, and no column can date its rows.
    """
    dates = sorted(
        (column for column in table.columns if _DATED.match(column.mysql_type)),
        key=lambda column: _date_rank(column, profiles[column.name]),
    )
    if kind == "fact" and not dates:
        raise ContractError(
            f"--kind fact: {table.schema}.{table.table} has no column of type DATE, DATETIME or TIMESTAMP, and a fact "
            "needs one to date its rows: use --kind dimension"
        )
    kind, reason = (kind, "as asked for by --kind") if kind else _kind(table, dates, found_keys)
    key, key_reason = _key(table, found_keys, is_whole)
    if kind == "fact" and not table.declared_keys:
        key = ()
    others = tuple(one for one in dict.fromkeys((*table.declared_keys, *found_keys)) if one != key)
    taken = {*key, *(column for one in table.declared_keys for column in one)}
    return Guesses(
        kind=kind,
        kind_reason=reason,
        date_column=dates[0].name if kind == "fact" else None,
        other_dates=tuple(column.name for column in dates[1:]) if kind == "fact" else (),
        key=key,
        key_reason=key_reason,
        other_keys=others,
        measures=tuple(c.name for c in table.columns if _is_measure(c, taken)) if kind == "fact" else (),
        audit=tuple(c.name for c in table.columns if _DATED.match(c.mysql_type) and _AUDIT.search(c.name)),
        is_calendar=kind == "dimension" and _is_calendar(table, dates, profiles),
    )


def _is_calendar(table: TableDescription, dates: list[DescribedColumn], profiles: Mapping[str, ColumnProfile]) -> bool:
    """Whether a date is the key, or stands in one row for each day of a period, none of which is missing."""
    if table.primary_key and set(table.primary_key) <= {column.name for column in dates}:
        return True
    for column in dates:
        profile = profiles[column.name]
        is_day_each = column.mysql_type.lower() == "date" and profile.rows == profile.distinct >= _DAYS_OF_A_CALENDAR
        if is_day_each and (profile.highest - profile.lowest).days + 1 == profile.distinct:
            return True
    return False


def _kind(
    table: TableDescription, dates: list[DescribedColumn], found_keys: tuple[tuple[str, ...], ...]
) -> tuple[str, str]:
    events = [column.name for column in dates if not _AUDIT.search(column.name)]
    if not dates:
        return "dimension", "no column dates its rows"
    if table.primary_key and set(table.primary_key) <= {column.name for column in dates}:
        return "dimension", f"its key is the date {table.primary_key[0]}: a calendar"
    key = set(table.primary_key)
    amounts = [c.name for c in table.columns if _is_amount(c) and c.name not in key]
    references = {one.column for one in table.references} | {
        column.name for column in table.columns if _REFERENCE.search(column.name) and column.name not in key
    }
    if events and amounts and (references or not found_keys):
        return "fact", f"{events[0]} dates its rows, and {amounts[0]} is an amount"
    if events and len(references) > 1:
        return "fact", f"{events[0]} dates its rows, and they refer to other tables ({', '.join(sorted(references))})"
    if not found_keys and not table.declared_keys and events:
        return "fact", f"{events[0]} dates its rows, and they have no key"
    return "dimension", "it has a key, and its dates and amounts do not look like those of events"


def _is_amount(column: DescribedColumn) -> bool:
    return bool(_FRACTION.match(column.mysql_type)) or (
        bool(_EXACT_NUMBER.match(column.mysql_type)) and bool(_AMOUNT.search(column.name))
    )


def _is_measure(column: DescribedColumn, key: set[str]) -> bool:
    # Sums of floats depend on the order of rows, and those of ids mean nothing.
    exact = bool(_EXACT_NUMBER.match(column.mysql_type))
    named = column.mysql_type.lower().startswith("decimal") or bool(_AMOUNT.search(column.name))
    return exact and named and column.name not in key and not _REFERENCE.search(column.name)


def _date_rank(column: DescribedColumn, profile: ColumnProfile) -> tuple[bool, bool, bool, bool]:
    return (
        bool(_AUDIT.search(column.name)),
        not _EVENT.search(column.name),
        profile.nulls * 2 > max(profile.rows, 1),
        not column.mysql_type.lower().startswith("date"),
    )


def _key(
    table: TableDescription, found_keys: tuple[tuple[str, ...], ...], is_whole: bool
) -> tuple[tuple[str, ...], str]:
    if table.primary_key:
        return table.primary_key, "the primary key at the source"
    if table.declared_keys:
        return table.declared_keys[0], "a unique index at the source"
    if found_keys:
        where = "the table today" if is_whole else "the sample"
        best = min(found_keys, key=lambda names: (len(names), not all(_REFERENCE.search(name) for name in names)))
        return best, f"no two rows of {where} share it; nothing at the source keeps it so"
    first = next((column.name for column in table.columns if _REFERENCE.search(column.name)), table.columns[0].name)
    return (first,), "NOT a key: nothing was found that tells all rows apart, and rows that share this are refused"
