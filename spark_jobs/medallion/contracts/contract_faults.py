"""Collects what is wrong with one contract, to tell it all at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medallion.errors import ContractError


@dataclass
class Faults:
    """What is wrong with one file."""

    path: Path
    found: list[str] = field(default_factory=list)

    def add(self, where: str, value: Any, cure: str) -> None:
        """Notes a fault: the field, its value and what to do."""
        shown = "" if value is None else f": '{value}'"
        self.found.append(f"{self.path}: {where}{shown}: {cure}")

    def check(self) -> None:
        """Raises ContractError when there is any fault."""
        if self.found:
            raise ContractError("\n".join(self.found))
