"""The conservation law: what makes it hold, and what is said where it does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakehouse.daily_run.planning import TablePlan
from lakehouse.daily_run.reconciliation import Reconciliation, reconcile
from lakehouse.errors import ReconciliationError
from lakehouse.ledger import LedgerRow

from lake_model.contracts.silver_contract import OneBigTableContract

SALES = TablePlan(
    schema="shop",
    table="sales",
    label="sales",
    contracted=True,
    lake_name="fact_sales",
    kind="fact",
    change_detection="fingerprint",
    date_column="day",
    contract_file="fact_sales.odcs.yaml",
    contracted_columns=(),
    measures=("amount",),
)
WIDE = OneBigTableContract(
    file="wide.odcs.yaml",
    schema="shop",
    name="wide",
    fact="fact_sales",
    joins=(),
    columns=(),
    partition_column="day",
    measures=("amount", "revenue"),
)


def row(stage: str, table: str, dates: Sequence[Mapping[str, Any]] = (), **changes: Any) -> LedgerRow:
    """A successful ledger row with these figures by date."""
    made = LedgerRow(
        schema="shop",
        table=table,
        stage=stage,
        business_date="2026-11-20",
        run_id="r",
        status="success",
        outcome="done",
        rows_read=0,
        rows_written=0,
        bytes_written=0,
        seconds=0,
        started_at="",
        ended_at="",
        detail={"dates": list(dates)},
    )
    return replace(made, **changes)


def landed(slice: str, rows: int, amount: str | None) -> dict[str, Any]:
    """A manifest's slice."""
    return {"slice": slice, "rows": rows, "sums": {"amount": amount}, "files": [f"{slice}.parquet"]}


def read(silver: LedgerRow, *slices: dict[str, Any], **publication: str) -> LedgerRow:
    """A silver row of a run that read a manifest with these slices, its own run's unless said otherwise."""
    own = {"run_id": "r", "business_date": "2026-11-20", "copied_at": "2026-11-21T00:10:00.000000Z"}
    told = [{name: entry[name] for name in ("slice", "rows", "sums")} for entry in slices]
    return replace(silver, detail={**silver.detail, "landed": {**own, **publication, "slices": told}})


def manifest(*slices: dict[str, Any], stored: int = 0) -> dict[str, Any]:
    """A manifest, each of whose files holds `stored` rows."""
    return {"slices": list(slices), "files": {file: {"rows": stored} for entry in slices for file in entry["files"]}}


def judged(slice: str, rows: tuple[int, int, int, int], amounts: tuple[str, str, str, str]) -> dict[str, Any]:
    """Silver's figures of a slice: of bronze, silver, quarantine and duplicates."""
    places = ("bronze", "silver", "quarantined", "duplicate")
    return {
        "slice": slice,
        **{f"rows_{place}": number for place, number in zip(places, rows, strict=True)},
        "sums": {"amount": dict(zip(places, amounts, strict=True))},
    }


def refreshed(slice: str, silver: int, gold: int, amount: str, revenue: str) -> dict[str, Any]:
    """Gold's figures of a slice."""
    sums = {"amount": {"silver": amount, "gold": amount}, "revenue": {"silver": revenue, "gold": revenue}}
    return {"slice": slice, "rows_silver": silver, "rows_gold": gold, "sums": sums}


LANDED = (landed("2026-11-19", 5, "100.10"), landed("undated", 1, "0"))
GOOD_SILVER = read(
    row(
        "silver",
        "fact_sales",
        [
            judged("2026-11-19", (5, 3, 1, 1), ("100.10", "60.05", "20.025", "20.025")),
            judged("undated", (1, 0, 1, 0), ("0", "0", "0", "0")),
        ],
    ),
    *LANDED,
)
GOOD_GOLD = row("gold", "wide", [refreshed("2026-11-19", 3, 3, "60.0500", "4503.75")])


COPIED = row("copy", "sales", outcome="copied", started_at="2026-11-21T00:09:00+00:00")


def good(rows: Sequence[LedgerRow] = (GOOD_SILVER, GOOD_GOLD)) -> Reconciliation:
    """The reconciliation of one fact table and its One Big Table."""
    return reconcile([SALES], {}, rows, [WIDE])


def messages(found: Reconciliation) -> list[str]:
    """What the error lists."""
    with pytest.raises(ReconciliationError) as caught:
        found.raise_if_broken()
    return str(caught.value).splitlines()[1:]


def test_figures_that_agree_reconcile() -> None:
    found = good()

    assert found.holds
    found.raise_if_broken()
    assert found.as_dict() == {
        "holds": True,
        "compared": 4,
        "totals": {
            "sales.source": {"rows": 6, "sums": {"amount": "100.10"}},
            "sales.bronze": {"rows": 6, "sums": {"amount": "100.10"}},
            "sales.silver": {"rows": 3, "sums": {"amount": "60.05"}},
            "sales.quarantined": {"rows": 2, "sums": {"amount": "20.025"}},
            "sales.duplicate": {"rows": 1, "sums": {"amount": "20.025"}},
            "wide.silver": {"rows": 3, "sums": {"amount": "60.0500", "revenue": "4503.75"}},
            "wide.gold": {"rows": 3, "sums": {"amount": "60.0500", "revenue": "4503.75"}},
            "wide.fact": {"rows": 3, "sums": {"amount": "60.05"}},
        },
        "mismatches": [],
        "missing": [],
        "not_compared": {},
        "overtaken": {},
    }


def test_rows_and_sums_that_bronze_lacks_are_named_by_table_date_and_measure() -> None:
    found = good([read(GOOD_SILVER, landed("2026-11-19", 6, "100.11"), LANDED[1]), GOOD_GOLD])

    assert messages(found) == [
        "sales 2026-11-19: rows, bronze = source: expected 6, found 5 (-1)",
        "sales 2026-11-19: sum of amount, bronze = source: expected 100.11, found 100.10 (-0.01)",
    ]


def test_a_row_lost_in_silver_is_found() -> None:
    dates = [
        judged("2026-11-19", (5, 2, 1, 1), ("100.10", "60.05", "20.025", "20.025")),
        GOOD_SILVER.detail["dates"][1],
    ]
    gold = row("gold", "wide", [refreshed("2026-11-19", 2, 2, "60.05", "1")])

    assert messages(good([read(row("silver", "fact_sales", dates), *LANDED), gold])) == [
        "sales 2026-11-19: rows, silver + quarantined + duplicates = bronze: expected 5, found 4 (-1)"
    ]


def test_a_date_that_silver_never_processed_and_one_that_it_invented_are_found() -> None:
    dates = [
        judged("2026-11-18", (5, 3, 1, 1), ("100.10", "60.05", "20.025", "20.025")),
        GOOD_SILVER.detail["dates"][1],
    ]
    gold = row("gold", "wide", [refreshed("2026-11-18", 3, 3, "60.05", "1")])

    assert messages(good([read(row("silver", "fact_sales", dates), *LANDED), gold])) == [
        "sales 2026-11-18: rows, bronze = source: expected 0, found 5 (+5)",
        "sales 2026-11-18: sum of amount, bronze = source: expected 0, found 100.10 (+100.10)",
        "sales 2026-11-19: rows, bronze = source: expected 5, found 0 (-5)",
        "sales 2026-11-19: sum of amount, bronze = source: expected 100.10, found 0 (-100.10)",
    ]


def test_gold_that_lags_behind_silver_is_found() -> None:
    gold = row("gold", "wide", [refreshed("2026-11-19", 2, 2, "60.05", "1")])

    assert messages(good([GOOD_SILVER, gold])) == [
        "wide 2026-11-19: rows, silver as gold read it = silver: expected 3, found 2 (-1)"
    ]


def test_gold_with_other_rows_or_sums_than_silver_is_found() -> None:
    entry = refreshed("2026-11-19", 3, 4, "60.05", "7")
    entry["sums"]["revenue"]["gold"] = "8"

    assert messages(good([GOOD_SILVER, row("gold", "wide", [entry])])) == [
        "wide 2026-11-19: rows, gold = silver: expected 3, found 4 (+1)",
        "wide 2026-11-19: sum of revenue, gold = silver: expected 7, found 8 (+1)",
    ]


def test_a_date_that_gold_does_not_have_is_found() -> None:
    assert messages(good([GOOD_SILVER, row("gold", "wide")]))[0] == (
        "wide 2026-11-19: rows, silver as gold read it = silver: expected 3, found 0 (-3)"
    )


def test_stages_that_left_no_figures_are_named() -> None:
    assert messages(good([])) == [
        "sales: silver left no figures (it did not run)",
        "wide: gold left no figures (it did not run)",
    ]
    failed = [replace(GOOD_SILVER, status="failed"), replace(GOOD_GOLD, status="failed")]
    assert messages(good(failed)) == ["sales: silver left no figures (failed)", "wide: gold left no figures (failed)"]
    old = row("silver", "fact_sales", GOOD_SILVER.detail["dates"])
    assert messages(good([old, GOOD_GOLD])) == [
        "sales: silver does not say what it read: clear its silver with downstream"
    ]


def test_what_another_run_published_before_silver_read_is_told_and_is_no_difference() -> None:
    later = {"run_id": "backfill", "business_date": "2026-11-18", "copied_at": "2026-11-21T00:12:00.000000Z"}

    found = good([COPIED, read(GOOD_SILVER, *LANDED, **later), GOOD_GOLD])

    assert found.holds
    assert found.overtaken == {
        "sales": "silver read what run backfill of business date 2026-11-18 saw at 2026-11-21T00:12:00.000000Z, which "
        "came after this run's copy"
    }
    assert good([COPIED, GOOD_SILVER, GOOD_GOLD]).overtaken == {}


def test_a_row_lost_from_what_another_run_published_is_found_all_the_same() -> None:
    lost = read(GOOD_SILVER, landed("2026-11-19", 6, "100.10"), LANDED[1], run_id="backfill")

    assert messages(good([COPIED, lost, GOOD_GOLD])) == [
        "sales 2026-11-19: rows, bronze = source: expected 6, found 5 (-1)"
    ]


def test_silver_that_has_not_seen_what_this_run_copied_is_found() -> None:
    older = read(GOOD_SILVER, *LANDED, run_id="before", copied_at="2026-11-20T00:10:00.000000Z")

    assert messages(good([COPIED, older, GOOD_GOLD])) == [
        "sales: silver read what run before of business date 2026-11-20 saw at 2026-11-20T00:10:00.000000Z, which is "
        "older than this run's copy"
    ]
    assert good([replace(COPIED, outcome="unchanged"), older, GOOD_GOLD]).holds


def test_gold_that_read_what_another_run_left_in_silver_is_held_against_what_it_read() -> None:
    silver = at(GOOD_SILVER, "a", 7)
    newer = row("gold", "wide", [refreshed("2026-11-19", 9, 9, "90", "1")])

    for moved in (at(newer, "a", 8), at(newer, "b", 2)):
        found = good([silver, moved])
        assert found.holds
        assert list(found.overtaken) == ["wide"]
    assert not good([silver, at(newer, "a", 7)]).holds
    assert not good([silver, at(newer, "a", 6)]).holds
    broken = row("gold", "wide", [refreshed("2026-11-19", 9, 8, "90", "1")])
    assert messages(good([silver, at(broken, "a", 8)])) == [
        "wide 2026-11-19: rows, gold = silver: expected 9, found 8 (-1)"
    ]
    assert good([silver, at(GOOD_GOLD, "a", 8)]).overtaken == {}


def at(stage: LedgerRow, table_id: str, version: int) -> LedgerRow:
    """The row with the commit of silver that its stage left or read."""
    return replace(stage, detail={**stage.detail, "silver": {"id": table_id, "version": version}})


def test_gold_alone_is_compared_where_its_fact_table_was_not_part_of_the_run() -> None:
    assert reconcile([], {}, [GOOD_GOLD], [WIDE]).holds
    broken = row("gold", "wide", [refreshed("2026-11-19", 3, 2, "60.05", "1")])
    assert messages(reconcile([], {}, [broken], [WIDE])) == [
        "wide 2026-11-19: rows, gold = silver: expected 3, found 2 (-1)"
    ]


def test_a_table_without_a_contract_is_compared_between_source_and_files() -> None:
    plan = replace(SALES, table="notes", contracted=False, lake_name=None, measures=(), date_column=None)

    copied = row("copy", "notes")

    assert reconcile([plan], {"notes": manifest(landed("all", 7, None), stored=7)}, [copied], []).holds
    found = reconcile([plan], {"notes": manifest(landed("all", 7, None), stored=6)}, [copied], [])
    assert messages(found) == ["notes all: rows, bronze = source: expected 7, found 6 (-1)"]
    assert messages(reconcile([plan], {}, [copied], [])) == ["notes: bronze has no manifest of this run"]
    failed = replace(copied, status="failed", outcome="failed", error="column x has an unknown type")
    found = reconcile([plan], {"notes": manifest(landed("all", 7, None), stored=6)}, [failed], [])
    assert found.holds
    assert found.not_compared == {"notes": "it was not copied (column x has an unknown type)"}


def test_a_table_without_a_snapshot_of_the_date_is_left_alone_with_its_reason() -> None:
    copied = row("copy", "sales", status="skipped", outcome="no_snapshot")

    found = reconcile([SALES], {}, [copied], [])

    assert found.holds
    assert found.not_compared == {"sales": "no snapshot was landed on this date, so there is nothing to compare"}


def test_an_older_snapshot_of_a_dimension_without_history_is_not_compared() -> None:
    older = row("silver", "fact_sales", outcome="superseded")

    found = reconcile([SALES], {}, [older], [])

    assert found.holds
    assert list(found.not_compared) == ["sales"]


def test_only_the_first_twenty_of_many_are_listed() -> None:
    slices = [landed(f"2026-01-{day:02}", 1, "1") for day in range(1, 32)]

    lines = messages(reconcile([SALES], {}, [read(row("silver", "fact_sales"), *slices)], []))

    assert len(lines) == 21
    assert lines[-1] == "… and 42 more"


def test_sums_are_exact_beyond_what_a_float_or_28_digits_hold() -> None:
    huge = "9" * 80 + ".000000000000000000000000000001"
    silver = row("silver", "fact_sales", [judged("d", (2, 1, 1, 0), (huge, "9" * 80, "0." + "0" * 29 + "1", "0"))])

    assert reconcile([SALES], {}, [read(silver, landed("d", 2, huge))], []).holds
    off = "9" * 80 + ".000000000000000000000000000002"
    found = reconcile([SALES], {}, [read(silver, landed("d", 2, off))], [])
    assert [mismatch.found - mismatch.expected for mismatch in found.mismatches] != [Decimal(0)]
    assert messages(found)[0].endswith("(-0.000000000000000000000000000001)")


amounts = st.decimals(min_value=-(10**12), max_value=10**12, places=4)
fates = st.lists(st.tuples(st.sampled_from(["silver", "quarantined", "duplicate"]), amounts), max_size=30)


@given(fates=fates, lost=st.integers(0, 29))
def test_rows_shared_out_among_silver_quarantine_and_duplicates_reconcile_and_one_lost_never_does(
    fates: list[tuple[str, Decimal]], lost: int
) -> None:
    def figures(rows: list[tuple[str, Decimal]]) -> dict[str, Any]:
        places = ("silver", "quarantined", "duplicate")
        counts = tuple(sum(fate == place for fate, _ in rows) for place in places)
        sums = tuple(str(sum((a for fate, a in rows if fate == place), Decimal(0))) for place in places)
        return judged("d", (len(fates), *counts), (total, *sums))  # type: ignore[arg-type]

    total = str(sum((amount for _, amount in fates), Decimal(0)))
    source = landed("d", len(fates), total)

    assert reconcile([SALES], {}, [read(row("silver", "fact_sales", [figures(fates)]), source)], []).holds
    if fates:
        kept = fates[: lost % len(fates)] + fates[lost % len(fates) + 1 :]
        assert not reconcile([SALES], {}, [read(row("silver", "fact_sales", [figures(kept)]), source)], []).holds
