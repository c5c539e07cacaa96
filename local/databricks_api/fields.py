"""Reads JSON into the types of the SDK: what the real API knows, and how it is called, is stated there alone."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from local.databricks_api.errors import InvalidParameterError, MalformedRequestError

MAX_INTEGER = 2**63 - 1
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_MANY = 15
# Required, but empty is a value too: the default of a job's parameter.
_MAY_BE_EMPTY = frozenset({"default"})

T = TypeVar("T")
Supported = Mapping[type, Collection[str]]


@cache
def field_types(described: Any) -> Mapping[str, Any]:
    """Type of each field of a dataclass, or of each argument of a call of the SDK."""
    return {name: hint for name, hint in get_type_hints(described).items() if name != "return"}


def read_object(kind: type[T], document: Any, path: str, supported: Supported) -> T:
    """The dataclass that a JSON object describes.

    Args:
        kind: a dataclass of the SDK.
        document: the JSON.
        path: the field that the document is the value of, for messages.
        supported: by dataclass, the fields that this server acts upon; all of those that are not listed.

    Raises:
        ApiError: the document has another form, lacks a required field, or asks for what this server does not do.
    """
    types = field_types(kind)  # type: ignore[arg-type]
    values = read_fields(types, _expect(dict, document, path, "object"), path, supported.get(kind, types), supported)
    for field in fields(kind):  # type: ignore[arg-type]
        lacks = (None,) if field.name in _MAY_BE_EMPTY else (None, "")
        if field.default is MISSING and values.get(field.name) in lacks:
            raise InvalidParameterError(f"Missing required field: {_join(path, field.name)}")
    return kind(**values)


def read_fields(
    types: Mapping[str, Any], document: Mapping[str, Any], path: str, known: Collection[str], supported: Supported
) -> dict[str, Any]:
    """The values of a JSON object, by field; a null is as good as no value.

    A field outside `known` is refused rather than ignored, unless it is empty and so asks for nothing.
    """
    values = {}
    for field, value in document.items():
        where = _join(path, field)
        if field in known:
            if value is not None:
                values[field] = _read(types[field], value, where, supported)
        elif field not in types:
            raise InvalidParameterError(f"Unknown field: {where}")
        elif value not in (None, "", 0, "0", False, "false", {}, []):
            choice = f" Supported here: {', '.join(sorted(known))}." if 0 < len(known) <= _MANY else ""
            raise InvalidParameterError(f"{where} is not supported by the local Databricks API.{choice}")
    return values


def _read(hint: Any, value: Any, path: str, supported: Supported) -> Any:
    arguments = [argument for argument in get_args(hint) if argument is not NoneType]
    origin = get_origin(hint)
    if origin is list:
        return [
            _read(arguments[0], entry, f"{path}[{number}]", supported)
            for number, entry in enumerate(_expect(list, value, path, "array"))
        ]
    if origin is dict:
        return {
            _text(key, path): _read(arguments[1], entry, _join(path, key), supported)
            for key, entry in _expect(dict, value, path, "object").items()
        }
    if origin is not None:
        return _read(arguments[0], value, path, supported)
    if isinstance(hint, type) and is_dataclass(hint):
        return read_object(hint, value, path, supported)
    if issubclass(hint, Enum):
        return _enum(hint, value, path)
    return {str: _text, int: _integer, bool: _boolean, float: _number}[hint](value, path)


def _text(value: Any, path: str) -> str:
    if isinstance(value, bool | int | float):
        value = json.dumps(value)
    text: str = _expect(str, value, path, "string")
    if "\0" in text:
        raise InvalidParameterError(f"{path} must not contain the character U+0000.")
    return text


def _integer(value: Any, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str) or not _INTEGER.fullmatch(str(value)):
        raise _unexpected("integer", value, path)
    if not -MAX_INTEGER <= int(value) <= MAX_INTEGER:
        raise InvalidParameterError(f"{path} {value} is out of the range of a 64-bit integer.")
    return int(value)


def _boolean(value: Any, path: str) -> bool:
    if str(value).lower() not in {"true", "false"}:
        raise _unexpected("boolean", value, path)
    return str(value).lower() == "true"


def _number(value: Any, path: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise _unexpected("number", value, path) from None
    if isinstance(value, bool) or not math.isfinite(number):
        raise _unexpected("number", value, path)
    return number


def _enum(kind: type[Enum], value: Any, path: str) -> Enum:
    names = [member.value for member in kind]
    if value not in names:
        raise InvalidParameterError(f"Invalid value for {path}: it must be one of {', '.join(names)}.")
    return kind(value)


def _expect(kind: type[T], value: Any, path: str, name: str) -> T:
    if not isinstance(value, kind):
        raise _unexpected(name, value, path)
    return value


def _unexpected(expected: str, value: Any, path: str) -> MalformedRequestError:
    kinds = {str: "STRING", bool: "BOOLEAN", int: "NUMBER", float: "NUMBER", list: "ARRAY", dict: "OBJECT"}
    return MalformedRequestError(
        f"Could not parse request object: Expected {expected} for field {path}, found {kinds.get(type(value), 'NULL')}"
    )


def _join(path: str, field: str) -> str:
    return f"{path}.{field}" if path else field
