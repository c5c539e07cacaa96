"""Figures of a One Big Table beside those of its fact: of the rows that a run writes, and of all others as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lake_model.contracts.silver_contract import OneBigTableContract, SilverContract
from medallion import reconcile
from medallion.errors import ConservationError
from medallion.gold import one_big_table
from medallion.gold.refresh_plan import Plan
from medallion.kept_figures import KeptFigures
from medallion.lake.sql_text import identifier
from medallion.reconcile import Side, TableFigures

UNKNOWN_ROWS = "rows_unknown"
# Beside the names of dimensions, of which none is so.
_WRITTEN = "rows to be written"


@dataclass(frozen=True)
class FactFigures:
    """What gold must come out with.

    Attributes:
        whole: the fact's figures, and how many of its rows each dimension does not know.
        written: the same of the rows alone that gold is to write; None where all were measured, and these not apart.
    """

    whole: TableFigures
    written: TableFigures | None

    def rows_to_write(self, plan: Plan) -> int:
        """How many rows gold is to write."""
        if self.written is not None:
            return self.written.rows
        if plan.keys:
            return self.whole.reasons.get(_WRITTEN, 0)
        dates = self.whole.slices if plan.dates is None else map(str, plan.dates)
        return sum(self.whole.slices[name].rows for name in dates if name in self.whole.slices)


def may_keep_figures(contract: OneBigTableContract, plan: Plan) -> bool:
    """Whether only rows of the plan can have other figures than before.

    Rows that are found by their keys must have been known before and be so now, and their measures must be the fact's.
    """
    if plan.dates is None:
        return False
    own = {one.name for one in contract.columns if one.expression.strip() == f"{contract.fact}.{one.name}"}
    return not plan.keys or (all(one.stay_known for one in plan.keys) and set(contract.measures) <= own)


def measured_in_silver(contract: OneBigTableContract, fact: SilverContract) -> tuple[str, ...]:
    """The measures that the fact has by the same name."""
    return tuple(name for name in contract.measures if name in fact.column_names)


def measure_fact(
    fact: DataFrame, dimensions: Mapping[str, DataFrame], contract: OneBigTableContract, silver: SilverContract,
    types: Mapping[str, str], plan: Plan, kept: KeptFigures | None,
) -> FactFigures:  # fmt: skip
    """The fact's figures, all in one pass over it, or over what is written again where the others are kept.

    Args:
        silver: the fact's contract.
        types: of gold's columns.
        kept: what the run before measured.
    """
    day, measures = silver.date_column, {name: types[name] for name in measured_in_silver(contract, silver)}
    flagged = one_big_table.with_unknown(fact, dimensions, contract)
    if kept is not None:
        written = _of_plan(flagged, day, measures, one_big_table.UNKNOWN, plan, plan.in_fact(day))
        return FactFigures(kept.of("silver", UNKNOWN_ROWS).with_dates(_dates(plan), written), written)
    if plan.keys:
        mark = F.array(F.struct(F.lit(_WRITTEN).alias("name")))
        marked = F.concat(one_big_table.UNKNOWN, mark)
        unknown = F.when(F.expr(plan.in_fact(day)), marked).otherwise(F.col(one_big_table.UNKNOWN))
        flagged = flagged.withColumn(one_big_table.UNKNOWN, unknown)
    (whole,) = reconcile.measure(_side(flagged, day, measures, one_big_table.UNKNOWN))
    return FactFigures(whole, None)


def measure_gold(
    table: str, gold: DataFrame, contract: OneBigTableContract, types: Mapping[str, str], plan: Plan,
    fact: FactFigures, kept: KeptFigures | None,
) -> TableFigures:  # fmt: skip
    """Gold's figures after the run.

    Raises:
        ConservationError: rows that were found by their keys came out other than in silver.
    """
    day, measures = contract.partition_column, {name: types[name] for name in contract.measures}
    if kept is None or fact.written is None:
        (whole,) = reconcile.measure(_side(gold, day, measures, None))
        return whole
    written = _of_plan(gold, day, measures, None, plan, plan.in_gold(day))
    for name in sorted({*fact.written.slices, *written.slices} - _dates(plan)):
        was, is_now = (one.slices.get(name, reconcile.Figures()) for one in (fact.written, written))
        if was.rows != is_now.rows or any(is_now.sums[measure] != text for measure, text in was.sums.items()):
            raise ConservationError(
                f"{table}: of {name} the rows of changed keys are other than silver's, which has {was.rows} of them, "
                f"gold {is_now.rows}; delete the gold table's folder to build it anew"
            )
    return kept.of("gold").with_dates(_dates(plan), written)


def _of_plan(
    rows: DataFrame, day: str, measures: Mapping[str, str], findings: str | None, plan: Plan, where: str
) -> TableFigures:
    if plan.is_empty:
        return TableFigures()
    (found,) = reconcile.measure(_side(rows.where(where), day, measures, findings))
    return found


def _side(rows: DataFrame, day: str, measures: Mapping[str, str], findings: str | None) -> Side:
    return Side(rows, F.col(identifier(day)).cast("string"), measures, findings)


def _dates(plan: Plan) -> set[str]:
    return set(map(str, plan.dates or ()))
