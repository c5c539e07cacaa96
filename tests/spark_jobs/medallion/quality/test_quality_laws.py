"""Judging random rows by random rules: what each row is told equals a plain model's word, and no row is lost."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from lake_model.contracts.silver_contract import SilverContract

pytestmark = pytest.mark.spark
DAYS = (dt.date(2026, 11, 19), dt.date(2026, 11, 20))
AS_OF = dt.date(2026, 11, 20)


@dataclass(frozen=True)
class Sale:
    day: dt.date
    code: str | None
    quantity: int | None


Rows = list[Sale]
Model = Callable[[Sale, Rows], bool]


def _shares(row: Sale, rows: Rows, columns: tuple[str, ...]) -> bool:
    values = [getattr(row, name) for name in columns]
    same = [one for one in rows if one.day == row.day and [getattr(one, name) for name in columns] == values]
    return None not in values and len(same) > 1


# A rule's name, and what the model says of a row that breaks it.
MODEL: dict[str, Model] = {
    "code_required": lambda row, _: row.code is None,
    "code_pattern": lambda row, _: row.code is not None and not row.code.startswith("P"),
    "code_filled": lambda row, _: row.code in {None, "", "P"},
    "quantity_minimum": lambda row, _: row.quantity is not None and row.quantity < 1,
    "quantity_known": lambda row, _: row.quantity is not None and row.quantity not in {0, 1, 2},
    "not_both": lambda row, _: (
        row.code is not None and row.quantity is not None and row.code == "X" and row.quantity > 1
    ),
    "one_of_each": lambda row, rows: _shares(row, rows, ("code", "quantity")),
    "one_code": lambda row, rows: _shares(row, rows, ("code",)),
}
CODES, QUANTITIES = ("P1", "P2", "P", "X", "", None), (0, 1, 2, 3, -1, None)
SEVERITIES = ("error", "warning", "none")
sales = st.builds(Sale, st.sampled_from(DAYS), st.sampled_from(CODES), st.sampled_from(QUANTITIES))
severities = st.fixed_dictionaries({name: st.sampled_from(SEVERITIES) for name in MODEL})


def contract(severities: dict[str, str], waived: set[str]) -> SilverContract:

    from lake_model.contracts import row_rules as rules
    from lake_model.contracts.silver_contract import (
        Column,
        ColumnValue,
        Severity,
        SilverContract,
        TableKind,
        Waiver,
    )

    code, quantity = Column("code", "code", "code", "string"), Column("quantity", "quantity", "quantity", "bigint")

    def given_rule(name: str) -> rules.Given:
        return rules.Given(name, Severity(severities[name]), f"told of {name}")

    def rule(name: str) -> Any:
        severity = Severity(severities[name])
        return {
            "code_required": lambda: rules.required("code", severity),
            "code_pattern": lambda: rules.option("code", "string", "pattern", "P.*", severity),
            "code_filled": lambda: rules.of_metric(
                "missingValues", ("code",), {"missingValues": [None, "", "P"]}, given_rule(name), "string"
            ),
            "quantity_minimum": lambda: rules.option("quantity", "bigint", "minimum", 1, severity),
            "quantity_known": lambda: rules.of_metric(
                "invalidValues", ("quantity",), {"validValues": [0, 1, 2]}, given_rule(name), "bigint"
            ),
            "not_both": lambda: rules.expression("NOT (code = 'X' AND quantity > 1)", (), given_rule(name)),
            "one_of_each": lambda: rules.of_metric("duplicateValues", ("code", "quantity"), {}, given_rule(name)),
            "one_code": lambda: rules.of_metric("duplicateValues", ("code",), {}, given_rule(name)),
        }[name]()

    chosen = tuple(rule(name) for name in MODEL if severities[name] != "none")
    columns = (Column("day", "day", "day", "date"), code, quantity)
    waivers = tuple(Waiver((name,), (ColumnValue("code", "string", "X"),), "known", AS_OF) for name in sorted(waived))
    return SilverContract(
        "f", "shop", "sale", "sale", TableKind.FACT, columns, chosen, date_source="day", date_column="day",
        keep_one=True, waivers=waivers,
    )  # fmt: skip


@pytest.mark.parametrize("turn", range(len(SEVERITIES)))
def test_every_row_is_told_what_the_model_says_and_goes_one_way(spark: SparkSession, turn: int) -> None:
    """Over the turns each rule has each severity; the first day has most rows more than once, the other few."""
    chance = random.Random(turn)
    every = [(code, quantity) for code in CODES for quantity in QUANTITIES]
    rows = [Sale(DAYS[0], *one) for one in chance.choices(every, k=60)]
    rows += [Sale(DAYS[1], *one) for one in chance.sample(every, 4)]
    chosen = {name: SEVERITIES[(place + turn) % len(SEVERITIES)] for place, name in enumerate(MODEL)}
    errors = [name for name, severity in chosen.items() if severity == "error"]
    check(spark, rows, chosen, set(errors[:2]))


@pytest.mark.soak
@settings(
    max_examples=60, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(st.lists(sales, min_size=1, max_size=40), severities, st.sets(st.sampled_from(sorted(MODEL)), max_size=3))
def test_random_rows_by_random_rules_are_told_what_the_model_says(
    spark: SparkSession, rows: Rows, severities: dict[str, str], waived: set[str]
) -> None:
    check(spark, rows, severities, waived)


def check(spark: SparkSession, rows: Rows, severities: dict[str, str], waived: set[str]) -> None:
    """Holds what the jobs say of the rows to the model."""
    import pyspark.sql.functions as F  # ruff: ignore[lowercase-imported-as-non-lowercase]
    from medallion.facts.fact_slices import accepted_rows
    from medallion.quality.quality_counts import count_columns, counts_of
    from medallion.quality.quarantine import refused_rows
    from medallion.quality.row_judgement import judge

    of = contract(severities, waived)
    landed = spark.createDataFrame(
        [(number, row.day, row.code, row.quantity) for number, row in enumerate(rows)],
        "number bigint, day date, code string, quantity bigint",
    )
    cleaned = landed.select(
        F.col("day").cast("string").alias("_slice"),
        F.struct("number", "day", "code", "quantity").alias("_raw"),
        "day", "code", "quantity",
        F.lit(None).cast("array<string>").alias("_unconverted"),
    )  # fmt: skip
    judged = judge(cleaned, of, AS_OF)

    def names(told: Any) -> set[str]:
        return {one["name"] for one in told or []}

    found = {row["_raw"]["number"]: row for row in judged.collect()}
    assert sorted(found) == list(range(len(rows)))
    kept: Counter[Sale] = Counter()
    refused = set[int]()
    for number, row in enumerate(rows):
        broken = {name for name, breaks in MODEL.items() if severities[name] != "none" and breaks(row, rows)}
        errors = {name for name in broken if severities[name] == "error"}
        let_pass = errors & waived if row.code == "X" else set()
        told = found[number]
        assert names(told["_errors"]) == errors - let_pass
        assert names(told["_warnings"]) == (broken - errors) | let_pass
        assert names(told["_waived"]) == let_pass
        if errors - let_pass:
            refused.add(number)
        else:
            kept[row] += 1

    # Conservation: what was landed is in silver, removed as a duplicate, or in quarantine; nothing twice.
    accepted = {
        Sale(row["day"], row["code"], row["quantity"]): row["_copies"] for row in accepted_rows(judged, of).collect()
    }
    assert accepted == dict(kept)
    entries = refused_rows(judged, of, AS_OF).collect()
    assert sum(not entry["is_waived"] for entry in entries) == len(refused)
    assert len({entry["row_id"] for entry in entries}) == len(entries)
    counts = counts_of(of, "all", judged.agg(count_columns(of).alias("counts")).collect()[0]["counts"])
    assert (counts.rows, counts.refused) == (len(rows), len(refused))
    assert counts.waived == sum(entry["is_waived"] for entry in entries)
    # Idempotence: judged again, each row is told the same.
    again = {row["_raw"]["number"]: row for row in judge(cleaned, of, AS_OF).collect()}
    assert again == found
