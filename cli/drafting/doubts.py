"""What a profile makes one doubt of a column, in words for the contract's author, and what is acted on. No I/O.

One thing alone is applied without asking: blanks at the ends of text are trimmed, because no reader tells `INR` from
`INR\\r`. In a key it is applied only where it does not make two keys one. Everything else is said, not done.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from cli.drafting.source_description import DescribedColumn
from cli.drafting.table_profile import BLANKS, NULL_WORDS, SHARED_BY, ColumnProfile, TextProfile, listed, shown

_TRIMMED_TYPES = re.compile(r"(char|varchar|tinytext|text|mediumtext|longtext)\b", re.IGNORECASE)
_FREE_TEXT = re.compile(r"(char|varchar|tinytext|text|mediumtext|longtext|enum|set)\b", re.IGNORECASE)
# Functions of Spark that need no parentheses, and that the parser takes for columns.
_SPARK_ONLY_FUNCTIONS = {"user", "session_user", "current_time", "localtimestamp", "now"}
_BLANK_NAMES = {" ": "blanks", "\t": r"\t", "\r": r"\r", "\n": r"\n"}
_RARE_SHARE = 0.02
_FEW_ROWS = 50
_MOST_CATEGORIES = 12
_LONGEST_EXAMPLE = 24


def transform_of(column: DescribedColumn, profile: ColumnProfile, is_key: bool) -> str | None:
    """The cleaning that is applied to a column without asking, as a Spark SQL expression; None for most."""
    text = profile.text
    if text is None or not text.blank_ends or not _TRIMMED_TYPES.match(column.mysql_type):
        return None
    if is_key and text.folds_when_trimmed:
        return None
    return _trim(column.name, text)


def describe(profile: ColumnProfile, show_values: bool) -> str:
    """One line of what the column holds: how many values, and, if wanted, from where to where and which.

    Only values that `SHARED_BY` rows hold are shown; the ends of others are shown as powers of ten, or as years.
    """
    if not profile.rows:
        return "no rows to look at"
    parts = []
    if profile.nulls:
        parts.append(f"{profile.nulls:,} NULL")
    if profile.is_length:
        parts.append(f"{profile.lowest} to {profile.highest} bytes" if profile.lowest is not None else "no bytes")
        return "; ".join(parts)
    parts.append(f"{profile.distinct:,} distinct value{'s' if profile.distinct != 1 else ''}")
    text = profile.text
    if text is not None and profile.distinct:
        spread = f"{text.shortest:,} to " if text.shortest < text.longest else ""
        parts.append(f"{spread}{text.longest:,} characters")
    if not show_values or not profile.distinct:
        return "; ".join(parts)
    if profile.lowest is not None:
        parts.append(_spread(profile))
    elif _are_categories(profile):
        parts.append(listed([value for value, _ in profile.values]))
    elif profile.examples and all(len(str(value)) <= _LONGEST_EXAMPLE for value in profile.examples):
        parts.append(f"such as {listed(profile.examples)}")
    return "; ".join(parts)


def _spread(profile: ColumnProfile) -> str:
    lowest, highest = profile.lowest, profile.highest
    if profile.ends_are_shared:
        return shown(lowest) if lowest == highest else f"{shown(lowest)} to {shown(highest)}"
    if isinstance(lowest, date):
        return f"in {lowest.year}" if lowest.year == highest.year else f"from {lowest.year} to {highest.year}"
    return f"between {_power_of_ten(lowest, down=True)} and {_power_of_ten(highest, down=False)}"


def _power_of_ten(number: Decimal | float, *, down: bool) -> str:
    """The nearest power of ten (or 0) that is not above the number, or not below it."""
    size = abs(Decimal(str(number)))
    if not size or not size.is_finite():
        return "0" if not size else str(number)
    power = size.adjusted()
    if (number > 0) != down and size != Decimal(1).scaleb(power):
        power += 1
    return f"{'-' if number < 0 else ''}{Decimal(1).scaleb(power):,f}"


def doubts_of(
    column: DescribedColumn, profile: ColumnProfile, is_key: bool, is_required: bool, show_values: bool
) -> list[str]:
    """What the author should look at, one line each."""
    found = [
        f"{count:,} {'row holds' if count == 1 else 'rows hold'} {_SUBSTITUTED.get(reason, reason)}"
        for reason, count in profile.substitutions.items()
    ]
    if not profile.nulls and column.nullable and profile.rows and not is_required:
        found.append("no NULL, though the source allows it: required: true?")
    if profile.nulls == profile.rows and profile.rows:
        found.append("it is always NULL: is it still in use?")
    if profile.implausible:
        found.append(f"{_count(profile.implausible)} dated before 1900 or after 2100: a mark for 'none' or 'for ever'?")
    found += _doubts_of_numbers(column, profile)
    if profile.text is not None and _FREE_TEXT.match(column.mysql_type):
        found += _doubts_of_text(column, profile.text, is_key, show_values)
        found += _doubts_of_categories(profile) if show_values else []
    return found


_SUBSTITUTED = {
    "zero_date": "the date 0000-00-00, which becomes NULL",
    "partial_date": "a date without month or day, which becomes NULL",
    "invalid_date": "a date that is none, which becomes NULL",
    "invalid_utf8": "bytes that are no text, which become \N{REPLACEMENT CHARACTER}",
    "srid_dropped": "a geometry with an SRID, which is left out",
}


def _rows(count: int) -> str:
    return "row" if count == 1 else "rows"


def _count(count: int) -> str:
    return f"{count:,} {_rows(count)} {'is' if count == 1 else 'are'}"


def _is_few(count: int, profile: ColumnProfile) -> bool:
    return 0 < count <= (profile.rows - profile.nulls) * 0.05


def _are_categories(profile: ColumnProfile) -> bool:
    return (
        profile.rows >= _FEW_ROWS
        and 1 < len(profile.values) <= _MOST_CATEGORIES
        and all(len(str(value)) <= _LONGEST_EXAMPLE and count >= SHARED_BY for value, count in profile.values)
    )


def _doubts_of_numbers(column: DescribedColumn, profile: ColumnProfile) -> list[str]:
    found: list[str] = []
    if profile.is_length:
        return found
    if _is_few(profile.negative, profile):
        found.append(
            f"{_count(profile.negative)} below 0: a correction, or an error? logicalTypeOptions: {{minimum: 0}}"
        )
    if column.mysql_type.lower().startswith(("decimal", "float", "double")) and _is_few(profile.zero, profile):
        found.append(f"{_count(profile.zero)} 0")
    if column.mysql_type.lower().startswith("tinyint(1)") and {value for value, _ in profile.values} == {0, 1}:
        found.append("it holds 0 and 1 alone: logicalType: boolean?")
    return found


def _doubts_of_text(column: DescribedColumn, text: TextProfile, is_key: bool, show_values: bool) -> list[str]:
    found = []
    value = _trim(column.name, text) if text.blank_ends else _quoted(column.name)
    if text.blank_ends:
        kinds = ", ".join(_BLANK_NAMES[blank] for blank in text.blank_kinds)
        verb = "row begins or ends" if text.blank_ends == 1 else "rows begin or end"
        fact = f"{text.blank_ends:,} {verb} in {kinds}"
        if is_key and text.folds_when_trimmed:
            found.append(f"{fact}; trimmed, two keys would become one, so it is not done: {_trim(column.name, text)}?")
        else:
            found.append(f"{fact}: trimmed below")
    if text.empty:
        found.append(f"{_count(text.empty)} empty: transformLogic: nullif({value}, '')?")
    if text.null_words:
        words = ", ".join(f"{shown(word)} ({count:,} {_rows(count)})" for word, count in text.null_words.items())
        lower = ", ".join(f"'{word}'" for word in sorted({word.casefold() for word in text.null_words}))
        found.append(f"{words}: does it mean NULL? transformLogic: if(lower({value}) in ({lower}), null, {value})?")
    if text.control:
        verb = "row holds" if text.control == 1 else "rows hold"
        found.append(f"{text.control:,} {verb} control characters or unusual blanks inside")
    if text.spelling_groups:
        groups = text.spelling_groups
        fact = f"{groups:,} value{'s' if groups != 1 else ''} spelt in more than one way"
        if show_values and text.spellings:
            fact += f" ({'; '.join(listed(group) for group in text.spellings)})"
        found.append(f"{fact}: transformLogic: upper({value})?")
    return found


def doubts_of_collation(column: DescribedColumn) -> list[str]:
    """Of a reference: what its collation calls one value and silver two."""
    collation = column.collation
    kinds = [] if re.search(r"_(bin|cs)\b", collation) or "_as_cs" in collation else ["case"]
    kinds += [] if re.search(r"_(bin|cs)\b|_as_", collation) else ["accents"]
    # Those of MySQL 8 pad nothing, and MariaDB's say so in their names.
    kinds += [] if "_nopad_" in collation or "_0900_" in collation else ["blanks"]
    if not kinds:
        return []
    return [
        f"at the source it refers to keys that differ in {' or '.join(kinds)} too ({collation}), in silver to equal "
        "ones alone: contract check counts such rows, and shows the transformLogic that joins them"
    ]


def _doubts_of_categories(profile: ColumnProfile) -> list[str]:
    """A rule that all rows keep, or the doubt that speaks against one: a rare value may be as right as the others."""
    # Blanks at the ends and NULL words have a line of their own.
    counted: dict[str, int] = {}
    for value, count in profile.values:
        counted[str(value).strip(BLANKS)] = counted.get(str(value).strip(BLANKS), 0) + count
    counted = {value: count for value, count in counted.items() if value and value.casefold() not in NULL_WORDS}
    if profile.rows < _FEW_ROWS or not 1 < len(profile.values) <= _MOST_CATEGORIES or not counted:
        return []
    rare = [
        value
        for value, count in counted.items()
        if count < max(SHARED_BY, (profile.rows - profile.nulls) * _RARE_SHARE)
    ]
    if len(rare) == len(counted):
        return []
    if rare:
        rows = sum(counted[value] for value in rare)
        named = [shown(value) for value in rare if counted[value] >= SHARED_BY]
        names = f" ({', '.join(named[:3])})" if named else ""
        values = f"{len(rare)} of {len(counted)} values stand{'s' if len(rare) == 1 else ''}"
        return [f"{values} in {rows:,} {_rows(rows)} alone{names}: wrong, or rare? No rule for the values is proposed"]
    if any(len(value) > _LONGEST_EXAMPLE for value in counted):
        return []
    return [f"so few values may be a rule: quality with metric invalidValues, validValues: [{listed(list(counted))}]?"]


def _trim(name: str, text: TextProfile) -> str:
    if text.blank_kinds == " ":
        return f"trim({_quoted(name)})"
    blanks = "".join({" ": " ", "\t": r"\t", "\r": r"\r", "\n": r"\n"}[blank] for blank in BLANKS)
    return f"btrim({_quoted(name)}, '{blanks}')"


def _quoted(name: str) -> str:
    """The name as Spark takes it for a column; `current_date` and its like are functions without quotes."""
    from sqlglot import exp, parse_one
    from sqlglot.dialects.spark import Spark
    from sqlglot.errors import SqlglotError

    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and name.upper() not in Spark.Tokenizer.KEYWORDS:
        try:
            if isinstance(parse_one(name, read="spark"), exp.Column) and name.lower() not in _SPARK_ONLY_FUNCTIONS:
                return name
        except SqlglotError:
            pass
    return "`" + name.replace("`", "``") + "`"
