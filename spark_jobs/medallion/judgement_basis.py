"""What a slice's rows were judged by, as one text: where that changes, they are judged again."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

from medallion.contracts import SilverContract
from medallion.quality_counts import Counts


@dataclass(frozen=True)
class Basis:
    """The contract, and the waivers that hold on a date.

    A waiver lets refused rows pass and does nothing to others. So a slice without any stays valid when waivers come and
    go; one with some is judged again.

    Attributes:
        contract_hash: of the contract.
        waivers: digest of the waivers that hold; empty when none does.
    """

    contract_hash: str
    waivers: str = ""

    @staticmethod
    def of_contract(contract: SilverContract, as_of: dt.date) -> Basis:
        """What rows are judged by when waivers must reach ``as_of``."""
        holding = [repr(waiver) for waiver in contract.waivers if as_of <= waiver.until]
        digest = hashlib.sha256("\n".join(holding).encode()).hexdigest()[:12] if holding else ""
        return Basis(contract.content_hash, digest)

    def of(self, counts: Counts) -> str:
        """The text to store with a slice that was judged so."""
        return f"{self.contract_hash}{self._waivers()}" if counts.refused or counts.waived else self.contract_hash

    def holds(self, stored: str) -> bool:
        """Whether a slice with that text would be judged as it was."""
        return stored in {self.contract_hash, f"{self.contract_hash}{self._waivers()}"}

    def _waivers(self) -> str:
        return f"+waivers:{self.waivers}"
