"""From a date of gold back to the source."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from lakehouse.errors import ContractError, StorageError
from lakehouse.lake.delta_table import folder_lake
from lakehouse.trace import Trace, trace_date

from lake_model.bronze_manifest import Server
from tests.lakehouse.traced_lake import CONTRACTS, NEW, OLD, write_manifest, write_traced_lake


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake of two runs."""
    write_traced_lake(tmp_path)
    return tmp_path


def facts_of(trace: Trace) -> dict[str, dict[str, str]]:
    """What is known, without the moments of this test."""
    return {
        step.layer: {fact.name: fact.text.partition(" of 20")[0] for fact in step.facts if fact.name != "folder"}
        for step in trace.steps
    }


def test_a_date_is_followed_to_its_silver_its_file_its_runs_and_the_sources_position(lake: Path) -> None:
    found = trace_date(folder_lake(lake), CONTRACTS, "sales_obt", NEW)
    digest = facts_of(found)["silver"]["contract's digest"].removesuffix(", with waivers")
    assert found.notes == ()
    assert facts_of(found) == {
        "gold": {
            "table": "gold.sales_obt", "rows of": "2026-06-30", "version": "0", "made of silver.customer": "version 9",
            "made of silver.transactions": "version 1",
        },
        "silver": {
            "table": "silver.transactions", "written by version": "1", "run": "second of business date 2026-06-30",
            "contract": "transactions.odcs.yaml, version 1.0.0", "contract's digest": digest,
            "rows taken from bronze": "3", "of them removed as duplicates": "1",
        },
        "bronze": {
            "index": "business_date=2026-06-30/_manifest.json", "file": "business_date=2026-06-30/part-0.parquet",
            "of the file": f"3 rows, SHA-256 {'ab' * 32}", "fingerprint": "2026-06-30 second", "rows": "3",
            "sum of sales_qty": "7", "run": "second of business date 2026-06-30",
            "copied at": "2026-06-30T02:00:00+00:00",
        },
        "source": {
            "table": "atliqsale.transactions", "server": "8.4.6", "position in its binary log": "binlog.000008:15",
            "GTID": "3e11:1-5", "query": "SELECT customer_code FROM transactions",
        },
    }  # fmt: skip


def test_a_date_that_a_later_run_did_not_touch_keeps_the_run_file_and_position_of_its_copy(lake: Path) -> None:
    found = facts_of(trace_date(folder_lake(lake), CONTRACTS, "sales_obt", OLD))
    assert found["silver"]["written by version"] == "0"
    assert found["bronze"]["file"] == "business_date=2026-06-29/part-0.parquet"
    assert found["bronze"]["run"] == "first of business date 2026-06-29"
    assert found["source"]["position in its binary log"] == "binlog.000007:4711"


def test_a_contract_that_has_changed_since_is_told(lake: Path, tmp_path: Path) -> None:
    import shutil

    contracts = Path(shutil.copytree(CONTRACTS, tmp_path / "atliqsale"))
    file = contracts / "transactions.odcs.yaml"
    file.write_text(file.read_text().replace("nullif(trim(product_code), '')", "trim(product_code)"))
    assert (
        facts_of(trace_date(folder_lake(lake), contracts, "sales_obt", OLD))["silver"]["contract"]
        == "an earlier transactions.odcs.yaml"
    )


def test_what_was_replaced_or_is_not_taken_over_yet_is_said(lake: Path) -> None:
    # The business date of the first copy was run again, and the newer date was copied once more.
    write_manifest(lake, OLD, "again", {OLD: OLD, NEW: OLD}, Server("8.4.6"))
    write_manifest(lake, NEW, "third", {OLD: NEW, NEW: NEW}, Server("8.4.6"))
    found = trace_date(folder_lake(lake), CONTRACTS, "sales_obt", OLD)
    assert found.notes == ("bronze has newer rows of this date than silver: the next run takes them over",)
    assert facts_of(found)["source"]["position in its binary log"] == "not shown to the account"


def test_a_date_without_rows_is_said(lake: Path) -> None:
    found = trace_date(folder_lake(lake), CONTRACTS, "sales_obt", dt.date(2030, 1, 1))
    assert [step.layer for step in found.steps] == ["gold"]
    assert [note.partition(":")[0] for note in found.notes] == [
        "silver has no rows of 2030-01-01, or does not say any more how they came",
        "bronze's index names no rows of 2030-01-01",
    ]


def test_without_a_table_or_its_contract_it_says_what_to_do(lake: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no gold table sales_obt in the lake yet: run the DAG"):
        trace_date(folder_lake(tmp_path / "nothing"), CONTRACTS, "sales_obt", NEW)
    with pytest.raises(ContractError, match="there is no contract for table 'nothing'"):
        trace_date(folder_lake(lake), CONTRACTS, "nothing", NEW)


def test_the_open_part_has_no_figure_no_column_and_no_fingerprint(lake: Path) -> None:
    part = trace_date(folder_lake(lake), CONTRACTS, "sales_obt", NEW).open_part()
    text = str(facts_of(part))
    assert [
        word for word in ("sales_qty", "customer", "SHA", "fingerprint", "duplicates", "SELECT") if word in text
    ] == []
    assert {"position in its binary log", "table"} <= facts_of(part)["source"].keys()
