"""What a slice's rows were judged by, as one text: where that changes, they are judged again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lake_model.contracts.silver_contract import SilverContract
from lake_model.contracts.waivers_in_force import waivers_digest
from lake_model.table_state import NOW
from medallion.quality.quality_counts import Counts

_WAIVERS = "+waivers:"


def needs_waivers(stored: str) -> bool:
    """Whether rows of the slice with that text were refused or waived."""
    return _WAIVERS in stored


@dataclass(frozen=True)
class Basis:
    """The contract, the waivers that hold on a date, and what dimensions knew.

    A waiver lets refused rows pass and does nothing to others. So a slice without any stays valid when waivers come and
    go; one with some is judged again.

    Attributes:
        contract_hash: of the contract.
        waivers: digest of the waivers that hold; empty when none does.
        references: by slice, digest of the keys that its dimensions knew on its date.
    """

    contract_hash: str
    waivers: str = ""
    references: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of_contract(contract: SilverContract, as_of: dt.date, references: Mapping[str, str] | None = None) -> Basis:
        """What rows are judged by when waivers must reach ``as_of``."""
        return Basis(contract.content_hash, waivers_digest(contract, as_of), references or {})

    def of(self, counts: Counts) -> str:
        """The text to store with a slice that was judged so."""
        return self._text(counts.slice, has_refused=bool(counts.refused or counts.waived))

    def holds(self, slice_name: str, stored: str) -> bool:
        """Whether a slice with that text would be judged as it was."""
        return stored in {self._text(slice_name, has_refused=False), self._text(slice_name, has_refused=True)}

    def waivers_that_matter(self, stored: Iterable[str]) -> dict[str, str]:
        """The waivers' digest for ``TableState``; nothing where no slice with such a text has use for one."""
        return {NOW: self.waivers} if any(map(needs_waivers, stored)) else {}

    def is_contract_of(self, stored: str) -> bool:
        """Whether a slice with that text was judged by the same contract, by whichever waivers."""
        return stored.partition("+")[0] == self.contract_hash

    def found_clean(self, stored: str) -> bool:
        """Whether a slice with that text was judged by the same contract, which refused none of its rows."""
        return self.is_contract_of(stored) and _WAIVERS not in stored

    def _text(self, slice_name: str, *, has_refused: bool) -> str:
        known = self.references.get(slice_name)
        waivers = f"{_WAIVERS}{self.waivers}" if has_refused else ""
        return f"{self.contract_hash}{waivers}{f'+known:{known}' if known else ''}"
