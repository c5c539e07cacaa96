"""The check of contracts finds references that MySQL's collation joins and silver does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cli.commands.command import DONE
from cli.main import main
from local.mysql_server import MySqlServer
from tests.lakehouse.copying import Bench, url_of

pytestmark = pytest.mark.mysql

_PAGE = Path(__file__).parents[3] / "docs" / "reference" / "contract.md"
FOLDED = next(
    line for line in _PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("translate(upper(trim(")
)
_HEAD = "apiVersion: v3.1.0\nkind: DataContract\nid: x\nversion: 1.0.0\nstatus: active\nschema:\n"
CUSTOMER = f"""{_HEAD}  - name: cust
    logicalType: object
    customProperties: [{{property: tableKind, value: dimension}}]
    properties:
      - {{name: code, physicalType: varchar(10), logicalType: string, primaryKey: true%s}}
"""
SALE = f"""{_HEAD}  - name: sale
    logicalType: object
    customProperties: [{{property: tableKind, value: fact}}, {{property: dateColumn, value: d}}]
    properties:
      - {{name: id, physicalType: int, logicalType: integer, primaryKey: true}}
      - {{name: d, physicalType: date, logicalType: date, required: true}}
      - {{name: cust_code, physicalType: varchar(10), logicalType: string, relationships: [{{to: cust.code}}]%s}}
"""


@pytest.fixture
def bench(
    mysql_server: MySqlServer, fresh_schema: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Bench:
    bench = Bench(mysql_server, fresh_schema(), tmp_path / "bronze")
    monkeypatch.setenv("AIRFLOW_CONN_MYSQL_ONPREM", url_of(mysql_server, ""))
    monkeypatch.setenv("LAKEHOUSE_CONTRACTS_ROOT", str(tmp_path / "contracts"))
    (tmp_path / "contracts" / bench.schema).mkdir(parents=True)
    collated = "VARCHAR(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
    bench.sql(
        f"CREATE TABLE cust (code {collated} PRIMARY KEY)",
        "INSERT INTO cust VALUES ('Cus001'), ('CUS002 '), ('Ñandú')",
        f"CREATE TABLE sale (id INT PRIMARY KEY, d DATE NOT NULL, cust_code {collated})",
        "INSERT INTO sale VALUES (1, '2026-11-20', 'cus001'), (2, '2026-11-20', 'Cus001 '), "
        "(3, '2026-11-20', 'CUS002'), (4, '2026-11-20', 'nandu'), "
        "(5, '2026-11-20', 'Cus001'), (6, '2026-11-20', 'other'), (7, '2026-11-20', NULL)",
    )
    return bench


@pytest.mark.parametrize(
    ("cleaning", "rows"),
    [
        ("", "4 rows differ"),
        (", transformLogic: trim(?)", "2 rows differ"),
        (", transformLogic: 'upper(trim(?))'", "1 row differs"),
        (", transformLogic: \"upper(btrim(?, ' '))\"", "1 row differs"),
        # The server has no such function.
        (", transformLogic: 'initcap(trim(?))'", "4 rows differ"),
    ],
)
def test_references_that_only_mysql_calls_equal_are_counted(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str], cleaning: str, rows: str
) -> None:
    folder = tmp_path / "contracts" / bench.schema
    (folder / "cust.odcs.yaml").write_text(CUSTOMER % cleaning.replace("?", "code"))
    (folder / "sale.odcs.yaml").write_text(SALE % cleaning.replace("?", "cust_code"))

    status = main(["contract", "check", "--schema", bench.schema])

    assert capsys.readouterr().out.splitlines() == [
        f"warning: {bench.schema}/sale.odcs.yaml: schema[sale].properties[cust_code].relationships.to: 'cust.code': "
        f"{rows} from its key in case, accents or blanks alone, which MySQL calls equal and silver does not: "
        "give both columns the same transformLogic, such as translate(upper(trim(…)), …) with the letters of "
        "adding_a_table.md, or correct them",
        "0 errors, 1 warning",
    ]
    assert status == DONE


def test_where_no_accents_differ_the_cure_has_none(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.sql("DELETE FROM sale WHERE cust_code = 'nandu'")
    folder = tmp_path / "contracts" / bench.schema
    (folder / "cust.odcs.yaml").write_text(CUSTOMER % "")
    (folder / "sale.odcs.yaml").write_text(SALE % "")

    assert main(["contract", "check", "--schema", bench.schema]) == DONE

    assert ": give both columns the same transformLogic, such as upper(trim(…)), or correct them" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    "cleanings",
    [
        # The contract's choice to join as the collation does, as the docs write it.
        (FOLDED.replace("customer_code", "code"), FOLDED.replace("customer_code", "cust_code")),
        # Whatever both do, they come out alike.
        ("upper('x')", "'X'"),
    ],
)
def test_columns_that_are_alike_once_cleaned_are_not_told(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str], cleanings: tuple[str, str]
) -> None:
    folder = tmp_path / "contracts" / bench.schema
    ours, theirs = (f', transformLogic: "{one}"' for one in reversed(cleanings))
    (folder / "cust.odcs.yaml").write_text(CUSTOMER % theirs)
    (folder / "sale.odcs.yaml").write_text(SALE % ours)

    assert main(["contract", "check", "--schema", bench.schema]) == DONE

    assert capsys.readouterr().out.splitlines() == ["all contracts are true of their tables"]


def test_another_character_set_makes_no_difference(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.sql(
        "DELETE FROM sale",
        "INSERT INTO sale VALUES (1, '2026-11-20', 'Ñandú')",
        "ALTER TABLE sale MODIFY cust_code VARCHAR(10) CHARACTER SET latin1 COLLATE latin1_swedish_ci",
    )
    folder = tmp_path / "contracts" / bench.schema
    (folder / "cust.odcs.yaml").write_text(CUSTOMER % "")
    (folder / "sale.odcs.yaml").write_text(SALE % "")

    assert main(["contract", "check", "--schema", bench.schema]) == DONE

    assert capsys.readouterr().out.splitlines() == ["all contracts are true of their tables"]
