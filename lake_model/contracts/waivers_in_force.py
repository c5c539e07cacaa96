"""Which waivers of a table hold on a date, and which have ended."""

from __future__ import annotations

import datetime as dt
import hashlib

from lake_model.contracts.silver_contract import SilverContract, Waiver
from lake_model.contracts.waivers import WAIVERS_FILE


def waivers_digest(contract: SilverContract, as_of: dt.date) -> str:
    """A digest of the waivers that hold on a date; empty when none does."""
    holding = [repr(waiver) for waiver in contract.waivers if as_of <= waiver.until]
    return hashlib.sha256("\n".join(holding).encode()).hexdigest()[:12] if holding else ""


def ended_waivers(contract: SilverContract, as_of: dt.date) -> list[tuple[Waiver, int]]:
    """The waivers that are in the file still and hold no more on a date, and for how many days."""
    return [(one, (as_of - one.until).days) for one in contract.waivers if one.until < as_of]


def waivers_ended(contract: SilverContract, as_of: dt.date) -> list[str]:
    """A sentence for each waiver that is in the file still and holds no more."""
    return [
        f"{WAIVERS_FILE} line {one.line}: it ended on {one.until}: the rows that it let pass ({one.reason}) are "
        "refused again; take it out of the file, or give it a later end"
        for one, _ in ended_waivers(contract, as_of)
    ]
