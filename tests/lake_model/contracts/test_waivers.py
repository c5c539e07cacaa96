"""The waivers of a schema's contracts: what is read, and what is said of every way to get one wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from lakehouse.errors import ContractError

from lake_model.contracts.table_contracts import load_contracts


def write(folder: Path, text: str) -> None:
    (folder / "waivers.yaml").write_text(text)


def said(folder: Path) -> list[str]:
    with pytest.raises(ContractError) as caught:
        load_contracts(folder)
    return str(caught.value).splitlines()[1:]


def test_waivers_of_rules_and_of_rows_pass(contracts_folder: Path) -> None:
    write(
        contracts_folder,
        """waivers:
  - table: transactions
    rule: sales_amount_positive
    reason: Returns are booked as negative sales until the new till is in.
    until: 2026-12-31
  - {table: customer, rows: {customer_code: Cus007}, reason: Known to sales., until: "2026-11-30"}
""",
    )

    assert "transactions" in load_contracts(contracts_folder).tables


def test_every_problem_is_listed_with_its_line(contracts_folder: Path) -> None:
    write(
        contracts_folder,
        """waivers:
  - {table: sales, rule: sales_amount_positive, reason: Why not., until: 2026-12-31}
  - {table: customer, rule: customer_name_requird, reason: " ", until: soon}
  - {table: customer, rule: customer_type_valid_values, reason: Typing errors., until: 2026-12-31}
  - {table: customer, rule: customer_code_duplicate_key, reason: Merged soon., until: 2026-12-31}
  - {table: market, rows: {region: North}, reason: Moved., until: 2026-12-31, by: me}
  - {table: market, reason: All of it., until: 2026-12-31}
""",
    )

    waivable = "customer can waive customer_code_pattern, customer_name_required, customer_name_max_length, "
    waivable += "customer_type_required"
    assert said(contracts_folder) == [
        "waivers.yaml: line 2: table: 'sales': has no contract here; there are customer, date, market, product, "
        "transactions",
        "waivers.yaml: line 3: reason: ' ': is missing: say why these rows may pass",
        f"waivers.yaml: line 3: rule: 'customer_name_requird': is no rule; {waivable}",
        "waivers.yaml: line 3: until: 'soon': is no date: give the last business date that it holds on, such as "
        "2026-12-31",
        "waivers.yaml: line 4: rule: 'customer_type_valid_values': is a warning, which keeps no row out; " + waivable,
        "waivers.yaml: line 5: rule: 'customer_code_duplicate_key': guards what silver needs: no row that breaks it "
        f"can be in silver; {waivable}",
        "waivers.yaml: line 6: by: 'me': is not known; known are table, rule, rows, reason, until",
        "waivers.yaml: line 6: rows.region: 'North': market.odcs.yaml has no such column; it has market_code, "
        "market_name, zone",
        "waivers.yaml: line 7: rule: None: is missing: give the rule that is waived, the rows, or both",
    ]


@pytest.mark.parametrize("text", ["- a list", "waivers: none", "waivers: []\nmore: 1"])
def test_another_shape_is_told(contracts_folder: Path, text: str) -> None:
    write(contracts_folder, text)

    (line,) = said(contracts_folder)

    assert line.startswith("waivers.yaml: file: ")
    assert line.endswith("must be 'waivers:', a list of entries with table, rule, rows, reason, until")
