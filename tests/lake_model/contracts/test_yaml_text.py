"""A value of a contract's YAML is what its text says; where YAML would read another one, the check names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lake_model.contracts.table_contracts import load_contracts, read_silver_contract
from lake_model.contracts.yaml_text import read_yaml
from tests.lake_model.contracts.spoiling import problems

VALUES = "validValues: [INR, USD]"


def with_text(folder: Path, name: str, old: str, new: str) -> int:
    """Replaces a text of a contract; gives its line."""
    path = folder / f"{name}.odcs.yaml"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    return text[: text.index(old)].count("\n") + 1


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("01", "1"), ("010", "8"), ("12:30", "750"), ("0x1F", "31"), ("1_000", "1000"), ("0b11", "3"),
        ("190:20:30.15", "685230.15"), ("12345678901234567.25", "1.2345678901234568e+16"),
    ],
)  # fmt: skip
def test_a_number_that_yaml_reads_otherwise_is_to_be_quoted(contracts_folder: Path, text: str, number: str) -> None:
    line = with_text(contracts_folder, "transactions", VALUES, f"validValues: [INR, {text}]")

    assert problems(contracts_folder) == [
        f"transactions.odcs.yaml: line {line}: schema[transactions].properties[currency].quality"
        f"[currency_valid_values].arguments.validValues[1]: '{text}': YAML reads this as {number}: quote it, or write "
        "the number out"
    ]

    with_text(contracts_folder, "transactions", f"validValues: [INR, {text}]", f"validValues: [INR, '{text}']")
    assert load_contracts(contracts_folder)


def test_a_waivers_number_is_read_so_too(contracts_folder: Path) -> None:
    waiver = "waivers:\n- {table: date, rows: {year: 02017}, reason: Known., until: 2026-12-31}\n"
    (contracts_folder / "waivers.yaml").write_text(waiver)

    assert problems(contracts_folder) == [
        "waivers.yaml: line 2: waivers[0].rows.year: '02017': YAML reads this as 1039: quote it, or write the number "
        "out"
    ]


def test_a_decimal_in_a_list_of_texts_is_to_be_quoted(contracts_folder: Path) -> None:
    line = with_text(contracts_folder, "transactions", VALUES, "validValues: [INR, 1.10]")

    (said,) = problems(contracts_folder)

    assert said.startswith(f"transactions.odcs.yaml: line {line}: ")
    assert said.endswith("['INR', 1.1]: must be a text: YAML reads 1.1 as a number, so quote it")


def test_a_date_need_not_be_quoted(contracts_folder: Path) -> None:
    found = []
    old = "      - name: year\n"
    for text in ("2017-01-01", "'2017-01-01'"):
        new = f"        logicalTypeOptions: {{minimum: {text}}}\n{old}"
        with_text(contracts_folder, "date", old, new)
        found.append(read_silver_contract(contracts_folder, "date"))
        with_text(contracts_folder, "date", new, old)

    assert found[0].rules == found[1].rules
    assert [rule.arguments for rule in found[0].rules if rule.name == "cy_date_minimum"] == [
        (("minimum", "2017-01-01"),)
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: " + "[" * 100 + "]" * 100, "it is nested too deeply"),
        ("a: &a [*a]", "it is nested too deeply"),
        ("a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
            f"{new}: &{new} [{','.join(['*' + old] * 10)}]\n" for old, new in zip("abcdef", "bcdefg", strict=True)
        ), r"its aliases \(\*\) repeat it too often"),
    ],
    ids=["deep", "in itself", "aliases of aliases"],
)  # fmt: skip
def test_a_document_beyond_reason_is_refused(contracts_folder: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_yaml(text)

    (contracts_folder / "market.odcs.yaml").write_text(text)
    assert problems(contracts_folder) == [
        f"market.odcs.yaml: file: '{message.replace(chr(92), '')}': cannot be read: correct it"
    ]
