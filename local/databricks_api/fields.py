"""Reads single fields of a request. Clients send numbers and booleans as text, too, so both forms are taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.databricks_api.errors import InvalidParameterError


def text_field(body: Mapping[str, Any], field: str, where: str) -> str:
    """The field's text; empty where it is absent."""
    value = body.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidParameterError(f"{where}: {field} must be text, not {type(value).__name__}.")
    return value


def integer_field(body: Mapping[str, Any], field: str, where: str, default: int = 0) -> int:
    """The field's whole number, not negative; `default` where it is absent."""
    value = body.get(field)
    if value is None or value == "":
        return default
    try:
        number = int(str(value))
    except ValueError:
        raise InvalidParameterError(f"{where}: {field} '{value}' is no whole number.") from None
    if number < 0:
        raise InvalidParameterError(f"{where}: {field} {number} must not be negative.")
    return number


def boolean_field(body: Mapping[str, Any], field: str, where: str) -> bool:
    """The field's truth value; False where it is absent."""
    value = str(body.get(field) or "false").lower()
    if value not in {"true", "false"}:
        raise InvalidParameterError(f"{where}: {field} '{value}' must be true or false.")
    return value == "true"


def list_field(body: Mapping[str, Any], field: str, where: str) -> list[Any]:
    """The field's list; empty where it is absent."""
    value = body.get(field)
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidParameterError(f"{where}: {field} must be a list, not {type(value).__name__}.")
    return value


def string_list_field(body: Mapping[str, Any], field: str, where: str) -> tuple[str, ...]:
    """The field's list of texts; empty where it is absent."""
    values = list_field(body, field, where)
    for value in values:
        if not isinstance(value, str):
            raise InvalidParameterError(f"{where}: {field} must hold text only, not {value!r}.")
    return tuple(values)


def object_field(body: Mapping[str, Any], field: str, where: str) -> Mapping[str, Any]:
    """The field's object; empty where it is absent."""
    value = body.get(field)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidParameterError(f"{where}: {field} must be an object, not {type(value).__name__}.")
    return value


def refuse_unless_empty(body: Mapping[str, Any], field: str, where: str) -> None:
    """Refuse a field that would have to be acted upon, and is not here: better than to ignore it silently."""
    if body.get(field) not in (None, "", 0, "0", False, {}, []):
        raise InvalidParameterError(f"{where}: {field} is not supported by the local Databricks API.")
