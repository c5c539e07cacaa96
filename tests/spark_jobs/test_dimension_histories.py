"""Random histories of a type 2 dimension, on Spark and Delta, against the definition; and made anew from bronze.

Keys have nothing to do with each other, so many keys are as many histories at once.
"""

from __future__ import annotations

import datetime as dt
import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lakehouse.daily_run.unchanged import QuietDay, ReasonToRunError

from tests.spark_jobs import thing_model as model
from tests.spark_jobs.bronze_lake import BronzeLake
from tests.spark_jobs.jobs import run_failure, run_job, stored, version
from tests.spark_jobs.thing_model import Thing

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
HISTORIES = 60
# A landing of many keys takes hardly longer than one of few, so that a soak has few tables.
PER_TABLE = 2000
PLAN = {"schema": "shop", "table": "thing", "lake_name": "thing", "kind": "dimension", "measures": ()}
ENTRIES = (
    "business_date", "row_id", "business_key", "raw_row", "_errors", "_warnings", "source_table", "first_seen_date",
    "last_seen_date", "state", "corrected_date", "history",
)  # fmt: skip


@dataclass
class Things:
    """A lake with the table ``thing``, and all that was landed in it."""

    root: Path
    lake: BronzeLake
    contracts: Path
    landed: dict[int, list[model.Row]] = field(default_factory=dict)
    processed: set[int] = field(default_factory=set)
    thing: Thing = model.BEFORE
    skipped: int = 0

    @staticmethod
    def at(root: Path) -> Things:
        contracts = root / "contracts" / "shop"
        contracts.mkdir(parents=True)
        model.BEFORE.write(contracts)
        return Things(root, BronzeLake(root, "shop"), contracts)

    def copied_to(self, root: Path) -> Things:
        shutil.copytree(self.root, root, dirs_exist_ok=True)
        lake = BronzeLake(root, "shop")
        return Things(root, lake, root / "contracts" / "shop", dict(self.landed), set(self.processed), self.thing)

    def use(self, thing: Thing) -> None:
        self.thing = thing
        thing.write(self.contracts)

    def land(self, day: int, rows: list[model.Row]) -> None:
        self.landed[day] = rows
        schema = model.arrow_schema(day)
        self.lake.land_snapshot("thing", schema, model.day_of(day).isoformat(), model.landed_rows(day, rows))

    def silver(self, day: int, *flags: str, run_id: str = "manual__1") -> dict[str, Any]:
        date = model.day_of(day).isoformat()
        row = run_job("silver", "thing", date, self.root, self.contracts, run_id, flags=flags)
        self.processed = set(self.landed) if "--rebuild=true" in flags else self.processed | {day}
        return row

    def run(self, day: int) -> None:
        """As Airflow does it: Spark is asked only where something changed."""
        if self.reason_to_run(day) is None:
            self.skipped += 1
            self.processed |= {day}
            assert self.rows() == self.expected()
        else:
            self.silver(day)
            self.check()

    def reason_to_run(self, day: int) -> str | None:
        clock = dt.datetime(2026, 11, 30, tzinfo=dt.UTC)
        date = model.day_of(day)
        try:
            QuietDay(self.root, self.contracts, True, date, "manual__1", lambda: clock).silver_row(PLAN)
        except ReasonToRunError as reason:
            return str(reason)
        return None

    def expected(self) -> list[model.Row]:
        return model.expected_rows({day: self.landed[day] for day in self.processed}, self.thing)

    def rows(self) -> list[model.Row]:
        names = [name for name in model.STORED if name != "extra" or "extra" in self.thing.columns]
        found = stored(self.root, "silver/thing", names)
        if "extra" in names:
            return found
        place = model.STORED.index("extra")
        return sorted(((*row[:place], None, *row[place:]) for row in found), key=repr)

    def entries(self) -> list[tuple[Any, ...]]:
        return stored(self.root, "silver/thing_quarantine", ENTRIES)

    def open_and_closed(self) -> list[tuple[Any, ...]]:
        names = ("business_date", "business_key", "state", "corrected_date")
        return [row for row in stored(self.root, "silver/thing_quarantine", names) if row[3] != row[0]]

    def check(self) -> None:
        told = {day: self.landed[day] for day in self.processed}
        assert self.rows() == self.expected()
        days = sorted(self.processed)
        following = dict(zip(map(model.day_of, days), [*map(model.day_of, days[1:]), None], strict=True))
        assert self.open_and_closed() == sorted(
            (
                (date, key, "corrected" if following[date] else "open", following[date])
                for date, key in model.refused_keys(told, self.thing)
            ),
            key=repr,
        )


# How many steps each contract has, and the first seed. The few hold each kind of landing: in order, late, the newest
# day again, and a day again that has later ones.
FEW, MANY = ((2, 1, 2), 27), ((3, 2, 3), 0)


def script(chance: random.Random, steps: tuple[int, int, int]) -> list[tuple[int, Thing]]:
    """Days in random order with repeats, and the contract of each step; the last day comes with the new column."""
    before, other, extra = (
        [(chance.choice(model.DAYS), thing) for _ in range(number)]
        for number, thing in zip(steps, (model.BEFORE, model.OTHER_TRACKED, model.WITH_EXTRA), strict=True)
    )
    return [*before, *other, (model.DAYS[-1], model.WITH_EXTRA), *extra]


def test_random_histories_equal_the_definition_after_every_step(
    spark: SparkSession, tmp_path: Path, histories: int, soak: bool
) -> None:
    skipped = 0
    steps, first = MANY if soak or histories > HISTORIES else FEW
    for number in range(-(-histories // PER_TABLE)):
        chance = random.Random(seed := first + number)
        keys = [f"K{one}" for one in range(min(PER_TABLE, histories - number * PER_TABLE))]
        things = Things.at(tmp_path / str(seed))
        for step, (day, thing) in enumerate(script(chance, steps)):
            things.use(thing)
            # A snapshot comes again as it was, or anew.
            if day not in things.landed or chance.random() < 0.8:
                things.land(day, model.random_snapshot(chance, keys))
            quiet = chance.choice((0, 0, 1, 2))
            try:
                things.run(day)
                for _ in range(quiet):
                    newest = max(things.landed)
                    things.land(newest + 1, things.landed[newest])
                    things.run(newest + 1)
            except AssertionError as error:
                raise AssertionError(f"seed {seed}, step {step}: {error}") from error
        skipped += things.skipped
        things.silver(min(things.landed))
        things.check()
        kept = things.rows(), things.entries()
        assert things.silver(model.DAYS[0], "--rebuild=true")["outcome"] == "rebuilt"
        assert (things.rows(), things.entries()) == kept
    # Days without a change were among them.
    assert skipped > 0


def test_large_snapshots_give_the_definition_too(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medallion.dimensions import bucket_comparison, dimension_tables, version_landing

    monkeypatch.setattr(version_landing, "MAX_ROWS", 0)
    monkeypatch.setattr(dimension_tables, "MAX_ROWS", 0)
    monkeypatch.setattr(bucket_comparison, "_ROWS_PER_BUCKET", 2)
    things, chance = Things.at(tmp_path), random.Random(1)
    keys = [f"K{number}" for number in range(24)]
    first = [(key, "a", 1, None, None) for key in keys]
    # One key is gone, one changed, one new and one refused; then all is new, and another day comes late.
    few = [("K1", "b", 1, None, None), ("K2", None, 1, None, None), ("new", "a", 1, None, None), *first[3:]]
    other = model.random_snapshot(chance, keys)
    for day, rows in [(1, first), (2, few), (5, other), (3, first)]:
        things.land(day, rows)
        things.silver(day)
        things.check()


def test_a_rebuild_needs_bronze_alone(spark: SparkSession, tmp_path: Path) -> None:
    things = Things.at(tmp_path)
    chance = random.Random(5)
    for day in (2, 3, 5):
        things.land(day, model.random_snapshot(chance, [f"K{number}" for number in range(8)]))
    # Day 6 says what day 5 said: its rows are read once.
    things.land(6, things.landed[5])
    for day in (3, 2, 6, 5):
        things.silver(day)
    things.check()
    daily = things.rows(), things.entries()
    shutil.rmtree(tmp_path / "silver")
    things.silver(2, "--rebuild=true")
    assert (things.rows(), things.entries()) == daily
    assert things.silver(6)["outcome"] == "unchanged"
    shutil.rmtree(things.lake.folder("thing") / f"business_date={model.day_of(3)}")
    failure = run_failure(
        "silver", "thing", model.day_of(2).isoformat(), tmp_path, things.contracts, flags=("--rebuild=true",)
    )
    assert "bronze no longer has the snapshots of 1 dates that it was made from (2026-11-03 to 2026-11-03)" in str(
        failure
    )
    assert things.rows() == daily[0]


def test_a_snapshot_that_repeats_the_one_before_it_is_not_read_and_the_ledger_says_so(
    spark: SparkSession, tmp_path: Path
) -> None:
    things = Things.at(tmp_path)
    things.land(1, [("K1", "a", 1, None, None)])
    figures = ("outcome", "rows_read", "rows_written", "bytes_written")
    row = things.silver(1)
    assert [row[name] for name in figures[:3]] == ["refreshed", 1, 1]
    things.land(2, [("K1", "a", 1, None, None)])
    for file in (things.lake.folder("thing") / f"business_date={model.day_of(2)}").glob("*.parquet"):
        file.unlink()
    row = things.silver(2)
    assert [row[name] for name in figures] == ["unchanged", 0, 0, 0]
    assert row["detail"]["dates"][0]["rows_bronze"] == 1
    things.check()
    things.land(3, [("K1", "b", 1, None, None)])
    assert things.silver(3)["rows_written"] == 2
    things.check()


def test_dates_without_a_run_bound_what_is_landed_before_them_and_have_their_quarantine(
    spark: SparkSession, tmp_path: Path
) -> None:
    things = Things.at(tmp_path)
    first = [("K1", "a", 1, None, None), ("K2", None, 1, None, None)]
    things.land(4, first)
    things.silver(4)
    # Day 5 is landed, and its run does not come for now.
    things.land(5, [("K1", "b", 1, None, None), ("K2", "b", 1, None, None)])
    for day in (6, 7):
        things.land(day, first)
        things.run(day)
    assert things.skipped == 2
    commits = version(tmp_path, "silver/thing")
    assert things.silver(5)["outcome"] == "refreshed"
    things.check()
    # One for the days without a run, and one for day 5.
    assert version(tmp_path, "silver/thing") == commits + 2
    assert sorted(row[1:2] + row[6:8] for row in things.rows()) == [
        ("K1", model.day_of(4), model.day_of(5)),
        ("K1", model.day_of(5), model.day_of(6)),
        ("K1", model.day_of(6), None),
        ("K2", model.day_of(5), None),
    ]
    kept = things.rows(), things.entries()
    things.silver(4, "--rebuild=true")
    assert (things.rows(), things.entries()) == kept


def test_a_run_that_is_needed_says_why_and_a_snapshot_may_take_back_its_word(
    spark: SparkSession, tmp_path: Path
) -> None:
    things = Things.at(tmp_path)
    things.land(1, [("K1", "a", 1, "first", None)])
    assert things.reason_to_run(1) == "no silver run has finished since one last began"
    things.silver(1)
    assert things.reason_to_run(1) is None
    things.land(2, [("K1", "a", 1, "second", None)])
    assert things.reason_to_run(2) == "what is landed changed"
    things.silver(2)
    assert things.reason_to_run(1) == "what is landed changed"
    # Untracked values are the newest ones, and come back with an older snapshot's.
    assert [row[4] for row in things.rows()] == ["second"]
    things.land(2, [])
    assert things.silver(2)["outcome"] == "rebuilt"
    assert [row[4] for row in things.rows()] == ["first"]
    things.check()
    things.land(3, [("K1", "a", 1, None, None)])
    things.silver(1)
    assert things.reason_to_run(2) == "no silver run has finished since one last began"
    things.silver(3)
    things.use(model.OTHER_TRACKED)
    assert things.reason_to_run(3) == "its contract changed"
    things.use(model.BEFORE)
    (tmp_path / "silver/thing/_delta_log" / f"{version(tmp_path, 'silver/thing') + 1:020}.json").touch()
    assert things.reason_to_run(3) == "silver.thing was written after its last run that ended well"
    shutil.rmtree(tmp_path / "silver/thing")
    assert things.reason_to_run(3) == "silver.thing is not there as its last run left it"


def test_more_changes_than_the_driver_holds(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medallion.dimensions import dimension_tables, landed_snapshots, version_landing
    from medallion.lake.small_frames import fetch_small
    from medallion.run import session

    held = 20
    monkeypatch.setattr(session, "_FOR_MANY_ROWS", ((held, session._FOR_MANY_ROWS[0][1]),))
    monkeypatch.setattr(landed_snapshots, "MAX_ROWS", held)
    monkeypatch.setattr(version_landing, "MAX_ROWS", held)
    monkeypatch.setattr(dimension_tables, "MAX_ROWS", held)
    monkeypatch.setattr(fetch_small, "__defaults__", (held,))
    things = Things.at(tmp_path)
    keys = [f"K{number:06}" for number in range(held + 2)]
    # Small at first: its replaced versions are marked from the first large snapshot on.
    things.land(1, [(key, "a", 1, None, None) for key in keys[:held]])
    things.land(3, [(key, "b", 1, None, None) for key in keys[1:]])
    # Of many changed keys some are late, some gone and some new.
    things.land(2, [(key, "c", 1, None, None) for key in [*keys[:-1], "new"]])
    marks = []
    for day in (1, 3, 2):
        things.silver(day)
        things.check()
        properties = spark.sql(f"SHOW TBLPROPERTIES delta.`{tmp_path}/silver/thing`").collect()
        marks += [row["value"] for row in properties if row["key"] == "delta.enableDeletionVectors"]
    assert marks == ["false", "true", "true"]


def test_a_snapshot_that_lost_most_keys_stops_the_run_until_it_is_accepted(spark: SparkSession, tmp_path: Path) -> None:
    things = Things.at(tmp_path)

    def use(thing: Thing) -> None:
        things.use(thing)
        path = things.contracts / "thing.odcs.yaml"
        path.write_text(path.read_text().replace("maxDeleteShare, value: 1", "maxDeleteShare, value: 0.25"))

    use(model.BEFORE)
    whole: list[model.Row] = [(f"K{number}", "a", 1, None, None) for number in range(4)]
    things.land(1, whole)
    things.silver(1)
    # Two are gone, and one is quarantined, which is not lost.
    things.land(2, [("K0", "a", 1, None, None), ("K1", None, 1, None, None)])
    # The contract's change makes the dimension anew, and the guard still holds the run's own snapshot.
    for thing in (model.BEFORE, model.OTHER_TRACKED):
        use(thing)
        failure = run_failure("silver", "thing", "2026-11-02", tmp_path, things.contracts)
        assert failure == (
            "silver thing 2026-11-02: thing.odcs.yaml: customProperties.maxDeleteShare: 0.25: the snapshot of "
            "2026-11-02 has lost 2 of the 4 keys of thing. Nothing was written. If the copy was incomplete, copy the "
            "table again; if the rows were deleted on purpose, run this date again with --accept-deletes true "
            "(the DAG's param accept_deletes)"
        )
    # It brings back no snapshot that was stopped.
    things.land(3, whole)
    assert things.silver(3)["outcome"] == "rebuilt"
    assert things.processed == {1, 3}
    things.check()
    assert things.silver(2, "--accept-deletes=true")["detail"]["versions_closed"] == 2
    things.check()


def test_a_retyped_column_is_cleaned_from_bronze_again(spark: SparkSession, tmp_path: Path) -> None:
    things = Things.at(tmp_path)
    things.land(1, [("K1", "12", 1, None, None), ("K2", "many", 2, None, None)])
    things.silver(1)
    path = things.contracts / "thing.odcs.yaml"
    path.write_text(
        path.read_text().replace(
            "- name: name\n        physicalType: varchar(16)\n        logicalType: string",
            "- name: name\n        physicalType: int\n        logicalType: integer",
        )
    )
    row = things.silver(1)
    assert row["outcome"] == "rebuilt"
    assert row["detail"]["quarantined_by_reason"] == {"name_type_conversion": 1, "name_required": 1}
    assert stored(tmp_path, "silver/thing", ("code", "name")) == [("K1", 12)]
