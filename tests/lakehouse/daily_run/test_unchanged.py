"""Whether a table goes to Databricks, told from the lake's small objects alone; each thing it depends on sends it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from lakehouse.daily_run.unchanged import QuietDay, ReasonToRunError
from lakehouse.ledger import LedgerRow

from lake_model.contracts.table_contracts import read_silver_contract
from lake_model.contracts.waivers_in_force import waivers_digest
from lake_model.table_state import TableVersion, state_path
from tests.conftest import PROJECT
from tests.lakehouse.quiet_lake import DAY, NEXT, SILVER, Lake, make_lake, plan_of

WAIVER = {"table": "market", "rule": "market_name_required", "reason": "to be named", "until": DAY.isoformat()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return make_lake(tmp_path_factory.mktemp("lake"))


@pytest.fixture
def lake(made: Lake, tmp_path: Path) -> Lake:
    """A copy of it, free to be changed."""
    shutil.copytree(made.root, tmp_path, dirs_exist_ok=True)
    return Lake(tmp_path, tmp_path / "contracts/atliqsale", dict(made.digests))


def silver_row(day: QuietDay, table: str) -> LedgerRow:
    return day.silver_row(plan_of(table))


def reason_of(day: QuietDay, table: str) -> str | None:
    try:
        day.gold_row(table) if table == "sales_obt" else silver_row(day, table)
    except ReasonToRunError as found:
        return str(found)
    return None


def test_a_table_whose_ground_is_as_it_was_has_the_figures_of_the_run_that_it_stands_on(lake: Lake) -> None:
    row = silver_row(lake.day(), "customer")

    assert (row.business_date, row.run_id, row.status, row.outcome) == ("2026-11-21", "quiet", "success", "unchanged")
    assert (row.rows_read, row.rows_written, row.bytes_written, row.seconds) == (0, 0, 0, 0.0)
    assert row.detail == {
        "dates": [{"slice": "all", "rows_silver": 2}],
        "versions_opened": 0,
        "versions_closed": 0,
        # Today's word of the source, which the figures are held against.
        "landed": {
            "run_id": "copy_2026-11-21",
            "business_date": "2026-11-21",
            "copied_at": "2026-11-21T01:00:00Z",
            "slices": [{"slice": "all", "rows": 2, "sums": {}}],
        },
        "expectations_not_met": [],
        "waivers_ended": [],
        "unchanged_since": "2026-11-18",
    }
    sums = silver_row(lake.day(), "transactions").detail["landed"]["slices"]
    assert sums == [{"slice": "2026-11-20", "rows": 2, "sums": {"sales_qty": "0", "sales_amount": "5.00"}}]
    # The same date again: its own figures.
    assert silver_row(lake.day(DAY), "customer").detail["versions_opened"] == 1


def test_a_contract_whose_text_is_as_it_was_is_not_read(lake: Lake) -> None:
    texts = lake.texts
    (lake.contracts / "customer.odcs.yaml").write_text("no contract")
    assert reason_of(lake.day(), "customer") is not None
    state = lake.root / state_path("atliqsale", "customer", "silver")
    state.write_text(json.dumps(json.loads(state.read_text()) | {"texts": texts("customer")}))

    assert reason_of(lake.day(), "customer") is None


def test_gold_stands_on_its_silver(lake: Lake) -> None:
    row = lake.day().gold_row("sales_obt")

    assert (row.stage, row.outcome, row.business_date) == ("gold", "unchanged", "2026-11-21")
    assert (row.detail["mode"], row.detail["dates_rewritten"], row.detail["unchanged_since"]) == (
        "unchanged",
        [],
        "2026-11-18",
    )


def test_a_new_unit_of_a_measure_sends_gold_for_the_sake_of_its_views(lake: Lake) -> None:
    def rename(table: dict[str, Any]) -> None:
        (kpis,) = [one for one in table["customProperties"] if one["property"] == "kpis"]
        kpis["value"][0]["unit"] = "EUR"

    lake.edit("sales_obt", rename)
    assert reason_of(lake.day(), "sales_obt") == "its contract changed, or that of a table in it"
    assert [reason_of(lake.day(), table) for table in SILVER] == [None] * 5


CHANGES: dict[str, tuple[Callable[[Lake], object], str, str]] = {
    "a snapshot": (lambda lake: lake.land("customer", NEXT, "2"), "customer", "what is landed changed"),
    "a slice": (lambda lake: lake.land("transactions", NEXT, "2"), "transactions", "what is landed changed"),
    "no snapshot": (
        lambda lake: shutil.rmtree(lake.root / "bronze/atliqsale/customer/business_date=2026-11-21"),
        "customer",
        "nothing was landed for it",
    ),
    "a damaged index": (
        lambda lake: (lake.root / "bronze/atliqsale/transactions/_latest.json").write_text("{"),
        "transactions",
        "it is not known whether anything changed: .*_latest.json: it is not JSON.*",
    ),
    "a contract": (
        lambda lake: lake.edit("customer", lambda table: table["properties"][1].update(transformLogic="'x'")),
        "customer",
        "its contract changed",
    ),
    "a broken contract": (
        lambda lake: (lake.contracts / "customer.odcs.yaml").write_text("{"),
        "customer",
        "it is not known whether anything changed: .*customer.odcs.yaml.*",
    ),
    "a newer date": (
        lambda lake: lake.leave("customer", business_date="2026-11-22"),
        "customer",
        r"a newer date \(2026-11-22\) was processed since",
    ),
    "a table of another hand": (
        lambda lake: lake.commit("silver", "customer", 5),
        "customer",
        "silver.customer was written after its last run that ended well",
    ),
    "a dropped table": (
        lambda lake: shutil.rmtree(lake.root / "silver/customer"),
        "customer",
        "silver.customer is not there as its last run left it",
    ),
    "a run at work": (
        lambda lake: (lake.root / state_path("atliqsale", "customer", "silver")).unlink(),
        "customer",
        "no silver run has finished since one last began",
    ),
    "a lost row": (
        lambda lake: shutil.rmtree(lake.root / "ledger"),
        "customer",
        "the ledger's row of run run of 2026-11-20 is gone",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_silver_depends_on_sends_it_to_databricks_and_no_other_table(lake: Lake, change: str) -> None:
    make, table, expected = CHANGES[change]
    make(lake)

    found = reason_of(lake.day(), table)

    assert found is not None
    assert re.fullmatch(expected, found, re.DOTALL), found
    # A lost ledger is lost for all.
    if change != "a lost row":
        assert [reason_of(lake.day(), other) for other in SILVER if other != table] == [None] * 4


def test_an_expectation_that_the_calendar_breaks_is_told_or_sends_the_table_by_its_severity(lake: Lake) -> None:
    def fresh(severity: str) -> None:
        latency = {"property": "latency", "value": 3, "unit": "d", "element": "transactions.order_date"}
        path = lake.contracts / "transactions.odcs.yaml"
        document = yaml.safe_load(path.read_text())
        document["slaProperties"] = [latency | {"customProperties": [{"property": "severity", "value": severity}]}]
        path.write_text(yaml.safe_dump(document))

    for severity in ("warning", "error"):
        fresh(severity)
        assert silver_row(lake.day(DAY + timedelta(days=3)), "transactions").detail["expectations_not_met"] == []
        late = lake.day(DAY + timedelta(days=4))
        if severity == "warning":
            (told,) = silver_row(late, "transactions").detail["expectations_not_met"]
            assert told.endswith("newest 2026-11-20, 4 days before 2026-11-24, must be at most 3 days")
        else:
            found = reason_of(late, "transactions")
            assert found is not None
            assert found.startswith("an expectation is not met (transactions.odcs.yaml")


def test_a_waiver_sends_a_table_where_it_bears_on_rows_and_is_told_of_where_it_ended(lake: Lake) -> None:
    lake.waive(WAIVER)
    market = read_silver_contract(lake.contracts, "market")
    on_the_day = waivers_digest(market, DAY)
    # No row was refused or waived, so that none matters.
    (told,) = silver_row(lake.day(), "market").detail["waivers_ended"]
    assert told.startswith("waivers.yaml line 2: it ended on 2026-11-20")
    # One of the day's own rows was, or one of an older date alone.
    lake.leave("market", waivers={"now": on_the_day})
    assert reason_of(lake.day(DAY), "market") is None
    assert reason_of(lake.day(), "market") == "its waivers changed, or one of them ended"
    lake.leave("market", waivers={"2026-11-19": on_the_day})
    assert reason_of(lake.day(), "market") is None
    lake.waive(WAIVER, WAIVER | {"until": "2026-11-19"})
    assert reason_of(lake.day(), "market") == "its waivers changed, or one of them ended"


def test_a_fact_is_sent_when_a_dimension_that_its_rules_refer_to_was_written(lake: Lake) -> None:
    lake.leave("transactions", made_from={"product": TableVersion("product", 4)})
    assert reason_of(lake.day(), "transactions") is None
    lake.commit("silver", "product", 5)
    assert reason_of(lake.day(), "transactions") == ("silver.product was written after its last run that ended well")
    lake.leave("product", table=TableVersion("product", 5))
    assert reason_of(lake.day(), "transactions") == "silver.product was written since"


def test_gold_is_sent_when_its_silver_its_contracts_or_its_table_changed(lake: Lake) -> None:
    gold = lake.day()
    assert reason_of(gold, "sales_obt") is None
    lake.leave("market", table=TableVersion("another", 4))
    assert reason_of(gold, "sales_obt") == "silver.market was written since"
    lake.leave("market")
    lake.edit("market", lambda table: table["properties"][1].update(transformLogic="'x'"))
    assert reason_of(gold, "sales_obt") == "its contract changed, or that of a table in it"
    lake.edit("market", lambda table: table["properties"][1].pop("transformLogic"))
    shutil.copy(PROJECT / "contracts/atliqsale/market.odcs.yaml", lake.contracts)
    assert reason_of(gold, "sales_obt") is None
    lake.commit("gold", "sales_obt", 5)
    assert reason_of(gold, "sales_obt") == "gold.sales_obt was written after its last run that ended well"


def test_tables_of_a_catalog_are_told_by_their_last_runs_alone(lake: Lake) -> None:
    shutil.rmtree(lake.root / "silver")
    shutil.rmtree(lake.root / "gold")
    hidden = lake.day(sees_logs=False)

    assert [reason_of(hidden, table) for table in SILVER] == [None] * 5
    assert reason_of(hidden, "sales_obt") is None
    lake.leave("market", table=TableVersion("market", 5))
    assert reason_of(hidden, "sales_obt") == "silver.market was written since"
