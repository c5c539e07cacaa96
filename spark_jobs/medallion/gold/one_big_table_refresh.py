"""Refreshes a One Big Table just where silver changed; equal, row for row, to building it anew.

The silver versions that gold reflects are stored in the same commit (its ``userMetadata``). From there on, dates whose
facts changed come from the fact's change data feed, and changed dimension rows from comparing the latest rows then
and now. Runs take turns, as in silver: one commits only if no other has since it read which versions gold reflects.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from lake_model.contracts.silver_contract import OneBigTableContract, SilverContract, WideColumn, wide_content_hash
from lake_model.table_state import TableState, TableVersion
from medallion import reconcile
from medallion.errors import (
    SPARK_ERRORS,
    BronzeError,
    ConcurrentWriteError,
    ConservationError,
    ContractError,
    is_conflict,
)
from medallion.gold import one_big_table
from medallion.gold.reflected import RECENT, Found, Reflected, Stored
from medallion.gold.refresh_plan import Plan, plan_refresh
from medallion.gold.wide_figures import (
    UNKNOWN_ROWS,
    FactFigures,
    may_keep_figures,
    measure_fact,
    measure_gold,
    measured_in_silver,
)
from medallion.kept_figures import KeptFigures, kept_figures, measured_on
from medallion.lake import delta_tables
from medallion.lake.dated_layout import DatedLayout
from medallion.lake.delta_tables import Commit
from medallion.lake.table_names import TableNames
from medallion.lake.turns import Turn
from medallion.quality.cleaning import first_line
from medallion.run.cli import JobArguments
from medallion.run.run_ledger import Outcome, Standing
from medallion.run.session import prepare_for
from medallion.run.table_states import table_version

_TRIES = 8
# Upkeep commits between two refreshes are looked through; where there are more of them, all that the log has.
_HISTORY = 200
_ASKED_AT_ONCE = 8
# A guess, by which the session is set up for few rows or for many; columns of few values take less.
_BYTES_OF_A_ROW = 10


def refresh_one_big_table(
    spark: SparkSession, job: JobArguments, contract: OneBigTableContract, silver: Mapping[str, SilverContract],
    before: TableState | None,
) -> Outcome:  # fmt: skip
    """Brings a One Big Table up to silver.

    ``before`` is what the last run left of it.

    Raises:
        BronzeError: a silver table is not there yet.
        ContractError: a join could multiply rows, or a column's expression is not valid.
        ConservationError: gold came out with other rows than silver has.
        ConcurrentWriteError: another run kept writing to it.
    """
    one_big_table.check_joins(contract, silver)
    names = TableNames(job.lake_root, job.catalog)
    table = names.gold(contract.name)
    for _ in range(_TRIES):
        # Before silver's versions: a run whose commit is seen here reflects versions that are no newer than ours.
        stored = _stored(spark, table)
        turn = Turn(stored.version + 1, stored.version)
        tables = _silver_tables(spark, names, silver)
        versions = {name: one.table for name, one in tables.items()}
        prepare_for(spark, 0, scanned=tables[contract.fact].size // _BYTES_OF_A_ROW)
        now = Reflected(wide_content_hash(contract, silver), versions, turn.number)
        fact = now.read(spark, names, contract.fact)
        dimensions: Mapping[str, DataFrame] = _latest(spark, names, silver, contract, now)
        types = check_columns(fact, dimensions, contract)
        plan, dimensions = plan_refresh(spark, names, contract, silver, stored, now, dict(types), tables, dimensions)
        found = stored.table if may_keep_figures(contract, plan) else None
        kept = kept_figures(spark, job, before, found, measured_in_silver(contract, silver[contract.fact]))
        source = measure_fact(fact, dimensions, contract, silver[contract.fact], dict(types), plan, kept)
        if plan.is_empty:
            return _outcome(spark, job, table, turn.version, contract, source, types, plan, 0, now, kept)
        if plan.dates is None:
            _layout(contract).create(spark, table, types)
        rows = source.rows_to_write(plan)
        prepare_for(spark, rows)
        committed = _commit(spark, table, contract, silver, fact, dimensions, plan, rows, turn, now)
        if committed is not None:
            done = _outcome(spark, job, table, committed.version, contract, source, types, plan, rows, now, kept)
            return replace(done, bytes_written=committed.bytes_written) if done.rows_written else done
    raise ConcurrentWriteError(f"{table}: another run kept writing to it; run this one again when the other is done")


def _stored(spark: SparkSession, table: str) -> Stored:
    if not delta_tables.exists(spark, table):
        return Stored(None, None)
    commits = delta_tables.history(spark, table, _HISTORY)
    then, version = _newest(commits), commits[0].version
    if then is None and version >= _HISTORY:
        then = _newest(delta_tables.history(spark, table, version))
    return Stored(table_version(spark, table, version), then)


def _newest(commits: Iterable[Commit]) -> Reflected | None:
    return next((found for commit in commits if (found := Reflected.from_text(commit.user_metadata))), None)


def _commit(
    spark: SparkSession, table: str, contract: OneBigTableContract, silver: Mapping[str, SilverContract],
    fact: DataFrame, dimensions: Mapping[str, DataFrame], plan: Plan, rows: int, turn: Turn, now: Reflected,
) -> Commit | None:  # fmt: skip
    """Writes what is planned; None where another run took the turn for other silver versions."""
    options, layout = turn.options | {"userMetadata": now.to_text(plan.rows)}, _layout(contract)
    try:
        if plan.dates is None:
            wide = layout.spread(one_big_table.build(fact, dimensions, contract), rows)
            delta_tables.overwrite(wide, table, partitioned_by=layout.folders, options=options)
        else:
            part = fact.where(plan.in_fact(silver[contract.fact].date_column))
            wide = layout.spread(one_big_table.build(part, dimensions, contract), rows)
            delta_tables.replace_where(wide, table, plan.in_gold(contract.partition_column), options=options)
    except SPARK_ERRORS as error:
        if not is_conflict(error):
            raise
        return None
    # Delta skips a commit whose turn is taken, and says nothing. One that reflects just what ours would is as good.
    commits = delta_tables.history(spark, table, RECENT)
    return next((one for one in commits if Reflected.from_text(one.user_metadata) == now), None)


def _outcome(
    spark: SparkSession, job: JobArguments, table: str, version: int, contract: OneBigTableContract,
    fact: FactFigures, types: list[tuple[str, str]], plan: Plan, rows: int, now: Reflected, kept: KeptFigures | None,
) -> Outcome:  # fmt: skip
    source, rows_now = fact.whole, delta_tables.at_version(spark, table, version)
    stored = measure_gold(table, rows_now, contract, dict(types), plan, fact, kept)
    in_silver = sorted({name for one in source.slices.values() for name in one.sums})
    unknown = {join.dimension: source.reasons.get(join.dimension, 0) for join in contract.joins}
    none = reconcile.Figures()
    dates = [
        {
            "slice": name,
            "rows_silver": source.slices.get(name, none).rows,
            "rows_gold": stored.slices.get(name, none).rows,
            UNKNOWN_ROWS: {
                join.dimension: count
                for join in contract.joins
                if (count := source.slices.get(name, none).reasons.get(join.dimension, 0))
            },
            "sums": {
                measure: {
                    "silver": source.slices.get(name, none).sums.get(measure, "0"),
                    "gold": stored.slices.get(name, none).sums.get(measure, "0"),
                }
                for measure in in_silver
            },
        }
        for name in sorted({*source.slices, *stored.slices})
    ]
    wrong = [one for one in dates if one["rows_silver"] != one["rows_gold"]]
    if wrong:
        raise ConservationError(
            f"{table}: {len(wrong)} dates have other rows than silver, first {wrong[0]['slice']}: silver "
            f"{wrong[0]['rows_silver']}, gold {wrong[0]['rows_gold']}; delete the gold table's folder to build it anew"
        )
    rewritten = sorted(stored.slices) if plan.dates is None else sorted(day.isoformat() for day in plan.dates)
    mode = "full" if plan.dates is None else "unchanged" if plan.is_empty else "incremental"
    return Outcome(
        outcome=mode,
        rows_read=source.rows,
        rows_written=rows,
        detail={
            "silver": asdict(now.silver[contract.fact]),
            "dates": dates,
            "dates_rewritten": rewritten,
            "keys_rewritten": {one.dimension: len(one.values) for one in plan.keys},
            UNKNOWN_ROWS: unknown,
            "mode": mode,
            "reason": plan.reason,
            **measured_on(job, kept),
        },
        standing=Standing(now.contracts, table_version(spark, table, version), made_from=now.silver),
    )


def _silver_tables(spark: SparkSession, names: TableNames, silver: Collection[str]) -> dict[str, Found]:
    """Each silver table as it is now; all are asked at once, which on Databricks saves most.

    Raises:
        BronzeError: a silver table is not there yet.
    """

    def find(name: str) -> Found:
        table = names.silver(name)
        if not delta_tables.exists(spark, table):
            raise BronzeError(f"{table} is not there yet; run silver for table {name} first")
        identity, size = delta_tables.identity_and_size(spark, table)
        newest = delta_tables.history(spark, table, RECENT)
        return Found(TableVersion(identity, newest[0].version), size, newest)

    with ThreadPoolExecutor(_ASKED_AT_ONCE, "silver-versions") as pool:
        return dict(zip(silver, pool.map(find, silver), strict=True))


def _latest(
    spark: SparkSession, names: TableNames, silver: Mapping[str, SilverContract], contract: OneBigTableContract,
    at: Reflected,
) -> dict[str, DataFrame]:  # fmt: skip
    return {
        join.dimension: one_big_table.latest_rows(at.read(spark, names, join.dimension), silver[join.dimension])
        for join in contract.joins
    }


def check_columns(
    fact: DataFrame, dimensions: Mapping[str, DataFrame], contract: OneBigTableContract
) -> list[tuple[str, str]]:
    """The columns' types; analysing them finds a bad expression before anything is read."""
    try:
        return one_big_table.build(fact, dimensions, contract).dtypes
    except PySparkException as error:
        faults = [fault for column in contract.columns for fault in _fault(fact, dimensions, contract, column)]
        told = "\n".join(faults) or f"{contract.file}: properties.transformLogic: {first_line(error)}"
        raise ContractError(told) from error


def _fault(
    fact: DataFrame, dimensions: Mapping[str, DataFrame], contract: OneBigTableContract, column: WideColumn
) -> list[str]:
    try:
        _ = one_big_table.build(fact, dimensions, replace(contract, columns=(column,))).dtypes
    except PySparkException as error:
        place = f"properties.{column.name}.transformLogic"
        line = contract.lines.get(place)
        at = f"{contract.file}{f' line {line}' if line else ''}: {place}"
        return [
            f"{at}: '{column.expression}': it is not a valid expression over the joined tables: {first_line(error)}"
        ]
    return []


def _layout(contract: OneBigTableContract) -> DatedLayout:
    return DatedLayout(contract.partition_column, contract.clustered)
