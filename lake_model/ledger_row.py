"""A row of the run ledger, as both sides write it and readers read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from lake_model.json_records import parsed_object, record_of

STAGES = ("copy", "silver", "gold", "reconcile")


@dataclass(frozen=True)
class LedgerRow:
    """What one stage did to one table of one business date.

    Attributes:
        stage: one of `STAGES`.
        run_id: the run's slug, as it stands in paths.
        status: `success`, `skipped` or `failed`.
        outcome: what happened in one word, such as `copied`, `unchanged` or `no_snapshot`.
        bytes_written: size of the files written; None where the stage does not know.
        started_at, ended_at: ISO 8601 instants.
        error: one clear message where it failed.
        detail: further figures of the stage.
    """

    schema: str
    table: str
    stage: str
    business_date: str
    run_id: str
    status: str
    outcome: str
    rows_read: int
    rows_written: int
    bytes_written: int | None
    seconds: float
    started_at: str
    ended_at: str
    error: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, text: str | bytes) -> LedgerRow:
        """The row of a JSON text; keys that this version does not know are left out.

        Raises:
            ValueError: the text is no ledger row; the message names the field.
        """
        return record_of(parsed_object(text), cls)

    def to_json(self) -> str:
        """The row as one line of JSON."""
        return json.dumps({**asdict(self), "detail": dict(self.detail)}, ensure_ascii=False)

    def summary(self) -> dict[str, Any]:
        """The row without its details, for people and XCom."""
        return {name: value for name, value in asdict(self).items() if name != "detail"}
