"""What a profile makes one doubt of a column, in words for the contract's author, and what is acted on. No I/O.

One thing alone is applied without asking: blanks at the ends of text are trimmed, because no reader tells `INR` from
`INR\\r`. In a key it is applied only where it does not make two keys one. Everything else is said, not done.
"""

from __future__ import annotations

import re

from lakehouse.drafting.source_description import DescribedColumn
from lakehouse.drafting.table_profile import BLANKS, NULL_WORDS, ColumnProfile, TextProfile, listed, shown

# Values of such columns belong to persons; the draft counts them and shows none.
PERSONAL = re.compile(
    r"name|mail|phone|mobile|fax|address|street|city|zip|postal|birth|dob|gender|iban|account|card|ssn|passport|tax|salary"
    r"|login|user|password|passwd|secret|token|hash|note|comment|remark|text|message|description",
    re.IGNORECASE,
)
_TRIMMED_TYPES = re.compile(r"(char|varchar|tinytext|text|mediumtext|longtext)\b", re.IGNORECASE)
_FREE_TEXT = re.compile(r"(char|varchar|tinytext|text|mediumtext|longtext|enum|set)\b", re.IGNORECASE)
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


def describe(column: DescribedColumn, profile: ColumnProfile) -> str:
    """One line of what the column holds: how many values, from where to where, and one or two short ones."""
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
    if PERSONAL.search(column.name) or not profile.distinct:
        return "; ".join(parts)
    if profile.lowest is not None:
        spread = f"{shown(profile.lowest)} to " if profile.lowest != profile.highest else ""
        parts.append(f"{spread}{shown(profile.highest)}")
    elif _are_categories(profile):
        parts.append(listed([value for value, _ in profile.values]))
    elif all(len(str(value)) <= _LONGEST_EXAMPLE for value in profile.examples):
        parts.append(f"such as {listed(profile.examples)}")
    return "; ".join(parts)


def doubts_of(column: DescribedColumn, profile: ColumnProfile, is_key: bool, is_required: bool) -> list[str]:
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
        found += _doubts_of_text(column, profile.text, is_key)
        found += _doubts_of_categories(column, profile)
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
        and all(len(str(value)) <= _LONGEST_EXAMPLE for value, _ in profile.values)
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


def _doubts_of_text(column: DescribedColumn, text: TextProfile, is_key: bool) -> list[str]:
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
        if not PERSONAL.search(column.name):
            fact += f" ({'; '.join(listed(group) for group in text.spellings)})"
        found.append(f"{fact}: transformLogic: upper({value})?")
    return found


def _doubts_of_categories(column: DescribedColumn, profile: ColumnProfile) -> list[str]:
    if not _are_categories(profile) or PERSONAL.search(column.name):
        return []
    present = profile.rows - profile.nulls
    # Blanks at the ends and NULL words have a line of their own.
    counted: dict[str, int] = {}
    for value, count in profile.values:
        counted[str(value).strip(BLANKS)] = counted.get(str(value).strip(BLANKS), 0) + count
    counted = {value: count for value, count in counted.items() if value and value.casefold() not in NULL_WORDS}
    usual = [value for value, count in counted.items() if count > present * _RARE_SHARE]
    rare = [(value, count) for value, count in counted.items() if count <= present * _RARE_SHARE]
    if not usual:
        return []
    found = []
    if rare:
        words = ", ".join(f"{shown(value)} ({count:,} {_rows(count)})" for value, count in rare[:3])
        found.append(f"rare, so perhaps wrong: {words}")
    found.append(f"so few values may be a rule: quality with metric invalidValues, validValues: [{listed(usual)}]?")
    return found


def _trim(name: str, text: TextProfile) -> str:
    if text.blank_kinds == " ":
        return f"trim({_quoted(name)})"
    blanks = "".join({" ": " ", "\t": r"\t", "\r": r"\r", "\n": r"\n"}[blank] for blank in BLANKS)
    return f"btrim({_quoted(name)}, '{blanks}')"


def _quoted(name: str) -> str:
    from sqlglot.dialects.spark import Spark

    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and name.upper() not in Spark.Tokenizer.KEYWORDS
    return name if plain else "`" + name.replace("`", "``") + "`"
