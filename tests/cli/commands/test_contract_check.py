"""The check of contracts: every kind of finding as one line, with its count, and the exit status."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.commands.command import DONE, FOUND_WRONG, NOT_DONE
from cli.main import main
from local.mysql_server import MySqlServer
from tests.lakehouse.copying import Bench, url_of

PROJECT = Path(__file__).resolve().parents[3]
Shown = pytest.CaptureFixture[str]

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: customer
version: 1.0.0
status: active
schema:
  - name: customer
    physicalName: Customer
    logicalType: object
    customProperties:
      - {property: tableKind, value: dimension}
    properties:
      - {name: code, physicalType: varchar(8), logicalType: string, primaryKey: true}
      - {name: town, physicalType: varchar(20), logicalType: string, required: true}
      - {name: since, physicalType: date, logicalType: date, required: true}
      - {name: tax_id, physicalType: int, logicalType: integer, unique: true}
      - name: region
        physicalType: varchar(9)
        logicalType: string
        required: true
        transformLogic: coalesce(region, 'none')
"""
COLUMNS = "code VARCHAR(8), town VARCHAR(20), since DATE, tax_id INT(11), region VARCHAR(9)"


@pytest.fixture
def bench(
    mysql_server: MySqlServer, fresh_schema: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Bench:
    bench = Bench(mysql_server, fresh_schema(), tmp_path / "bronze")
    monkeypatch.setenv("AIRFLOW_CONN_MYSQL_ONPREM", url_of(mysql_server, ""))
    folder = tmp_path / "contracts" / bench.schema
    folder.mkdir(parents=True)
    (folder / "customer.odcs.yaml").write_text(CONTRACT)
    monkeypatch.setenv("LAKEHOUSE_CONTRACTS_ROOT", str(tmp_path / "contracts"))
    return bench


def check(bench: Bench, shown: Shown, *words: str) -> tuple[int, str]:
    """The exit status, and what was printed of the one contract."""
    shown.readouterr()
    status = main(["contract", "check", *words])
    printed = shown.readouterr()
    assert printed.err == ""
    return status, printed.out.replace(f"{bench.schema}/customer.odcs.yaml: schema[customer].", "")


@pytest.mark.mysql
def test_a_contract_that_is_true_of_its_table_is_well(bench: Bench, capsys: Shown) -> None:
    bench.sql(f"CREATE TABLE Customer ({COLUMNS})", "INSERT INTO Customer VALUES ('a', 'x', '2026-01-01', 1, NULL)")

    assert check(bench, capsys) == (DONE, "all contracts are true of their tables\n")


@pytest.mark.mysql
def test_columns_that_differ_are_told_one_by_one(bench: Bench, capsys: Shown) -> None:
    bench.sql("CREATE TABLE Customer (code VARCHAR(9), twon VARCHAR(20), since DATE, tax_id INT, region VARCHAR(9))")

    assert check(bench, capsys) == (
        FOUND_WRONG,
        "error: properties[code].physicalType: 'varchar(8)': is varchar(9) at the source: set physicalType to that, and"
        " see that logicalType fits\n"
        "error: properties[town]: 'town': is not a column of the source (there is twon): correct physicalName, or"
        " remove the property\n"
        "warning: properties: 'twon': is a column of the source (varchar(20)) that silver will not have: add a property"
        " for it\n"
        "2 errors, 1 warning\n",
    )


@pytest.mark.mysql
def test_new_columns_are_warnings_that_strict_makes_fail(bench: Bench, capsys: Shown) -> None:
    bench.sql(f"CREATE TABLE Customer ({COLUMNS}, note TEXT)")
    line = (
        "warning: properties: 'note': is a column of the source (text) that silver will not have: add a property for"
        " it\n0 errors, 1 warning\n"
    )

    assert check(bench, capsys) == (DONE, line)
    assert check(bench, capsys, "--strict") == (FOUND_WRONG, line)


@pytest.mark.mysql
def test_a_measure_that_the_source_cannot_sum_is_told(bench: Bench, capsys: Shown) -> None:
    path = next((Path(os.environ["LAKEHOUSE_CONTRACTS_ROOT"]) / bench.schema).iterdir())
    measures = (
        "      - {property: measures, value: [points]}\n    properties:\n      - {name: points, logicalType: integer}\n"
    )
    path.write_text(CONTRACT.replace("    properties:\n", measures))
    bench.sql(f"CREATE TABLE Customer ({COLUMNS}, points VARCHAR(9))")

    assert check(bench, capsys) == (
        FOUND_WRONG,
        "error: customProperties.measures: 'points': is varchar(9) at the source, which is not summed there: remove it"
        " from measures, or copy a view that casts it to a decimal\n1 error, 0 warnings\n",
    )


@pytest.mark.mysql
def test_values_that_break_a_claim_are_counted(bench: Bench, capsys: Shown) -> None:
    bench.sql(
        f"CREATE TABLE Customer ({COLUMNS})",
        "INSERT INTO Customer VALUES ('a', 'x', '2026-01-01', 1, NULL), ('a', NULL, '0000-00-00', 2, 'n'),"
        " ('a', NULL, '2026-02-00', 2, 'n'), ('A', 'x', '2026-01-01', NULL, 'n'), ('a ', 'x', NULL, NULL, 'n')",
    )

    assert check(bench, capsys) == (
        FOUND_WRONG,
        "error: properties[town].required: True: town is not so in 2 rows: correct them, or remove required\n"
        "error: properties[since].required: True: since is not so in 3 rows (zero dates among them become NULL):"
        " correct them, or remove required\n"
        "error: primaryKey: 'code': does not tell rows apart: 3 rows share 1 value, and silver will refuse them:"
        " correct them, or choose another key\n"
        "error: properties[tax_id].unique: 'tax_id': does not tell rows apart: 2 rows share 1 value, and silver will"
        " refuse them: correct them, or choose another key\n"
        "4 errors, 0 warnings\n",
    )


@pytest.mark.mysql
def test_a_facts_missing_dates_are_counted_as_a_warning(bench: Bench, tmp_path: Path, capsys: Shown) -> None:
    bench.sql("CREATE TABLE Customer (code VARCHAR(8), since DATE)", "INSERT INTO Customer VALUES ('a', NULL)")
    text = CONTRACT.replace(
        "tableKind, value: dimension}", "tableKind, value: fact}\n      - {property: dateColumn, value: since}"
    )
    kept = [line for line in text.splitlines() if "town" not in line and "tax_id" not in line]
    path = tmp_path / "contracts" / bench.schema / "customer.odcs.yaml"
    path.write_text("\n".join(kept[: kept.index("      - name: region")]))

    assert check(bench, capsys) == (
        DONE,
        "warning: properties[since].required: True: since is not so in 1 row (zero dates among them become NULL):"
        " correct them: silver refuses a row without a date\n0 errors, 1 warning\n",
    )


@pytest.mark.mysql
def test_a_key_that_the_source_keeps_is_believed(bench: Bench, capsys: Shown) -> None:
    bench.sql(f"CREATE TABLE Customer ({COLUMNS}, PRIMARY KEY (code))")
    bench.sql("INSERT INTO Customer VALUES ('a', 'x', '2026-01-01', 1, 'n'), ('b', 'x', '2026-01-01', 1, 'n')")

    status, printed = check(bench, capsys)

    assert status == FOUND_WRONG
    assert printed.count("does not tell rows apart") == 1
    assert "properties[tax_id].unique: 'tax_id'" in printed


@pytest.mark.mysql
def test_a_table_or_schema_that_is_gone_is_an_error(bench: Bench, capsys: Shown) -> None:
    bench.sql("CREATE TABLE Customers (code INT)")
    assert check(bench, capsys) == (
        FOUND_WRONG,
        "error: physicalName: 'Customer': is not at the source (there is Customers): correct it, restore the table or"
        " its grant, or set excluded: true\n1 error, 0 warnings\n",
    )

    bench.sql(f"DROP DATABASE {bench.schema}")
    status, printed = check(bench, capsys)
    assert status == FOUND_WRONG
    assert f"there is no schema {bench.schema} that the user may see" in printed


@pytest.mark.mysql
def test_a_query_that_takes_too_long_is_a_warning(bench: Bench, capsys: Shown) -> None:
    bench.sql(
        "CREATE TABLE base (code VARCHAR(8), town VARCHAR(20), since DATE, tax_id INT, region VARCHAR(9))",
        "INSERT INTO base VALUES ('a', 'x', '2026-01-01', 1, 'n')",
        "CREATE VIEW Customer AS SELECT code, town, since, tax_id, IF(SLEEP(9), region, region) AS region FROM base"
        " WHERE SLEEP(9) = 0",
    )

    status, printed = check(bench, capsys, "--seconds", "1")

    assert status == DONE
    assert "'Customer': could not be counted through within 1 s: give --seconds more" in printed


@pytest.mark.mysql
def test_a_server_that_is_away_is_not_done(bench: Bench, capsys: Shown) -> None:
    assert main(["contract", "check", "--mysql", "mysql://jo@127.0.0.1:1"]) == NOT_DONE
    assert capsys.readouterr().err.startswith("error: connection --mysql (jo@127.0.0.1:1): cannot connect")


def test_offline_asks_no_server(capsys: Shown) -> None:
    assert main(["contract", "check", "--offline", "--contracts", str(PROJECT / "contracts")]) == DONE
    assert capsys.readouterr().out == "all contracts are valid\n"


def test_what_is_invalid_is_told_line_by_line(tmp_path: Path, capsys: Shown) -> None:
    (tmp_path / "crm").mkdir()
    wrong = CONTRACT.replace("dimension", "dimensoin")
    (tmp_path / "crm" / "customer.odcs.yaml").write_text(wrong)

    assert main(["contract", "check", "--offline", "--contracts", str(tmp_path)]) == FOUND_WRONG
    (line,) = [number for number, text in enumerate(wrong.splitlines(), 1) if "dimensoin" in text]
    assert capsys.readouterr().out == (
        f"error: crm/customer.odcs.yaml: line {line}: schema[customer].customProperties.tableKind: 'dimensoin': "
        "must be one of dimension, fact, one_big_table\n1 error, 0 warnings\n"
    )


def test_the_choices_of_the_daily_run_are_checked_too(contracts_folder: Path, capsys: Shown) -> None:
    def said(choices: str) -> list[str]:
        (contracts_folder / "daily_run.toml").write_text(choices)
        assert main(["contract", "check", "--offline", "--contracts", str(contracts_folder.parent)]) == FOUND_WRONG
        return capsys.readouterr().out.splitlines()

    assert said('owner = ""') == [
        "error: atliqsale/daily_run.toml: owner: '': must be a name in quotes", "1 error, 0 warnings",
    ]  # fmt: skip
    assert said('one_big_table = "customer"')[0].startswith(
        "error: atliqsale/daily_run.toml: one_big_table: 'customer': its contract has another tableKind"
    )
