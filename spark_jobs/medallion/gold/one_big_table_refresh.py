"""Refreshes a One Big Table just where silver changed; equal, row for row, to building it anew.

The silver versions that gold reflects are stored in the same commit (its ``userMetadata``). From there on, dates whose
facts changed come from the fact's change data feed, and changed dimension rows from comparing the latest rows then
and now. Runs take turns, as in silver: one commits only if no other has since it read which versions gold reflects.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lake_model.contracts.silver_contract import OneBigTableContract, SilverContract, WideColumn, wide_content_hash
from lake_model.table_state import TableVersion
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
from medallion.lake import delta_tables
from medallion.lake.dated_layout import DatedLayout
from medallion.lake.delta_tables import Commit
from medallion.lake.small_frames import fetch_together
from medallion.lake.sql_text import identifier
from medallion.lake.table_names import TableNames
from medallion.lake.turns import Turn
from medallion.quality.cleaning import first_line
from medallion.reconcile import Side, TableFigures
from medallion.run.cli import JobArguments
from medallion.run.run_ledger import Outcome, Standing
from medallion.run.session import prepare_for
from medallion.run.table_states import table_version

_TRIES = 8
# Upkeep commits between two refreshes are looked through; where there are more of them, all that the log has.
_HISTORY = 200
_RECENT = 50
_ASKED_AT_ONCE = 8
# A version that VACUUM or the log's retention removed, a feed that was switched off, columns changed in between.
_CHANGES_ARE_GONE = re.compile(
    r"\[(?:DELTA_(?:MISSING_CHANGE_DATA|CHANGE_TABLE_FEED_DISABLED|CHANGE_DATA_FEED_INCOMPATIBLE_\w+|SCHEMA_CHANGED\w*"
    r"|FILE_NOT_FOUND|MISSING_FILES_UNEXPECTED_VERSION|LOG_FILE_NOT_FOUND|VERSION_NOT_FOUND|CANNOT_FIND_VERSION"
    r"|VERSIONS_NOT_CONTIGUOUS|NO_RECREATABLE_HISTORY_FOUND|TRUNCATED_TRANSACTION_LOG|UNSUPPORTED_TIME_TRAVEL_BEYOND_\w+)"
    r"|FAILED_READ_FILE[.\w]*)\]"
)


@dataclass(frozen=True)
class Reflected:
    """What a gold commit was made from.

    Attributes:
        contracts: a digest of them.
        silver: by table.
        turn: number of the commit among those of gold's runs.
    """

    contracts: str
    silver: Mapping[str, TableVersion]
    turn: int = 0

    def to_text(self) -> str:
        """For the commit's userMetadata."""
        return json.dumps({"lakehouse_gold": asdict(self)}, sort_keys=True)

    @staticmethod
    def from_text(text: str | None) -> Reflected | None:
        """Reads a commit's userMetadata; None when the commit is not one of gold's."""
        try:
            content = json.loads(text or "")["lakehouse_gold"]
            silver = {name: TableVersion(**one) for name, one in content["silver"].items()}
            return Reflected(content["contracts"], silver, content.get("turn", 0))
        except (ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True)
class Plan:
    """What has to be rewritten: ``dates``, or everything (None) for a reason."""

    dates: frozenset[dt.date] | None
    reason: str = ""


@dataclass(frozen=True)
class _Stored:
    """Gold as a run finds it: None where it is not there yet, or says not what it reflects."""

    version: int | None
    reflects: Reflected | None


def refresh_one_big_table(
    spark: SparkSession, job: JobArguments, contract: OneBigTableContract, silver: Mapping[str, SilverContract]
) -> Outcome:
    """Brings a One Big Table up to silver.

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
        turn = Turn((stored.version or 0) + 1, stored.version or 0)
        commits = _silver_commits(spark, names, silver)
        versions = {name: TableVersion(id, newest[0].version) for name, (id, newest) in commits.items()}
        now = Reflected(wide_content_hash(contract, silver), versions, turn.number)
        fact = _at(spark, names, contract.fact, now)
        dimensions = _latest(spark, names, silver, contract, now)
        types = check_columns(fact, dimensions, contract)
        # Three passes over the fact join them, and they are few on most days.
        dimensions = dict(zip(dimensions, fetch_together(spark, list(dimensions.values())), strict=True))
        plan = _plan(spark, names, contract, silver, stored, now, dict(types), commits, dimensions)
        source = _source(fact, dimensions, contract, silver, dict(types))
        if plan.dates is not None and not plan.dates:
            return _outcome(spark, table, turn.version, contract, source, types, plan, now)
        if plan.dates is None:
            _layout(contract).create(spark, table, types)
        dates = source.slices if plan.dates is None else map(str, plan.dates)
        rows = sum(source.slices[name].rows for name in dates if name in source.slices)
        prepare_for(spark, rows)
        found = _commit(spark, table, contract, silver, fact, dimensions, plan, rows, turn, now)
        if found is not None:
            done = _outcome(spark, table, found.version, contract, source, types, plan, now)
            return replace(done, bytes_written=found.bytes_written) if done.rows_written else done
    raise ConcurrentWriteError(f"{table}: another run kept writing to it; run this one again when the other is done")


def _stored(spark: SparkSession, table: str) -> _Stored:
    if not delta_tables.exists(spark, table):
        return _Stored(None, None)
    commits = delta_tables.history(spark, table, _HISTORY)
    then, version = _newest(commits), commits[0].version
    if then is None and version >= _HISTORY:
        then = _newest(delta_tables.history(spark, table, version))
    return _Stored(version, then)


def _newest(commits: Iterable[Commit]) -> Reflected | None:
    return next((found for commit in commits if (found := Reflected.from_text(commit.user_metadata))), None)


def _commit(
    spark: SparkSession, table: str, contract: OneBigTableContract, silver: Mapping[str, SilverContract],
    fact: DataFrame, dimensions: Mapping[str, DataFrame], plan: Plan, rows: int, turn: Turn, now: Reflected,
) -> Commit | None:  # fmt: skip
    """Writes what is planned; None where another run took the turn for other silver versions."""
    options, layout = turn.options | {"userMetadata": now.to_text()}, _layout(contract)
    try:
        if plan.dates is None:
            wide = layout.spread(one_big_table.build(fact, dimensions, contract), rows)
            delta_tables.overwrite(wide, table, partitioned_by=layout.folders, options=options)
        else:
            part = fact.where(delta_tables.dates_predicate(silver[contract.fact].date_column, plan.dates))
            wide = layout.spread(one_big_table.build(part, dimensions, contract), rows)
            predicate = delta_tables.dates_predicate(contract.partition_column, plan.dates)
            delta_tables.replace_where(wide, table, predicate, options=options)
    except SPARK_ERRORS as error:
        if not is_conflict(error):
            raise
        return None
    # Delta skips a commit whose turn is taken, and says nothing. One that reflects just what ours would is as good.
    commits = delta_tables.history(spark, table, _RECENT)
    return next((one for one in commits if one.user_metadata == now.to_text()), None)


def _plan(
    spark: SparkSession, names: TableNames, contract: OneBigTableContract, silver: Mapping[str, SilverContract],
    stored: _Stored, now: Reflected, types: Mapping[str, str],
    commits: Mapping[str, tuple[str, list[Commit]]], dimensions: Mapping[str, DataFrame],
) -> Plan:  # fmt: skip
    then = stored.reflects
    if stored.version is None:
        return Plan(None, "new")
    if then is None:
        return Plan(None, "no silver versions are stored")
    if then.contracts != now.contracts or then.silver.keys() != now.silver.keys():
        return Plan(None, "a contract changed")
    had = delta_tables.table_types(spark, names.gold(contract.name))
    if any(had.get(name, kind) != kind for name, kind in types.items()):
        return Plan(None, "an earlier version of the jobs gave columns other types")
    for name, version in now.silver.items():
        if version.id != then.silver[name].id or version.version < then.silver[name].version:
            return Plan(None, f"silver.{name} was made anew")
    try:
        moved = {
            name for name, (_, newest) in commits.items()
            if _rows_changed(spark, names.silver(name), then.silver[name], now.silver[name], newest)
        }  # fmt: skip
        return Plan(frozenset(_changed_dates(spark, names, contract, silver, then, now, moved, dimensions)))
    except SPARK_ERRORS as error:
        if not _CHANGES_ARE_GONE.search(str(error)):
            raise
        return Plan(None, f"the changes cannot be read: {first_line(error)}")


def _changed_dates(
    spark: SparkSession, names: TableNames, contract: OneBigTableContract, silver: Mapping[str, SilverContract],
    then: Reflected, now: Reflected, moved: Collection[str], dimensions: Mapping[str, DataFrame],
) -> set[dt.date]:  # fmt: skip
    day = identifier(silver[contract.fact].date_column)
    parts: list[DataFrame] = []
    if contract.fact in moved:
        feed = spark.read.option("readChangeFeed", "true")
        feed = feed.option("startingVersion", then.silver[contract.fact].version + 1)
        feed = feed.option("endingVersion", now.silver[contract.fact].version)
        parts.append(feed.table(names.silver(contract.fact)).select(F.col(day).alias("day")))
    fact = _at(spark, names, contract.fact, now)
    for join in contract.joins:
        if join.dimension in moved:
            old = one_big_table.latest_rows(_at(spark, names, join.dimension, then), silver[join.dimension])
            new = dimensions[join.dimension]
            rows = old.exceptAll(new).unionByName(new.exceptAll(old))
            keys = rows.select(*[F.col(identifier(right)).alias(f"_key_{left}") for left, right in join.on]).distinct()
            on = [F.col(identifier(left)) == F.col(identifier(f"_key_{left}")) for left, _ in join.on]
            parts.append(fact.join(keys, on, "left_semi").select(F.col(day).alias("day")))
    if not parts:
        return set()
    union = parts[0]
    for part in parts[1:]:
        union = union.unionByName(part)
    return {row["day"] for row in union.distinct().collect()}


def _rows_changed(
    spark: SparkSession, table: str, then: TableVersion, now: TableVersion, newest: Sequence[Commit]
) -> bool:
    """Whether a table may have other rows; many commits to a dimension say only that a snapshot changed nothing."""
    between = now.version - then.version
    if not between:
        return False
    if len(newest) < between:
        # Silver may have gone on since its version was read: the newest commits need not be those in question.
        newest = delta_tables.history(spark, table, between + _RECENT)
    asked = [one for one in newest if then.version < one.version <= now.version]
    return len(asked) < between or any(one.changes_rows for one in asked)


def _source(
    fact: DataFrame, dimensions: Mapping[str, DataFrame], contract: OneBigTableContract,
    silver: Mapping[str, SilverContract], types: Mapping[str, str],
) -> TableFigures:  # fmt: skip
    """What gold must come out with: the fact's figures, and how many of its rows each dimension does not know."""
    names = silver[contract.fact].column_names
    measures = {name: types[name] for name in contract.measures if name in names}
    day = F.col(identifier(silver[contract.fact].date_column)).cast("string")
    flagged = one_big_table.with_unknown(fact, dimensions, contract)  # Both in one pass over the fact.
    (found,) = reconcile.measure(Side(flagged, day, measures, one_big_table.UNKNOWN))
    return found


def _outcome(
    spark: SparkSession, table: str, version: int, contract: OneBigTableContract, source: TableFigures,
    types: list[tuple[str, str]], plan: Plan, now: Reflected,
) -> Outcome:  # fmt: skip
    measures = {name: kind for name, kind in types if name in contract.measures}
    in_silver = sorted({name for one in source.slices.values() for name in one.sums})
    day = F.col(identifier(contract.partition_column)).cast("string")
    (stored,) = reconcile.measure(Side(delta_tables.at_version(spark, table, version), day, measures))
    unknown = {join.dimension: source.reasons.get(join.dimension, 0) for join in contract.joins}
    none = reconcile.Figures()
    dates = [
        {
            "slice": name,
            "rows_silver": source.slices.get(name, none).rows,
            "rows_gold": stored.slices.get(name, none).rows,
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
    mode = "full" if plan.dates is None else "incremental" if plan.dates else "unchanged"
    return Outcome(
        outcome=mode,
        rows_read=source.rows,
        rows_written=sum(stored.slices[name].rows for name in rewritten if name in stored.slices),
        detail={
            "silver": asdict(now.silver[contract.fact]),
            "dates": dates,
            "dates_rewritten": rewritten,
            "rows_unknown": unknown,
            "mode": mode,
            "reason": plan.reason,
        },
        standing=Standing(now.contracts, table_version(spark, table, version), made_from=now.silver),
    )


def _silver_commits(
    spark: SparkSession, names: TableNames, silver: Collection[str]
) -> dict[str, tuple[str, list[Commit]]]:
    """The identity and the newest commits of each silver table; all are asked at once, which on Databricks saves most.

    Raises:
        BronzeError: a silver table is not there yet.
    """

    def commits(name: str) -> tuple[str, list[Commit]]:
        table = names.silver(name)
        if not delta_tables.exists(spark, table):
            raise BronzeError(f"{table} is not there yet; run silver for table {name} first")
        return delta_tables.identity(spark, table), delta_tables.history(spark, table, _RECENT)

    with ThreadPoolExecutor(_ASKED_AT_ONCE, "silver-versions") as pool:
        return dict(zip(silver, pool.map(commits, silver), strict=True))


def _at(spark: SparkSession, names: TableNames, name: str, at: Reflected) -> DataFrame:
    """A silver table as it was: every read of a run is of the same moment."""
    return delta_tables.at_version(spark, names.silver(name), at.silver[name].version)


def _latest(
    spark: SparkSession, names: TableNames, silver: Mapping[str, SilverContract], contract: OneBigTableContract,
    at: Reflected,
) -> dict[str, DataFrame]:  # fmt: skip
    return {
        join.dimension: one_big_table.latest_rows(_at(spark, names, join.dimension, at), silver[join.dimension])
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
