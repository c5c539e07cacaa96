"""Writes a drafted contract: YAML of the Open Data Contract Standard, doubts as comments beside their columns."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from lakehouse.source.type_map import MAX_SPARK_DIGITS

from cli.drafting.doubts import describe, doubts_of, doubts_of_collation, transform_of
from cli.drafting.guesses import Guesses
from cli.drafting.source_description import DescribedColumn, TableDescription
from cli.drafting.table_profile import ColumnProfile
from lake_model.contracts.contract_rules import COLUMN_NAME, KEPT_FOR_SILVER, KEPT_TABLE_ENDINGS, LAKE_NAME
from lake_model.contracts.lake_types import MOST_DIGITS

_WIDTH = 120
_OF_SAMPLE = "; all that is said of values holds for those alone"
_INTEGER = re.compile(r"(tinyint|smallint|mediumint|int|bigint|year|bit)\b", re.IGNORECASE)
_BYTES = re.compile(
    r"(binary|varbinary|tinyblob|blob|mediumblob|longblob|vector|geometry|point|linestring|polygon|multipoint"
    r"|multilinestring|multipolygon|geometrycollection|geomcollection)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Draft:
    """All that a draft is written from.

    Attributes:
        name: the table's name in the lake.
        table: what the server says of the table.
        profiles: of its columns, by name.
        guesses: what it is taken for.
        sampled: how the rows that were looked at were chosen.
        repeated: how many of them equal an earlier one in every column.
        repeated_when_trimmed: how many do once blanks at the ends of text are trimmed, as the draft does.
        is_whole: whether they are all rows of the table.
        today: the date of the draft.
        confidential: columns of which no value is shown.
    """

    name: str
    table: TableDescription
    profiles: Mapping[str, ColumnProfile]
    guesses: Guesses
    sampled: str
    is_whole: bool
    repeated: int
    repeated_when_trimmed: int
    today: date
    confidential: frozenset[str] = frozenset()


def lake_name(table: str) -> str:
    """The name in the lake for a table that MySQL calls so: lower case letters, digits and _."""
    name = _plain(table).lower()
    if not LAKE_NAME.fullmatch(name):
        name = f"t_{name}".rstrip("_")
    return f"{name}_table" if name.endswith(KEPT_TABLE_ENDINGS) else name


def contract_text(draft: Draft) -> str:
    """The contract as YAML text."""
    table, guesses, name = draft.table, draft.guesses, draft.name
    head = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"{lake_name(table.schema)}-{name}",
        "name": name,
        "version": "0.1.0",
        "status": "draft",
        "description": {"purpose": table.comment or f"To be written: what {name} is for, and for whom."},
    }
    schema = {
        "name": name,
        "physicalName": table.table,
        "physicalType": "view" if table.is_view else "table",
        "logicalType": "object",
        "dataGranularityDescription": _granularity(guesses),
    }
    lines = [*_preface(draft), *_dumped(head), "schema:"]
    lines += _indented(_dumped([schema]), 2)
    lines.append("    customProperties:")
    for comments, properties in _table_properties(draft):
        lines += _indented(_comments(comments), 6)
        lines += _indented([f"- {_flow({'property': key, 'value': value})}" for key, value in properties.items()], 6)
    lines.append("    properties:")
    names = _lake_column_names(draft)
    for column in table.columns:
        lines += _indented(_column(draft, column, names[column.name]), 6)
        if _has_time(draft, column):
            lines += _indented(_day_of(column, _free_name(f"{names[column.name]}_date", set(names.values()))), 6)
    lines += ["slaProperties:", f"  - {_flow({'property': 'latency', 'value': 1, 'unit': 'd', 'element': name})}"]
    return "\n".join(lines) + "\n"


def _lake_column_names(draft: Draft) -> dict[str, str]:
    """Names in the lake by names at the source; a name stays as it is wherever the lake can take it."""
    table, kept = draft.table, {*KEPT_FOR_SILVER, f"{draft.name}_key"}
    names: dict[str, str] = {}
    taken = {column.name.casefold() for column in table.columns if _fits(column.name, kept)}
    for column in table.columns:
        if _fits(column.name, kept):
            names[column.name] = column.name
            continue
        stem = _plain(column.name)
        stem = stem if COLUMN_NAME.fullmatch(stem) else f"c_{stem}".rstrip("_")
        stem = f"{stem}_source" if stem.casefold() in kept else stem
        made = _free_name(stem, taken | kept)
        names[column.name] = made
        taken.add(made.casefold())
    return names


def _free_name(stem: str, taken: Collection[str]) -> str:
    used = {name.casefold() for name in taken}
    made, number = stem, 1
    while made.casefold() in used:
        number += 1
        made = f"{stem}_{number}"
    return made


def _fits(name: str, kept: set[str]) -> bool:
    return bool(COLUMN_NAME.fullmatch(name)) and name.casefold() not in kept


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "_", letters).strip("_")


def _granularity(guesses: Guesses) -> str:
    if guesses.kind == "dimension" and not guesses.is_calendar:
        return f"One row per {' and '.join(guesses.key)}, and period in which its tracked values held."
    return f"One row per {' and '.join(guesses.key)}." if guesses.key else "To be written: what one row is."


def _preface(draft: Draft) -> list[str]:
    where = f"{draft.table.schema}.{draft.table.table}"
    return _comments(
        [
            f"Drafted from {where} on {draft.today}. Looked at {draft.sampled}{'' if draft.is_whole else _OF_SAMPLE}.",
            "Lines with ? are doubts and guesses: settle each, and remove it. Then set status to active.",
            "That is for people: a run takes a contract of any status, a draft too.",
        ]
    )


def _table_properties(draft: Draft) -> Iterable[tuple[list[str], dict[str, Any]]]:
    guesses, names = draft.guesses, _lake_column_names(draft)
    yield [f"? a {guesses.kind}: {guesses.kind_reason}"], {"tableKind": guesses.kind}
    if guesses.kind == "dimension":
        yield from _dimension_properties(draft, names)
        yield _other_keys(guesses), {"changeDetection": "fingerprint"}
        return
    yield [], {"changeDetection": "fingerprint"}
    comments = [f"? could be {', '.join(guesses.other_dates)} too"] if guesses.other_dates else []
    if not any(index.columns[:1] == (guesses.date_column,) for index in draft.table.indexes):
        comments.append(f"? no index begins with {guesses.date_column}: a copy of one date reads the whole table")
    yield comments, {"dateColumn": guesses.date_column}
    repeated = _repeated(draft)
    yield [*_other_keys(guesses), *repeated], {"duplicates": "keep_all"}
    measures = [name for name in guesses.measures if names[name] == name and _is_summed(draft.table, name)]
    if measures:
        yield ["? columns whose sums must survive from MySQL to silver"], {"measures": measures}


def _repeated(draft: Draft) -> list[str]:
    said = []
    if draft.repeated:
        said.append(f"? {draft.repeated:,} rows repeat another in every column: keep_one would remove them")
    made = draft.repeated_when_trimmed - draft.repeated
    if made:
        more = " more" if draft.repeated else ""
        said.append(
            f"? {made:,} rows{more} repeat another once blanks are trimmed as below: keep_one would remove them"
        )
    return said


def _is_summed(table: TableDescription, name: str) -> bool:
    column = next(column for column in table.columns if column.name == name)
    digits = re.match(r"decimal\((\d+)", column.mysql_type, re.IGNORECASE)
    fits = digits is None or int(digits[1]) <= MOST_DIGITS
    return fits and _types(column.mysql_type)[0] in {"integer", "number"}


def _other_keys(guesses: Guesses) -> list[str]:
    keys = [" + ".join(key) for key in guesses.other_keys[:3]]
    return [f"? these tell all rows apart as well: {', '.join(keys)}"] if keys else []


def _dimension_properties(draft: Draft, names: Mapping[str, str]) -> Iterable[tuple[list[str], dict[str, Any]]]:
    guesses = draft.guesses
    others = [column.name for column in draft.table.columns if column.name not in guesses.key]
    tracked = [name for name in others if name not in guesses.audit]
    if not tracked:
        yield [], {"scdType": 1}
        return
    if guesses.is_calendar:
        yield ["? a calendar: it keeps the latest values alone; 2 keeps the history of every change"], {"scdType": 1}
        return
    yield ["? keeps the history of every change; 1 keeps the latest values alone"], {"scdType": 2}
    if len(tracked) < len(others):
        left = ", ".join(name for name in others if name in guesses.audit)
        yield (
            [f"? all columns but {left}, which changes with every touch"],
            {"trackedColumns": [names[name] for name in tracked]},
        )


def _column(draft: Draft, column: DescribedColumn, name: str) -> list[str]:
    profile, guesses = draft.profiles[column.name], draft.guesses
    is_key = column.name in guesses.key
    is_date = column.name == guesses.date_column and not _has_time(draft, column)
    is_required = is_key or is_date or (not column.nullable and not profile.nulls)
    logical, spark = _types(column.mysql_type)
    transform = transform_of(column, profile, is_key)
    entry: dict[str, Any] = {"name": name}
    if name != column.name:
        entry["physicalName"] = column.name
    entry |= {"physicalType": column.mysql_type, "logicalType": logical}
    if is_key:
        entry |= {"primaryKey": True, "primaryKeyPosition": guesses.key.index(column.name) + 1}
    if is_required:
        entry["required"] = True
    if transform:
        entry["transformLogic"] = transform
    if column.comment:
        entry["description"] = column.comment
    if spark:
        entry["customProperties"] = [{"property": "sparkType", "value": spark}]
    show_values = column.name not in draft.confidential
    facts = [describe(profile, show_values)]
    doubts = doubts_of(column, profile, is_key, is_required, show_values)
    if is_key and column.name == guesses.key[0]:
        facts.append(f"{'' if guesses.key in draft.table.declared_keys else '? '}the key: {guesses.key_reason}")
    if column.name == guesses.date_column:
        facts.append("dates the rows, so it is always required: silver refuses a row without a date")
        if profile.nulls:
            verb = "row has" if profile.nulls == 1 else "rows have"
            doubts.append(f"{profile.nulls:,} {verb} no date: is another column the date?")
    doubts += [
        f"refers to {one.table}.{one.referred} at the source: once that has a contract, "
        f"relationships: [{{type: foreignKey, to: {lake_name(one.table)}.{one.referred}}}]?"
        for one in draft.table.references
        if one.column == column.name
    ]
    if column.collation and any(one.column == column.name for one in draft.table.references):
        doubts += doubts_of_collation(column)
    return [*_comments([*facts, *(f"? {doubt}" for doubt in doubts)]), *_dumped([entry])]


def _has_time(draft: Draft, column: DescribedColumn) -> bool:
    """Whether the column dates a fact's rows with a time of day, beside which silver needs the day alone."""
    return column.name == draft.guesses.date_column and _types(column.mysql_type)[0] == "timestamp"


def _day_of(column: DescribedColumn, name: str) -> list[str]:
    entry = {
        "name": name,
        "physicalName": column.name,
        "physicalType": column.mysql_type,
        "logicalType": "date",
        "required": True,
    }
    return [*_comments([f"the day of {column.name}, by which silver keeps the rows"]), *_dumped([entry])]


def _types(mysql_type: str) -> tuple[str, str | None]:
    """ODCS logical type, and the Spark type where the one that follows from it would not hold every value."""
    kind = mysql_type.lower()
    if _INTEGER.match(kind):
        wide = kind.startswith("bit(64)") or ("bigint" in kind and "unsigned" in kind)
        return "integer", "decimal(20,0)" if wide else None
    decimal = re.match(r"decimal\((\d+)(?:,(\d+))?\)", kind)
    if decimal:
        return ("number", None) if int(decimal[1]) <= MAX_SPARK_DIGITS else ("string", None)
    if kind.startswith("float"):
        return "number", "float"
    if kind.startswith("double"):
        return "number", None
    if _BYTES.match(kind):
        return "string", "binary"
    if re.match(r"(datetime|timestamp)\b", kind):
        return "timestamp", None
    return ("date", None) if kind == "date" else ("string", None)


def _comments(texts: Iterable[str]) -> list[str]:
    """Comment lines; whatever the text holds, it stays on its line and can be read back."""
    printable = ("".join(one if one.isprintable() else _escaped(one) for one in text) for text in texts)
    return [f"# {text}" for text in printable]


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _dumped(value: Any) -> list[str]:
    return _yaml(value, width=_WIDTH).rstrip("\n").split("\n")


def _flow(value: Any) -> str:
    return _yaml(value, default_flow_style=True, width=10**6).strip()


def _yaml(value: Any, **options: Any) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes texts as YAML does by itself; the contracts' library has all safe dumpers write blocks of lines."""

    Dumper.add_representer(str, yaml.representer.SafeRepresenter.represent_str)
    return str(yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, **options))


def _indented(lines: Iterable[str], spaces: int) -> list[str]:
    return [" " * spaces + line if line else line for line in lines]
