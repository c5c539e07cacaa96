"""Checked reading of a JSON object: every mistake becomes one message that names the file and the field."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from lakehouse.errors import LakehouseError

ValueT = TypeVar("ValueT")


@dataclass(frozen=True)
class Fields:
    """A JSON object with the file that it comes from, and its place in that file."""

    values: dict[str, Any]
    where: object
    error: type[LakehouseError]
    place: str = ""

    @staticmethod
    def parse(text: str | bytes, where: object, error: type[LakehouseError]) -> Fields:
        """Read a file's content that must be one JSON object.

        Raises:
            LakehouseError: of type `error`, if it is not.
        """
        try:
            values = json.loads(text)
        except ValueError as cause:
            raise error(f"{where}: not JSON: {cause}") from cause
        if not isinstance(values, dict):
            raise error(f"{where}: must be a JSON object, not {type(values).__name__}")
        return Fields(values, where, error)

    def wrong(self, name: str, problem: str) -> LakehouseError:
        """The error to raise for a field."""
        return self.error(f"{self.where}: {self.place}{name} {problem}")

    def names(self) -> list[str]:
        """The names of the fields."""
        return list(self.values)

    def text(self, name: str) -> str:
        """A field that must be text."""
        return self._typed(name, str, "text")

    def optional_text(self, name: str) -> str | None:
        """A field that must be text or null."""
        return None if self._present(name) is None else self.text(name)

    def whole(self, name: str) -> int:
        """A field that must be a whole number, zero or more."""
        value = self._typed(name, int, "a whole number")
        if isinstance(value, bool) or value < 0:
            raise self.wrong(name, f"must be a whole number, zero or more, not {value!r}")
        return value

    def optional_whole(self, name: str) -> int | None:
        """A field that must be a whole number or null."""
        return None if self._present(name) is None else self.whole(name)

    def flag(self, name: str) -> bool:
        """A field that must be true or false."""
        return self._typed(name, bool, "true or false")

    def iso_date(self, name: str) -> str:
        """A field that must be a date such as 2026-11-20."""
        return self.checked(name, date.fromisoformat, "a date such as 2026-11-20")

    def checked(self, name: str, parse: Callable[[str], object], meaning: str) -> str:
        """A text that `parse` must accept; the text itself is returned."""
        value = self.text(name)
        try:
            parse(value)
        except ValueError as cause:
            raise self.wrong(name, f"must be {meaning}, not {value!r}") from cause
        return value

    def inner(self, name: str) -> Fields:
        """A field that must be an object."""
        return Fields(self._typed(name, dict, "an object"), self.where, self.error, f"{self.place}{name}.")

    def items(self, name: str) -> list[Fields]:
        """A field that must be a list of objects."""
        found = self._typed(name, list, "a list")
        for index, item in enumerate(found):
            if not isinstance(item, dict):
                raise self.wrong(f"{name}[{index}]", f"must be an object, not {item!r}")
        return [
            Fields(item, self.where, self.error, f"{self.place}{name}[{index}].") for index, item in enumerate(found)
        ]

    def text_list(self, name: str) -> tuple[str, ...]:
        """A field that must be a list of texts."""
        found = self._typed(name, list, "a list")
        if not all(isinstance(item, str) for item in found):
            raise self.wrong(name, "must be a list of texts")
        return tuple(found)

    def texts(self, name: str) -> dict[str, str]:
        """A field that must be an object of texts."""
        inner = self.inner(name)
        return {key: inner.text(key) for key in inner.names()}

    def _present(self, name: str) -> Any:
        if name not in self.values:
            raise self.wrong(name, "is missing")
        return self.values[name]

    def _typed(self, name: str, kind: type[ValueT], meaning: str) -> ValueT:
        value = self._present(name)
        if not isinstance(value, kind):
            raise self.wrong(name, f"must be {meaning}, not {value!r}")
        return value
