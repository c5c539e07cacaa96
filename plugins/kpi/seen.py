"""All that a page shows of a table, as far as its reader may see it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from kpi.freshness import Reconciliation
from kpi.quarantine import Quarantine
from kpi.shelf import Shown
from kpi.sight import Sight
from lake_model.contracts.kpi_contract import KpiContract
from lake_model.contracts.table_access import Access

_HIDDEN_REASON = "something of a column that your role does not see"


@dataclass(frozen=True)
class Seen:
    """A table as one reader sees it.

    Attributes:
        contract: without what they do not see.
        reconciliation: without the differing figures, where they do not see everything.
        quarantine: None too where they see some rows alone: a refused row is nobody's yet.
        is_whole: they see everything.
    """

    contract: KpiContract
    sight: Sight
    reconciliation: Reconciliation | None
    quarantine: Quarantine | None
    is_whole: bool = False


def seen_of(shown: Shown, contract: KpiContract, whole: KpiContract, access: Access) -> Seen:
    """What a reader sees.

    Args:
        shown: the table.
        contract: as far as the reader sees it.
        whole: the contract itself.
        access: what the reader sees.
    """
    told, waiting = shown.reconciliation, shown.quarantine
    if told and told.problem and not access.is_whole:
        told = dataclasses.replace(told, problem="the figures differ")
    if waiting and not access.sees_all_rows:
        waiting = None
    if waiting and access.classifications is not None:
        # A column that the contract does not describe is not known to be open.
        known = dict(whole.fact_columns)
        waiting = waiting.without(lambda column: not access.sees(known.get(column, "?")), _HIDDEN_REASON)
    return Seen(contract, Sight(shown.model, contract, access), told, waiting, access.is_whole)
