"""What a run has to do to a fact, slice by slice, and the rows and counts of the slices that it judges."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from lake_model.contracts.silver_contract import SilverContract
from medallion.exact_sums import exact_sum, is_number, landed_type, sum_of
from medallion.lake.bronze import Manifest
from medallion.lake.progress import SliceProgress
from medallion.lake.sql_text import identifier
from medallion.quality.cleaning import RAW, SLICE
from medallion.quality.confidential import hidden_measures
from medallion.quality.judgement_basis import Basis
from medallion.quality.known_keys import KnownKeys
from medallion.quality.quality_counts import Counts, count_columns, counts_of
from medallion.quality.row_judgement import ERRORS, FINDINGS_TYPE, WARNINGS, judge_warnings
from medallion.reconcile import measure_types
from medallion.run.cli import JobArguments

COPIES = "_copies"


@dataclass(frozen=True)
class SliceChanges:
    """What a run has to do.

    Attributes:
        stale: slices to process.
        gone: slices to forget.
        everything: those are all that there are.
        landed: slices among them whose landed rows changed; of the others only the judgement did.
    """

    stale: tuple[str, ...]
    gone: tuple[str, ...]
    everything: bool
    landed: tuple[str, ...]

    @property
    def touched(self) -> tuple[str, ...]:
        """All slices whose rows are written or removed."""
        return (*self.stale, *self.gone)


def changed_slices(
    manifest: Manifest, done: Mapping[str, SliceProgress], basis: Basis,
    *, unfinished: Collection[str] = (), rebuild: bool = False,
) -> SliceChanges:  # fmt: skip
    """Compares what is landed, and what it is judged by, with what was processed; in a rebuild every slice is stale.

    So are ``unfinished`` slices: a run was killed after it had written them, and what it wrote need not be what is
    landed now.
    """
    landed = tuple(
        name for name, one in manifest.slices.items() if name not in done or done[name].fingerprint != one.fingerprint
    )
    again = set(manifest.slices) if rebuild else {*landed, *unfinished}
    stale = tuple(name for name in manifest.slices if name in again or not basis.holds(name, done[name].contract_hash))
    gone = tuple(name for name in dict.fromkeys((*done, *unfinished)) if name not in manifest.slices)
    known = tuple(name for name in gone if name in done)
    return SliceChanges(stale, gone, len(stale) == len(manifest.slices), (*landed, *known))


def remove_duplicates(accepted: DataFrame, contract: SilverContract) -> DataFrame:
    """One of each set of rows that are equal in all columns that come from the source, and ``_copies``, their number.

    Derived columns may differ between such rows; the least values survive, so the same in every run.
    """
    derived = [column.name for column in contract.columns if column.source is None]
    compared = [identifier(column.name) for column in contract.columns if column.source is not None]
    count = F.count(F.lit(1)).alias(COPIES)
    if not derived:
        return accepted.groupBy(*compared).agg(count)
    # A struct of one column would be sorted for, where a plain column is hashed.
    least = F.min(identifier(derived[0]) if len(derived) == 1 else F.struct(*map(identifier, derived))).alias("_least")
    grouped = accepted.groupBy(*compared).agg(count, least)
    chosen = {name: (F.col("_least") if len(derived) == 1 else F.col("_least")[name]).alias(name) for name in derived}
    return grouped.select(*[chosen.get(name, F.col(identifier(name))) for name in contract.column_names], COPIES)


def accepted_rows(judged: DataFrame, contract: SilverContract, known: Sequence[KnownKeys] = ()) -> DataFrame:
    """The rows that go to silver: the contract's columns, ``_warnings`` and ``_copies``."""
    good = judged.where(F.col(ERRORS).isNull()).select(*map(identifier, contract.column_names))
    single = remove_duplicates(good, contract) if contract.keep_one else good.withColumn(COPIES, F.lit(1))
    return judge_warnings(single, contract, contract.date_column, known)


@dataclass(frozen=True)
class Processed:
    """What a run counted of the slices that it judged: their progress, and what each rule found."""

    progress: tuple[SliceProgress, ...]
    counts: tuple[Counts, ...]


def count_slices(
    judged: DataFrame, accepted: DataFrame, contract: SilverContract, manifest: Manifest,
    stale: tuple[str, ...], basis: Basis, job: JobArguments,
) -> Processed:  # fmt: skip
    """Counts what was landed, what each rule found and what is removed as duplicate, slice by slice, in one pass."""
    types = measure_types(contract)
    extra = F.col(COPIES) - 1
    landed_types = {field.name.lower(): field.dataType.simpleString() for field in _fields(judged.schema[RAW].dataType)}
    landed_sums = [_landed_sum(name, kind, landed_types[name.lower()]) for name, kind in types.items()]
    removed_sums = [exact_sum(F.col(identifier(name)), kind) for name, kind in types.items()]
    hidden = {name: types[name] for name in hidden_measures(contract)}
    is_refused = F.col(ERRORS).isNotNull()
    refused_sums = [_landed_sum(name, kind, landed_types[name.lower()], is_refused) for name, kind in hidden.items()]
    landed = judged.groupBy(SLICE).agg(
        F.lit("bronze").alias("side"),
        count_columns(contract).alias("counts"),
        F.array(*landed_sums, *refused_sums).cast("array<string>").alias("sums"),
    )
    day = F.col(identifier(contract.date_column)).cast("string").alias(SLICE)
    # Each copy as a row: a product of two decimals may have more digits than Spark keeps.
    copied = accepted.where(extra > 0).withColumn("_copy", F.explode(F.sequence(F.lit(1), extra.cast("int"))))
    removed = copied.groupBy(day).agg(
        F.lit("duplicate").alias("side"),
        F.array(F.count(F.lit(1))).alias("counts"),
        F.array(*removed_sums).cast("array<string>").alias("sums"),
    )
    frame = landed.unionByName(removed) if contract.keep_one else landed
    counted = {(row["side"], row[SLICE]): row for row in frame.collect()}
    progress, counts = [], []
    for name in stale:
        bronze_row, removed_row = counted.get(("bronze", name)), counted.get(("duplicate", name))
        found = counts_of(contract, name, bronze_row["counts"]) if bronze_row else Counts(name)
        counts.append(found)
        progress.append(
            SliceProgress(
                slice=name,
                fingerprint=manifest.slices[name].fingerprint,
                contract_hash=basis.of(found),
                business_date=job.business_date,
                run_id=job.run_id,
                rows_bronze=found.rows,
                rows_duplicate=removed_row["counts"][0] if removed_row else 0,
                sums_bronze=_sums(types, bronze_row["sums"]) if bronze_row else {},
                sums_refused=_sums(hidden, bronze_row["sums"][len(types) :]) if bronze_row else {},
                sums_duplicate=_sums(types, removed_row["sums"]) if removed_row else {},
            )
        )
    return Processed(tuple(progress), tuple(counts))


def _fields(kind: T.DataType) -> list[T.StructField]:
    assert isinstance(kind, T.StructType)
    return kind.fields


def _landed_sum(name: str, lake_type: str, kind: str, among: Column | None = None) -> Column:
    """The sum of a measure as it was landed, of the type ``kind``; what is no number is not summed."""
    value = F.col(RAW)[name] if among is None else F.when(among, F.col(RAW)[name])
    if is_number(kind):
        return exact_sum(value, kind)
    wide = landed_type(lake_type)
    return exact_sum(value.try_cast(wide), wide)


def _sums(types: Mapping[str, str], found: Sequence[str]) -> dict[str, str]:
    return {name: sum_of(text, kind) for (name, kind), text in zip(types.items(), found, strict=False)}


def fact_columns(contract: SilverContract) -> tuple[tuple[str, str], ...]:
    """The columns of a fact, with their types."""
    return (*((column.name, column.lake_type) for column in contract.columns), (WARNINGS, FINDINGS_TYPE))
