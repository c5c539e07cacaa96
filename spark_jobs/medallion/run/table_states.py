"""What a run says of its table at its end: by that the orchestrator knows whether another would change anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import SparkSession

from lake_model.contracts.contract_texts import contract_texts, texts_digest
from lake_model.table_state import TableState, TableVersion, state_path
from medallion.errors import BronzeError
from medallion.lake import delta_tables
from medallion.lake.storage import read_text, remove_file, write_text
from medallion.lake.table_names import TableNames
from medallion.run.cli import JobArguments
from medallion.run.run_ledger import Outcome


def table_version(spark: SparkSession, table: str, version: int | None = None) -> TableVersion:
    """A table at one of its commits, by default the newest."""
    newest = delta_tables.history(spark, table, 1)[0].version if version is None else version
    return TableVersion(delta_tables.identity(spark, table), newest)


@dataclass(frozen=True)
class Begun:
    """What a run found when it began: what the last one said of the table, and the texts of the contracts."""

    state: TableState | None
    texts: Mapping[str, str]


def take_state(spark: SparkSession, job: JobArguments, stage: str) -> Begun:
    """Removes what the last run said of the table, which must not count while this one is at work.

    Raises:
        BronzeError: it cannot be removed.
    """
    uri = _uri(job, stage)
    found = Begun(TableState.from_json(read_text(spark, uri)), contract_texts(job.contracts))
    remove_file(spark, uri)
    return found


def leave_state(
    spark: SparkSession, job: JobArguments, stage: str, ledger_row: str, begun: Begun, outcome: Outcome
) -> None:
    """Says what the table is after this run, where its outcome has it."""
    standing = outcome.standing
    if standing is None:
        return
    if job.catalog:
        # There no other run can see that another has written since.
        names = TableNames(job.lake_root, job.catalog)
        table = names.gold(job.table) if stage == "gold" else names.silver(job.table)
        if table_version(spark, table) != standing.table:
            return
    day = job.business_date.isoformat()
    state = TableState(
        business_date=day, run_id=job.run_id, ledger_row=ledger_row,
        since=begun.state.since if begun.state and outcome.outcome == "unchanged" else day,
        contract=standing.contract, texts=texts_digest(begun.texts, {job.table, *standing.made_from}),
        by_calendar=standing.by_calendar, landed=standing.landed, waivers=standing.waivers, table=standing.table,
        made_from=standing.made_from,
    )  # fmt: skip
    try:
        write_text(spark, _uri(job, stage), state.to_json())
    except BronzeError as error:
        # The run has done its work; without this the next day runs the table, and finds it as it is.
        print(f"{stage} {job.table}: {error}")


def _uri(job: JobArguments, stage: str) -> str:
    return f"{job.lake_root}/{state_path(job.source_schema, job.table, stage)}"
