"""All that a page shows of a table, as far as its reader may see it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from kpi.freshness import Reconciliation
from kpi.origins import Origins
from kpi.shelf import Shown
from kpi.sight import Sight
from kpi.waiting import QuarantineSight
from lake_model.contracts.kpi_contract import KpiContract, Level
from lake_model.contracts.table_access import Access


@dataclass(frozen=True)
class Seen:
    """A table as one reader sees it.

    Attributes:
        contract: without what they do not see.
        reconciliation: without the differing figures, where they do not see everything.
        quarantine: the rows that wait, as far as they are theirs; None where none has one.
        access: what they see.
        levels: also those that they do not see.
        origins: what the table is made of; None where a contract is wrong.
    """

    contract: KpiContract
    sight: Sight
    reconciliation: Reconciliation | None
    quarantine: QuarantineSight | None
    access: Access
    levels: tuple[Level, ...]
    origins: Origins | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the reader sees everything."""
        return self.access.is_whole

    @property
    def sees_all_rows(self) -> bool:
        """Whether no row is hidden from the reader."""
        return self.access.sees_all_rows


def seen_of(shown: Shown, contract: KpiContract, whole: KpiContract, access: Access) -> Seen:
    """What a reader sees.

    Args:
        shown: the table.
        contract: as far as the reader sees it.
        whole: the contract itself.
        access: what the reader sees.
    """
    outcome, waiting = shown.reconciliation, None
    if outcome and outcome.problem and not access.is_whole:
        outcome = dataclasses.replace(outcome, problem="the figures differ")
    if shown.quarantine:
        known = dict(whole.fact_columns)

        def hides(column: str) -> bool:
            # A column that the contract does not describe is not known to be open.
            return access.classifications is not None and not access.sees(known.get(column, "?"))

        waiting = QuarantineSight(shown.quarantine, access, hides)
    return Seen(contract, Sight(shown.model, contract, access), outcome, waiting, access, whole.levels, shown.origins)
