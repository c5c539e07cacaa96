"""`lineage` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.commands.command import DONE, NOT_DONE
from cli.main import main


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What the command prints when it is done."""
    assert main(["lineage", *arguments]) == DONE
    return capsys.readouterr().out


def test_a_column_is_followed_both_ways(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "gold.sales_obt.sales_qty") == (
        "gold.sales_obt.sales_qty\n"
        "comes from\n"
        "  silver.transactions.sales_qty  copied\n"
        "    bronze.atliqsale.transactions.sales_qty  copied\n"
        "      mysql.atliqsale.transactions.sales_qty  copied\n"
        "rests on it\n"
        "  kpi.sales_obt.quantity  aggregated: sum(sales_qty)\n"
        "  kpi.sales_obt.average_price  aggregated: sum(revenue_inr) / sum(sales_qty)\n"
    )
    assert printed(capsys, "kpi.sales_obt.sales") == (
        "kpi.sales_obt.sales\ncomes from\n  no column\nrests on it\n  no column\n"
    )


def test_a_table_is_told_by_its_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "atliqsale.market") == (
        "mysql.atliqsale.market\n"
        "  market_code → no value, but it decides\n"
        "  market_name → gold.sales_obt.market_name\n"
        "  zone        → gold.sales_obt.zone\n"
    )
    lines = printed(capsys, "gold.sales_obt").splitlines()
    assert lines[0] == "gold.sales_obt"
    assert "  sales_qty     ← mysql.atliqsale.transactions.sales_qty" in lines
    assert "  revenue_inr   ← mysql.atliqsale.transactions.currency, mysql.atliqsale.transactions.sales_amount" in lines


def test_programs_read_it_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    (column,) = json.loads(printed(capsys, "--json", "silver.date.month_name"))
    assert column["column"] == "silver.date.month_name"
    assert column["comes_from"][1] == {
        "from": "mysql.atliqsale.date.month_name",
        "to": "bronze.atliqsale.date.month_name",
        "kind": "copied",
        "how": "",
    }
    assert [step["to"] for step in column["rests_on_it"]] == ["gold.sales_obt.month_name"]
    assert len(json.loads(printed(capsys, "--json", "mysql.atliqsale.market"))) == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["gold.sales_obt.revenue"], "gold.sales_obt has no column revenue; it has order_date, year, "),
        (["gold.sales"], "no contract has a table or column gold.sales; there are the tables gold.sales_obt\n"),
        (["gold.sales_obt", "--contracts", "/nowhere"], "the contracts' folder /nowhere does not exist"),
    ],
)
def test_what_is_not_there_is_told_in_one_message(
    capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert main(["lineage", *arguments]) == NOT_DONE
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert told in error


def test_a_contract_that_is_wrong_is_told_with_its_file(
    contracts_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = contracts_folder / "market.odcs.yaml"
    file.write_text(file.read_text().replace("transformLogic: ", "transformLogic: sum( ", 1))
    assert main(["lineage", "silver.market", "--contracts", str(contracts_folder.parent)]) == NOT_DONE
    assert "market.odcs.yaml" in capsys.readouterr().err
