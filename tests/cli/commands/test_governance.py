"""`governance`: the SQL of the shipped contracts, what changes lead to, and what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.commands.command import DONE, FOUND_WRONG, NOT_DONE
from cli.governance.statements import file_text, read_file
from cli.main import main
from tests.conftest import PROJECT

EditContract = Callable[[str, Callable[[dict[str, Any]], None]], None]
Shown = pytest.CaptureFixture[str]
GOLD = "`lake`.`gold`.`sales_obt`"


def govern(folder: Path, *further: str) -> int:
    given = ["--catalog", "lake", "--jobs-principal", "aaaa-1", "--contracts", str(folder.parent)]
    return main(["governance", *given, *further])


def statements(text: str) -> list[str]:
    return [one.do for one in read_file(text)]


def test_rows_and_columns_are_closed_before_anybody_is_let_in(contracts_folder: Path, capsys: Shown) -> None:
    assert govern(contracts_folder) == DONE
    found = statements(capsys.readouterr().out)
    kinds = [re.match(r"CREATE OR REPLACE FUNCTION|GRANT|COMMENT|ALTER TABLE", one) for one in found]
    assert all(kinds)
    first_grant = next(place for place, one in enumerate(found) if one.startswith("GRANT"))
    closing = [place for place, one in enumerate(found) if " SET ROW FILTER " in one or " SET MASK " in one]
    assert len(closing) == 3
    assert max(closing) < first_grant
    assert all(one.startswith("GRANT") for one in found[first_grant:])


def test_the_one_big_table_has_its_filter_mask_tags_comments_and_grants(contracts_folder: Path, capsys: Shown) -> None:
    assert govern(contracts_folder, "--tables", "gold.sales_obt") == DONE
    found = statements(capsys.readouterr().out)
    member = "is_account_group_member"
    functions = "`lake`.`operations`"
    assert found[:4] == [
        f"CREATE OR REPLACE FUNCTION {functions}.`rows_gold_sales_obt`(zone STRING) RETURNS BOOLEAN RETURN "
        f"coalesce(session_user() = 'aaaa-1' OR ({member}('sales_analysts') OR {member}('data_stewards'))"
        f" OR ({member}('sales_north') AND `zone` IN ('North')) OR ({member}('sales_south') AND `zone` IN ('South'))"
        ", FALSE)",
        f"ALTER TABLE {GOLD} SET ROW FILTER {functions}.`rows_gold_sales_obt` ON (`zone`)",
        f"CREATE OR REPLACE FUNCTION {functions}.`mask_gold_sales_obt_customer_name`(hidden STRING) RETURNS STRING"
        f" RETURN CASE WHEN session_user() = 'aaaa-1' OR {member}('data_stewards') THEN hidden"
        " WHEN hidden IS NOT NULL THEN '***' END",
        f"ALTER TABLE {GOLD} ALTER COLUMN `customer_name` SET MASK {functions}.`mask_gold_sales_obt_customer_name`",
    ]
    assert (
        f"ALTER TABLE {GOLD} ALTER COLUMN `customer_name` SET TAGS ('lakehouse_classification' = 'confidential')"
        in found
    )
    assert f"ALTER TABLE {GOLD} ALTER COLUMN `customer_name` COMMENT 'Customer'" in found
    assert [one for one in found if one.startswith("GRANT SELECT")] == [
        f"GRANT SELECT ON TABLE {GOLD} TO `{group}`"
        for group in ("sales_analysts", "data_stewards", "sales_north", "sales_south")
    ]


def test_an_unchanged_contract_leads_to_nothing(contracts_folder: Path, tmp_path: Path, capsys: Shown) -> None:
    file = tmp_path / "governance.sql"
    assert govern(contracts_folder, "--output", str(file)) == DONE
    assert read_file(file_text(read_file(file.read_text()))) == read_file(file.read_text())
    capsys.readouterr()
    assert govern(contracts_folder, "--diff", str(file)) == DONE
    assert capsys.readouterr().out == ""


def test_what_a_contract_no_longer_says_is_taken_back_first(
    contracts_folder: Path, edit_contract: EditContract, tmp_path: Path, capsys: Shown
) -> None:
    file = tmp_path / "governance.sql"
    assert govern(contracts_folder, "--tables", "gold.sales_obt", "--output", str(file)) == DONE
    before = file.read_text()

    def only_analysts(document: dict[str, Any]) -> None:
        document["roles"] = [{"role": "sales_analysts", "access": "read"}]
        for column in document["schema"][0]["properties"]:
            column.pop("classification", None)

    edit_contract("sales_obt", only_analysts)
    capsys.readouterr()
    command = ["--tables", "gold.sales_obt", "--output", str(file), "--dry-run"]
    assert govern(contracts_folder, *command) == FOUND_WRONG
    assert file.read_text() == before
    gone = ["sales_south", "sales_north", "data_stewards"]
    assert capsys.readouterr().out.splitlines() == [
        *(f"REVOKE SELECT ON TABLE {GOLD} FROM `{group}`;" for group in gone),
        *(f"REVOKE USE SCHEMA ON SCHEMA `lake`.`gold` FROM `{group}`;" for group in gone),
        *(f"REVOKE USE CATALOG ON CATALOG `lake` FROM `{group}`;" for group in gone),
        f"ALTER TABLE {GOLD} ALTER COLUMN `customer_name` UNSET TAGS ('lakehouse_classification');",
        f"ALTER TABLE {GOLD} ALTER COLUMN `customer_name` DROP MASK;",
        "DROP FUNCTION IF EXISTS `lake`.`operations`.`mask_gold_sales_obt_customer_name`;",
        f"ALTER TABLE {GOLD} DROP ROW FILTER;",
        "DROP FUNCTION IF EXISTS `lake`.`operations`.`rows_gold_sales_obt`;",
    ]


def test_a_changed_rule_replaces_its_function_alone(
    contracts_folder: Path, edit_contract: EditContract, tmp_path: Path, capsys: Shown
) -> None:
    file = tmp_path / "governance.sql"
    assert govern(contracts_folder, "--output", str(file)) == DONE

    def more_zones(document: dict[str, Any]) -> None:
        document["roles"][3]["customProperties"][0]["value"] = {"zone": ["South", "Côte d'Or\n-- undo: DROP"]}

    edit_contract("sales_obt", more_zones)
    capsys.readouterr()
    assert govern(contracts_folder, "--diff", str(file)) == FOUND_WRONG
    (only,) = capsys.readouterr().out.splitlines()
    assert only.startswith("CREATE OR REPLACE FUNCTION `lake`.`operations`.`rows_gold_sales_obt`")
    assert r"`zone` IN ('South', 'Côte d\'Or\n-- undo: DROP')" in only


def test_a_group_that_reads_all_rows_sees_no_classified_column(contracts_folder: Path, capsys: Shown) -> None:
    assert govern(contracts_folder, "--tables", "gold.sales_obt", "--reads-all", "data_engineers") == DONE
    rows, _, mask, *_ = statements(capsys.readouterr().out)
    assert "is_account_group_member('data_engineers')" in rows
    assert "data_engineers" not in mask


def test_terraform_lets_readers_in_by_a_file_of_the_same_contracts(tmp_path: Path, capsys: Shown) -> None:
    """The file that infra/terraform has is what the shipped contracts say."""
    file = tmp_path / "governed.json"
    assert govern(PROJECT / "contracts" / "atliqsale", "--terraform", str(file)) == DONE
    assert (PROJECT / "infra" / "terraform" / "governed.json").read_text() == file.read_text()
    assert json.loads(file.read_text())["governed"]["gold.sales_obt"] == {
        "readers": ["data_stewards", "sales_analysts", "sales_north", "sales_south"],
        "row_filter": "rows_gold_sales_obt",
        "row_columns": ["zone"],
        "masks": {"customer_name": "mask_gold_sales_obt_customer_name"},
    }
    # What Terraform does, the SQL leaves alone.
    found = statements(capsys.readouterr().out)
    assert not [one for one in found if re.search(r"^GRANT| SET (ROW FILTER|MASK) ", one)]
    assert len([one for one in found if one.startswith("CREATE OR REPLACE FUNCTION")]) == 3


@pytest.mark.parametrize(
    ("further", "message"),
    [
        (
            ["--tables", "gold.sales"],
            "--tables: no contract is of gold.sales; there are gold.sales_obt, silver.customer",
        ),
        (["--diff", "nowhere.sql"], "nowhere.sql is not there: give the file that was run last"),
        (["--dry-run"], "--dry-run needs the file of --output, or --diff FILE"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_message(
    contracts_folder: Path, capsys: Shown, further: list[str], message: str
) -> None:
    assert govern(contracts_folder, *further) == NOT_DONE
    assert message in capsys.readouterr().err


def test_roles_of_a_silver_contract_are_checked_too(
    contracts_folder: Path, edit_contract: EditContract, capsys: Shown
) -> None:
    edit_contract("customer", lambda document: document["roles"].append({"role": "guests", "access": "write"}))
    assert govern(contracts_folder) == NOT_DONE
    assert "roles[guests].access: 'write': must be read" in capsys.readouterr().err
