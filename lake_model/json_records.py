"""Checked reading of JSON: a mistake becomes one message that names the field and the kind of value that is wanted."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

RecordT = TypeVar("RecordT")

_PLACE = re.compile(r"(?P<problem>.*) - at `\$\.?(?P<place>.*)`", re.DOTALL)


def parsed_object(text: str | bytes) -> dict[str, Any]:
    """The JSON object that a file's content is.

    Raises:
        ValueError: it is none.
    """
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"it is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ValueError(f"it must be a JSON object, not {type(document).__name__}")
    return document


def record_of(document: dict[str, Any], kind: type[RecordT]) -> RecordT:
    """A dataclass of a JSON object; fields that it does not know are left out.

    Raises:
        ValueError: a field is missing, or of another kind; the message holds no value.
    """
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        found = _PLACE.fullmatch(str(error))
        problem, place = (found["problem"], f"{found['place']}: ") if found else (str(error), "")
        raise ValueError(f"{place}{problem[:1].lower()}{problem[1:]}") from error
