"""Counts, slice by slice, how many judged rows break each rule: aggregates for a pass that is made anyway."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column
from pyspark.sql import functions as F

from lake_model.contracts.silver_contract import Rule, Severity, SilverContract
from medallion.lake.sql_text import text_literal
from medallion.quality.row_judgement import COUNTED, ERRORS, WAIVED, WARNINGS


@dataclass(frozen=True)
class Counts:
    """The rows of one slice that were judged.

    Attributes:
        rows: all of them.
        refused: those that go to quarantine.
        waived: those that go to silver by a waiver.
        by_rule: how many break each rule; of a waived error only those that were not waived.
    """

    slice: str
    rows: int = 0
    refused: int = 0
    waived: int = 0
    by_rule: Mapping[str, int] = field(default_factory=dict)

    @staticmethod
    def total(counts: Iterable[Counts]) -> Counts:
        """All slices as one."""
        rows = refused = waived = 0
        by_rule: dict[str, int] = {}
        for one in counts:
            rows, refused, waived = rows + one.rows, refused + one.refused, waived + one.waived
            for name, number in one.by_rule.items():
                by_rule[name] = by_rule.get(name, 0) + number
        return Counts("", rows, refused, waived, by_rule)


def counted_rules(contract: SilverContract) -> tuple[Rule, ...]:
    """The rules that are counted, in the order of ``count_columns``."""
    return (*contract.rules, *contract.counted)


def count_columns(contract: SilverContract) -> Column:
    """An aggregate over judged rows: one array of bigint, which ``counts_of`` reads."""
    conditions = [f"{ERRORS} IS NOT NULL", f"{ERRORS} IS NULL AND {WAIVED} IS NOT NULL"]
    for rule in counted_rules(contract):
        found_in = _found_in(rule)
        names = COUNTED if found_in == COUNTED else f"{found_in}.name"
        conditions.append(f"array_contains({names}, {text_literal(rule.name)})")
    return F.expr(f"array(count(1), {', '.join(f'count_if({one})' for one in conditions)})")


def counts_of(contract: SilverContract, slice_name: str, counted: Sequence[int]) -> Counts:
    """What ``count_columns`` found for a slice."""
    rows, refused, waived, *numbers = counted
    names = [rule.name for rule in counted_rules(contract)]
    return Counts(slice_name, rows, refused, waived, dict(zip(names, numbers, strict=True)))


def count_fetched(contract: SilverContract, slice_name: str, judged: pa.Table, rows: int) -> Counts:
    """The same of rows that are here already: no Spark job for what Python sees at a glance.

    ``judged`` may have rows of which nothing is found beside the ``rows`` that were judged.
    """
    refused = pc.is_valid(judged.column(ERRORS))
    waived = pc.and_(pc.invert(refused), pc.is_valid(judged.column(WAIVED)))
    named = {column: _rows_by_name(judged.column(column)) for column in (ERRORS, WARNINGS, COUNTED)}
    by_rule = {rule.name: named[_found_in(rule)][rule.name] for rule in counted_rules(contract)}
    return Counts(slice_name, rows, pc.sum(refused).as_py() or 0, pc.sum(waived).as_py() or 0, by_rule)


def _rows_by_name(findings: pa.ChunkedArray) -> Counter[str]:
    """How many rows name each rule."""
    counted: Counter[str] = Counter()
    for found in findings.drop_null().to_pylist():
        counted.update({one if isinstance(one, str) else one["name"] for one in found})
    return counted


def _found_in(rule: Rule) -> str:
    """The column that names a rule in the rows that break it."""
    if rule.limit:
        return COUNTED
    return ERRORS if rule.severity is Severity.ERROR else WARNINGS


def all_good(contract: SilverContract, slice_name: str, rows: int) -> Counts:
    """The counts of a slice of whose rows there is nothing to say."""
    return Counts(slice_name, rows, by_rule={rule.name: 0 for rule in counted_rules(contract)})
