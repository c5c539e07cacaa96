"""What a Spark job says of a table at the end of its run: enough to know, without Spark, that another changes nothing.

One small object for each table and stage, replaced by every run and removed while one is at work. Where there is none,
or one that cannot be read, nothing is known, and the table is sent to Spark.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from lake_model.lake_layout import folder_of_name

FORMAT = 1
# In place of a date: that of the run which asks.
NOW = "now"


@dataclass(frozen=True)
class TableVersion:
    """A Delta table at one moment: its id, which a table that is made anew has not, and the number of its commit."""

    id: str
    version: int


@dataclass(frozen=True)
class TableState:
    """The last run of a table, and all that its rows depend on.

    Attributes:
        business_date: of the run; for a dimension no processed date is newer.
        run_id: the orchestrator's run, as it stands in paths.
        ledger_row: the name of its row among those of the run.
        since: the business date of the last run that changed something, ISO.
        contract: a digest of the contract, for gold of those of the joined tables too.
        texts: a digest of the files of the same contracts and of the waivers, as they were when the run began.
        by_calendar: the contract has expectations or waivers, so that the day alone may change what is to be said.
        landed: a digest of what bronze's index said; empty for gold.
        waivers: digests of the waivers that held on dates on which rows were refused or waived, by date; `now` stands
            for the date of a run.
        table: the table itself as the run left it.
        made_from: other tables that its rows follow from, by their names in the lake.
    """

    business_date: str
    run_id: str
    ledger_row: str
    since: str
    contract: str
    texts: str
    by_calendar: bool
    landed: str
    waivers: Mapping[str, str]
    table: TableVersion
    made_from: Mapping[str, TableVersion] = field(default_factory=dict)

    def to_json(self) -> str:
        """The object's content."""
        return json.dumps({"format": FORMAT, **asdict(self)}) + "\n"

    @staticmethod
    def from_json(text: str | bytes | None) -> TableState | None:
        """Reads the object's content; None where that is missing, damaged, or of another version of this code."""
        try:
            content = json.loads(text or b"")
            if content.pop("format") != FORMAT:
                return None
            table = TableVersion(**content.pop("table"))
            made_from = {name: TableVersion(**one) for name, one in content.pop("made_from").items()}
            return TableState(table=table, made_from=made_from, **content)
        except (ValueError, KeyError, TypeError, AttributeError):
            return None


def state_path(schema: str, table: str, stage: str) -> str:
    """Where the object is, relative to the lake's root."""
    return f"state/schema={folder_of_name(schema)}/{table}.{stage}.json"
