"""The Spark transforms of type 2 history against the plain model, row for row."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.spark_jobs.medallion.dimensions.scd2_model import ABSENT, UNKNOWN, KeyState, Observation, Told, land, oracle
from tests.spark_jobs.medallion.dimensions.thing_contract import thing_contract

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.spark
CONTRACT = thing_contract({"tracked": "string", "untracked": "string"}, ("tracked",))
DAY = dt.date(2026, 11, 1)


def day_of(number: int) -> dt.date:
    return DAY + dt.timedelta(days=number)


@dataclass
class SparkHistory:
    """A dimension whose versions live in a list between landings."""

    spark: SparkSession
    rows: list[tuple[object, ...]] = field(default_factory=list)
    processed: set[int] = field(default_factory=set)
    quarantined: dict[str, set[int]] = field(default_factory=dict)

    def land(self, day: int, told: dict[str, Observation]) -> int:
        """Lands a snapshot; gives the number of staged rows."""
        import pyspark.sql.functions as F  # ruff: ignore[lowercase-imported-as-non-lowercase]
        from medallion.dimensions import scd2
        from medallion.dimensions.scd2_classification import classified
        from medallion.quality.row_judgement import FINDINGS_TYPE, WARNINGS

        later_days = tuple(day_of(one) for one in sorted(self.processed) if one > day)
        landing = scd2.Landing(CONTRACT, day_of(day), later_days, is_repeated=day in self.processed)
        accepted = self._frame(
            [(key, one.tracked, one.untracked) for key, one in told.items() if isinstance(one, Told)],
            "code string, tracked string, untracked string",
        ).withColumn(WARNINGS, F.lit(None).cast(FINDINGS_TYPE))
        refused = self._frame(
            [(key, None, None) for key, one in told.items() if one == UNKNOWN],
            "code string, tracked string, untracked string",
        ).withColumn(WARNINGS, F.lit(None).cast(FINDINGS_TYPE))
        said = accepted.withColumn("_told", F.lit("present")).unionByName(refused.withColumn("_told", F.lit("unknown")))
        unknown = [
            (key, [day_of(one) for one in days if one > day and one in self.processed])
            for key, days in self.quarantined.items()
        ]
        later = self._frame([(key, days) for key, days in unknown if days], "code string, _dates array<date>")
        later = later.select(scd2.business_key(("code",)).alias("_key"), "_dates")
        columns = scd2.version_columns(CONTRACT)
        versions = self._frame(self.rows, ", ".join(f"{name} {kind}" for name, kind in columns[:-1]))
        versions = versions.withColumn(WARNINGS, F.lit(None).cast(FINDINGS_TYPE))
        changed = classified(said, versions, later if landing.later else None, landing).where("_is_changed")
        changed = changed.drop("_stored", "_is_changed")
        changed = self.spark.createDataFrame(changed.collect(), changed.schema)
        staged = scd2.row_changes(changed, versions.where(scd2.in_reach(landing)), landing)
        staged = staged.where("_action != 'same'").collect()
        kept = {row[0]: row for row in self.rows}
        for row in staged:
            key = row["thing_key"]
            assert (key in kept) == (row["_action"] != "insert")
            kept.pop(key, None)
            if row["_action"] != "delete":
                kept[key] = tuple(row[name] for name, _ in columns[:-1])
        self.rows = list(kept.values())
        self.processed.add(day)
        for key, one in told.items():
            days = self.quarantined.setdefault(key, set())
            days.add(day) if one == UNKNOWN else days.discard(day)
        return len(staged)

    def histories(self) -> dict[str, list[tuple[object, ...]]]:
        """Per key its periods, as the model writes them, with the untracked value."""
        found: dict[str, list[tuple[object, ...]]] = {}
        for _, code, tracked, untracked, start, end, is_current in self.rows:
            assert is_current == (end is None)
            first = (start - DAY).days  # type: ignore[operator]
            last = None if end is None else (end - DAY).days  # type: ignore[operator]
            found.setdefault(str(code), []).append((first, last, tracked, untracked))
        return {key: sorted(rows, key=lambda row: row[0]) for key, rows in found.items()}  # type: ignore[return-value,arg-type]

    def _frame(self, rows: list[tuple[object, ...]], schema: str) -> DataFrame:
        return self.spark.createDataFrame(rows, schema)


def test_random_landings_in_any_order_give_the_model_and_the_oracle(spark: SparkSession, soak: bool) -> None:
    """Keys have nothing to do with each other, so forty keys are forty random histories at once; the whole job is held
    to a definition in `test_dimension_histories.py`, in more steps."""
    chance = random.Random(1)
    keys = [f"K{number}" for number in range(40)]
    history, processed = SparkHistory(spark), set[int]()
    states = {key: KeyState() for key in keys}
    last: dict[str, dict[int, Observation]] = {key: {} for key in keys}
    # The few are in order, late, and a day again that has a later one.
    for step, day in enumerate([chance.randint(1, 6) for _ in range(8)] if soak else (3, 2, 2)):
        told: dict[str, Observation] = {}
        for key in keys:
            value = chance.choice(["a", "b", None, ""])
            choices: list[Observation] = [Told(value, f"u{step}"), Told(value, f"u{step}"), ABSENT, UNKNOWN]
            told[key] = chance.choice(choices)
        history.land(day, told)
        for key in keys:
            land(states[key], day, told[key], processed)
            last[key][day] = told[key]
        processed.add(day)
        found = history.histories()
        for key in keys:
            expected = [(*version, states[key].untracked) for version in states[key].versions]
            assert found.get(key, []) == expected, (step, key)
            assert states[key].versions == oracle(last[key])
    # A snapshot that says nothing new stages nothing.
    newest = max(processed)
    same = {key: last[key][newest] for key in keys}
    assert history.land(newest, same) == 0
    assert history.land(newest + 1, same) == 0


def test_a_newly_tracked_column_makes_no_false_version_and_counts_from_then_on() -> None:
    from medallion.dimensions.scd2 import tracked_since

    one, two, three = day_of(1), day_of(2), day_of(3)
    assert tracked_since(("a", "b"), {one: ("a",), two: ("a", "b"), three: ("a", "b")}) == {"a": dt.date.min, "b": two}
    assert tracked_since(("b",), {one: ("b",), two: ("a",)}) == {"b": None}


def test_a_predicate_of_thousands_of_keys_holds_for_just_those(spark: SparkSession) -> None:
    from medallion.dimensions.scd2 import of_keys
    from medallion.lake.business_keys import business_key

    # In another order than numbers have, with quotes and with letters past ASCII.
    codes = [f"{prefix}{number}" for prefix in ("K", "k'", "Ü") for number in range(1500)]
    stored = spark.createDataFrame([(code,) for code in codes], "code string")
    named = stored.where(stored["code"].endswith("1") | (stored["code"] == "k'0"))
    keys = [row[0] for row in named.select(business_key(("code",))).collect()]
    assert len(keys) == 451

    found = stored.where(of_keys(CONTRACT, [*keys, *(f'["absent{number}"]' for number in range(3000))]))

    assert sorted(row["code"] for row in found.collect()) == sorted(row["code"] for row in named.collect())
