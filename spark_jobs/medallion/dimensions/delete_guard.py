"""Stops a snapshot that lost too many keys: a half-read source must not close a dimension's versions."""

from __future__ import annotations

import datetime as dt

from lake_model.contracts.silver_contract import SilverContract
from medallion.errors import DeletesError


def check_deletes(contract: SilverContract, business_date: dt.date, lost: int, current: int, *, accepted: bool) -> None:
    """Lets a snapshot pass or not.

    Args:
        lost: keys that are current just before the snapshot and absent from it; quarantined ones are not among them.
        current: keys that are current just before it.
        accepted: a person has said that the deletes are right.

    Raises:
        DeletesError: more than the contract's share of the keys is gone.
    """
    if accepted or lost <= contract.max_delete_share * current:
        return
    raise DeletesError(
        f"{contract.file}: customProperties.maxDeleteShare: {contract.max_delete_share:g}: the snapshot of "
        f"{business_date} has lost {lost} of the {current} keys of {contract.source_table}. Nothing was written. If "
        "the copy was incomplete, copy the table again; if the rows were deleted on purpose, run this date again with "
        "--accept-deletes true (the DAG's param accept_deletes)"
    )
