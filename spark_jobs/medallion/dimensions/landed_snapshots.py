"""A dimension's landed snapshots, each with the part of the contract that it can speak of."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from lake_model.bronze_manifest import ALL
from lake_model.contracts.silver_contract import Column, Rule, SilverContract
from medallion.lake import bronze
from medallion.lake.bronze import Manifest
from medallion.lake.small_frames import MAX_ROWS, fetch_all
from medallion.lake.sql_text import identifier
from medallion.quality.cleaning import UNCONVERTED, check_expressions, clean
from medallion.quality.judgement_basis import Basis
from medallion.quality.quality_counts import Counts, count_columns, count_fetched, counts_of
from medallion.quality.row_judgement import ERRORS, WARNINGS, judge
from medallion.quality.rules import violation
from medallion.run.cli import JobArguments


@dataclass(frozen=True)
class Snapshot:
    """What was landed on a business date.

    Attributes:
        told: the contract without the columns that the source did not have on that date, and without their rules.
        basis: what its rows are judged by; the waivers are those that held on its date, whenever it is processed.
    """

    manifest: Manifest
    business_date: dt.date
    told: SilverContract
    basis: Basis

    @property
    def fingerprint(self) -> str:
        """Changes exactly when the rows do."""
        return self.manifest.fingerprint

    @property
    def rows(self) -> int:
        """Rows that were landed."""
        return sum(one.rows for one in self.manifest.slices.values())


@dataclass(frozen=True)
class Judged:
    """A snapshot's rows, cleaned and judged, and how many of them break each rule."""

    rows: DataFrame
    counts: Counts


def find_snapshot(
    spark: SparkSession, job: JobArguments, contract: SilverContract, business_date: dt.date
) -> Snapshot | None:
    """The snapshot of a business date; None when none was landed.

    Raises:
        BronzeError: it cannot be read.
        ContractError: a column of the key cannot be told.
    """
    manifest = bronze.read_snapshot_manifest(
        spark, job.lake_root, contract.schema, contract.source_table, business_date
    )
    if manifest is None:
        return None
    basis = Basis.of_contract(contract, business_date)
    return Snapshot(manifest, business_date, told_part(spark, contract, manifest), basis)


def find_all(spark: SparkSession, job: JobArguments, contract: SilverContract) -> list[Snapshot]:
    """All landed snapshots, in order of their dates.

    Raises:
        BronzeError: one cannot be read.
        ContractError: a column of the key cannot be told.
    """
    dates = bronze.landed_dates(spark, job.lake_root, contract.schema, contract.source_table)
    found = [find_snapshot(spark, job, contract, date) for date in dates]
    return [one for one in found if one is not None]


def told_part(spark: SparkSession, contract: SilverContract, manifest: Manifest) -> SilverContract:
    """The contract without columns that need a source column which the snapshot has not, and without their rules.

    A column that the source got later is not NULL on the days before: nobody knows what it was, so that it makes no
    version there, and no rule is broken.

    Raises:
        ContractError: a column of the key cannot be told.
    """
    empty = spark.createDataFrame([], manifest.columns)
    if _resolves(empty, [column.expression for column in contract.columns]):
        return contract
    columns = tuple(column for column in contract.columns if _resolves(empty, [column.expression]))
    names = {column.name for column in columns}
    if not names.issuperset(contract.key):
        # Raises: of a snapshot without keys nothing can be told, and what stands in the way is said with its line.
        check_expressions(spark, contract, manifest.columns, manifest.uri)
    lake = empty.selectExpr(*[_typed_null(column) for column in columns], f"CAST(NULL AS array<string>) {UNCONVERTED}")
    return dataclasses.replace(
        contract,
        columns=columns,
        rules=tuple(rule for rule in contract.rules if _is_told(rule, names, lake)),
        counted=tuple(rule for rule in contract.counted if _is_told(rule, names, lake)),
        waivers=tuple(waiver for waiver in contract.waivers if names.issuperset(one.column for one in waiver.rows)),
        tracked=tuple(name for name in contract.tracked if name in names),
    )


def judged_rows(spark: SparkSession, snapshot: Snapshot) -> DataFrame:
    """The snapshot's rows, cleaned and judged by what it can speak of."""
    return judge(cleaned_rows(spark, snapshot), snapshot.told, snapshot.business_date)


def cleaned_rows(spark: SparkSession, snapshot: Snapshot) -> DataFrame:
    """The snapshot's rows, cleaned and not judged."""
    return clean(bronze.read_snapshot(spark, snapshot.manifest), snapshot.told)


def judge_snapshot(spark: SparkSession, snapshot: Snapshot) -> Judged:
    """The snapshot's rows, and how many break each rule; few rows are kept on the driver."""
    told, rows = snapshot.told, judged_rows(spark, snapshot)
    if snapshot.rows <= MAX_ROWS:
        fetched = fetch_all(spark, rows)
        assert fetched.table is not None
        return Judged(fetched.frame, count_fetched(told, ALL, fetched.table, fetched.table.num_rows))
    counted = rows.agg(count_columns(told).alias("counts")).collect()[0]["counts"]
    return Judged(rows, counts_of(told, ALL, counted))


def accepted_rows(judged: DataFrame, contract: SilverContract, told: SilverContract) -> DataFrame:
    """The good rows: all columns of the contract, NULL where the snapshot cannot tell, and ``_warnings``."""
    return all_columns(judged.where(F.col(ERRORS).isNull()), contract, told, WARNINGS)


def all_columns(judged: DataFrame, contract: SilverContract, told: SilverContract, *also: str) -> DataFrame:
    """All columns of the contract, NULL where the snapshot cannot tell, and further ones."""
    names = set(told.column_names)
    values = [
        F.col(identifier(column.name)) if column.name in names else F.expr(_typed_null(column))
        for column in contract.columns
    ]
    return judged.select(*values, *also)


def same_content(one: Snapshot, other: Snapshot) -> bool:
    """Whether two snapshots are known to say the same: by the source's fingerprint and what they are judged by."""
    return (one.fingerprint, one.told, one.basis) == (other.fingerprint, other.told, other.basis)


def in_episodes(snapshots: Sequence[Snapshot]) -> list[list[Snapshot]]:
    """The snapshots in runs of equal content."""
    episodes: list[list[Snapshot]] = []
    for one in snapshots:
        if episodes and same_content(episodes[-1][-1], one):
            episodes[-1].append(one)
        else:
            episodes.append([one])
    return episodes


def _typed_null(column: Column) -> str:
    return f"CAST(NULL AS {column.lake_type}) AS {identifier(column.name)}"


def _is_told(rule: Rule, names: set[str], lake: DataFrame) -> bool:
    return names.issuperset(rule.columns) and (not (sql := violation(rule)) or _resolves(lake, [sql]))


def _resolves(frame: DataFrame, expressions: Sequence[str]) -> bool:
    try:
        schema: T.StructType = frame.selectExpr(*expressions).schema
    except PySparkException as error:
        if (error.getCondition() or "").startswith("UNRESOLVED_COLUMN"):
            return False
        raise
    return len(schema) == len(expressions)
