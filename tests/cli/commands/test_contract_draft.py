"""A drafted contract: its exact text, that it passes every check, and that it is kind to server, file and reader."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from datacontract.data_contract import DataContract
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cli.commands.command import DONE, FOUND_WRONG, NOT_DONE
from cli.drafting.draft_names import contracted_table
from cli.main import main
from lake_model.contracts.table_contracts import load_contracts
from local.mysql_server import MySqlServer
from local.number_rows import number_rows
from tests.lakehouse.copying import Bench, url_of

pytestmark = pytest.mark.mysql
EXPECTED = Path(__file__).parent / "drafts"
Shown = pytest.CaptureFixture[str]

COLLATED = "CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
SUPPLIER = (
    "CREATE TABLE supplier (code VARCHAR(8) NOT NULL COMMENT 'Given by purchasing', name VARCHAR(40) NOT NULL,"
    " country VARCHAR(20), rating DECIMAL(3,1), active TINYINT(1) NOT NULL, since DATE NOT NULL,"
    " email VARCHAR(40), photo BLOB, changed_at DATETIME NOT NULL, PRIMARY KEY (code), UNIQUE (name))"
    " COMMENT 'Who we buy from'",
    "INSERT INTO supplier SELECT CONCAT('S', LPAD(seq, 3, '0')), CONCAT('Supplier ', seq),"
    " CASE WHEN seq = 1 THEN 'nan' WHEN seq = 2 THEN 'india' WHEN seq = 3 THEN 'Nepal ' WHEN seq < 60 THEN 'India\r'"
    " ELSE 'Nepal' END, IF(seq = 5, -1, seq MOD 10 + 0.5), seq MOD 2, IF(seq = 9, '0000-00-00', '2020-01-01'),"
    " IF(seq = 4, '', CONCAT('a', seq, '@x.example')), IF(seq = 1, REPEAT('x', 300), NULL), '2026-11-01 10:00:00'"
    f" FROM {number_rows(1, 100)}",
)
SALE = (
    f"CREATE TABLE sale (order_date DATE, product_code VARCHAR(8) {COLLATED} NOT NULL, qty INT NOT NULL,"
    " amount DECIMAL(10,2) NOT NULL, currency VARCHAR(5) NOT NULL, booked_at DATETIME(6), INDEX (product_code),"
    " FOREIGN KEY (product_code) REFERENCES product (code))",
    "INSERT INTO sale SELECT '2026-11-01' + INTERVAL seq MOD 20 DAY, 'P1', seq MOD 3 + 1, IF(seq = 7, 0, seq),"
    f" IF(seq = 3, 'USD', 'INR\r'), NULL FROM {number_rows(1, 99)}",
    "INSERT INTO sale SELECT * FROM sale WHERE amount > 97",
)


@pytest.fixture
def bench(
    mysql_server: MySqlServer, fresh_schema: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Bench:
    bench = Bench(mysql_server, fresh_schema(), tmp_path / "bronze")
    monkeypatch.setenv("AIRFLOW_CONN_MYSQL_ONPREM", url_of(mysql_server, bench.schema))
    monkeypatch.setenv("LAKEHOUSE_CONTRACTS_ROOT", str(tmp_path / "contracts"))
    return bench


def draft(bench: Bench, shown: Shown, table: str, *words: str) -> str:
    """The text of a draft, in which the schema is called crm and the day is that of the example."""
    shown.readouterr()
    status = main(["contract", "draft", table, "--output", "-", *words])
    printed = shown.readouterr()
    assert (status, printed.err) == (DONE, "")
    assert refused_by_spark(printed.out) == ""
    return re.sub(r" on \d{4}-\d\d-\d\d\.", " on 2026-11-22.", printed.out.replace(bench.schema, "crm"))


def refused_by_spark(text: str) -> str:
    """What silver finds wrong with a contract; empty where it takes it."""
    from medallion.errors import ContractError

    from lake_model.contracts.table_contracts import read_silver_contract

    name = yaml.safe_load(text)["schema"][0]["name"]
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "any"
        folder.mkdir()
        (folder / f"{name}.odcs.yaml").write_text(text)
        try:
            read_silver_contract(folder, name)
        except ContractError as error:
            return str(error)
    return ""


def lint(path: Path) -> list[Any]:
    """What the standard's own tool finds wrong."""
    return [check.reason for check in DataContract(data_contract_file=str(path)).lint().checks or () if check.reason]


def test_a_dimension_is_drafted_with_its_doubts_beside_the_columns(bench: Bench, capsys: Shown) -> None:
    bench.sql(*SUPPLIER)

    assert draft(bench, capsys, "supplier") == (EXPECTED / "supplier.odcs.yaml").read_text()


def test_a_fact_is_drafted_with_its_date_and_measures(bench: Bench, capsys: Shown) -> None:
    bench.sql(
        f"CREATE TABLE product (code VARCHAR(8) {COLLATED} PRIMARY KEY)", "INSERT INTO product VALUES ('P1')", *SALE
    )

    assert draft(bench, capsys, "sale") == (EXPECTED / "sale.odcs.yaml").read_text()


def test_a_fact_that_is_dated_by_a_time_has_its_day_beside_it(bench: Bench, tmp_path: Path, capsys: Shown) -> None:
    bench.sql(
        "CREATE TABLE visit (booked_at DATETIME, booked_at_date INT, guests INT)",
        "INSERT INTO visit VALUES ('2026-11-01 10:00:00', 1, 2), (NULL, 2, 1)",
    )

    text = draft(bench, capsys, "visit", "--kind", "fact")

    assert (
        """\
      # 1 NULL; 1 distinct value; in 2026
      # dates the rows, so it is always required: silver refuses a row without a date
      # ? 1 row has no date: is another column the date?
      - name: booked_at
        physicalType: datetime
        logicalType: timestamp
      # the day of booked_at, by which silver keeps the rows
      - name: booked_at_date_2
        physicalName: booked_at
        physicalType: datetime
        logicalType: date
        required: true
"""
        in text
    )
    (tmp_path / "visit.odcs.yaml").write_text(text)
    assert lint(tmp_path / "visit.odcs.yaml") == []


@pytest.mark.parametrize("path", sorted(EXPECTED.glob("*.yaml")), ids=lambda path: path.name)
def test_the_drafts_pass_the_standards_lint(path: Path) -> None:
    assert lint(path) == []


def test_a_draft_goes_into_the_schemas_folder_and_never_over_a_file(
    bench: Bench, tmp_path: Path, capsys: Shown
) -> None:
    bench.sql("CREATE TABLE Market (code INT PRIMARY KEY)", "INSERT INTO Market VALUES (1)")
    path = tmp_path / "contracts" / bench.schema / "market.odcs.yaml"

    assert main(["contract", "draft", "Market"]) == DONE
    assert capsys.readouterr().out.startswith(f"{path}: drafted as a dimension from all 1 rows\n")
    assert list(load_contracts(path.parent).tables) == ["Market"]

    path.write_text("mine")
    assert main(["contract", "draft", "Market"]) == NOT_DONE
    assert capsys.readouterr().err == (
        f"error: {path} is there already, and was left as it is: give --force to replace it\n"
    )
    assert path.read_text() == "mine"

    assert main(["contract", "draft", "Market", "--force"]) == DONE
    assert path.read_text() != "mine"
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_lake_name_that_another_schema_uses_gets_the_schema_before_it(
    bench: Bench, tmp_path: Path, capsys: Shown
) -> None:
    bench.sql("CREATE TABLE market (code INT PRIMARY KEY)")
    (tmp_path / "contracts" / "crm").mkdir(parents=True)
    (tmp_path / "contracts" / "crm" / "market.odcs.yaml").touch()
    name = f"{bench.schema.lower()}_market"

    assert main(["contract", "draft", "market"]) == DONE

    folder = tmp_path / "contracts" / bench.schema
    assert [path.name for path in folder.iterdir()] == [f"{name}.odcs.yaml"]
    assert load_contracts(folder).tables["market"].name == name


def test_a_large_table_is_sampled_and_the_draft_says_so(bench: Bench, capsys: Shown) -> None:
    bench.sql(
        "CREATE TABLE big (id INT PRIMARY KEY, word VARCHAR(9))",
        f"INSERT INTO big SELECT seq, IF(seq > 9000, 'late', 'early') FROM {number_rows(1, 10000)}",
        "ANALYZE TABLE big",
    )

    text = draft(bench, capsys, "big", "--rows", "1000")

    said = re.search(r"Looked at ([\d,]+) of some ([\d,]+) rows, chosen at random; all that is said of values", text)
    assert said is not None
    assert 700 < int(said[1].replace(",", "")) <= 1000
    assert 9_000 < int(said[2].replace(",", "")) < 11_000
    assert "'late'" in text, "the end of the table must be in the sample"


def test_a_slow_table_is_read_no_longer_than_allowed(bench: Bench, capsys: Shown) -> None:
    bench.sql(
        f"CREATE VIEW slow AS SELECT seq AS id, SLEEP(0.05) AS pause FROM mysql.help_topic, {number_rows(1, 9999)}"
    )

    text = draft(bench, capsys, "slow", "--seconds", "1")

    assert re.search(r"Looked at the first [\d,]+ rows from what the server read in 1 s", text)


PERSON = (
    "CREATE TABLE person (id INT PRIMARY KEY, nom VARCHAR(20), iban CHAR(22), né DATE, gage INT, ville VARCHAR(9))",
    "INSERT INTO person SELECT seq, IF(seq MOD 2, CONCAT('Miller', seq), CONCAT('MILLER', seq - 1)),"
    " CONCAT('DE445001051754', seq), DATE '1981-02-03' + INTERVAL seq DAY, 71234 + seq,"
    f" IF(seq MOD 3, 'Kufstein', 'Wien') FROM {number_rows(1, 60)}",
)


def test_what_few_rows_hold_is_counted_and_not_shown_whatever_its_column_is_called(bench: Bench, capsys: Shown) -> None:
    bench.sql(*PERSON)

    text = draft(bench, capsys, "person")

    assert "# 60 distinct values; 7 to 8 characters\n" in text
    assert "30 values spelt in more than one way: transformLogic" in text
    assert "# 60 distinct values; in 1981\n" in text
    assert "# 60 distinct values; between 10,000 and 100,000\n" in text
    assert "# 2 distinct values; 4 to 8 characters; 'Kufstein', 'Wien'\n" in text
    assert not re.search(r"miller|DE44|1981-|7123|7129", text, re.IGNORECASE)


def test_without_values_none_is_shown_however_many_rows_hold_it(bench: Bench, capsys: Shown) -> None:
    bench.sql(*PERSON)

    text = draft(bench, capsys, "person", "--no-values")

    assert "# 2 distinct values; 4 to 8 characters\n" in text
    assert not re.search(r"miller|DE44|1981|10,000|Wien|Kufstein", text, re.IGNORECASE)


def test_a_column_that_the_contract_calls_confidential_stays_so_when_it_is_drafted_again(
    bench: Bench, tmp_path: Path, capsys: Shown
) -> None:
    bench.sql(*PERSON)
    assert main(["contract", "draft", "person"]) == DONE
    path = tmp_path / "contracts" / bench.schema / "person.odcs.yaml"
    assert "Wien" in path.read_text()
    path.write_text(
        path.read_text().replace("- name: ville\n", "- name: ville\n        classification: confidential\n")
    )

    assert main(["contract", "draft", "person", "--force"]) == DONE

    assert "Wien" not in path.read_text()


def test_a_rare_value_is_a_doubt_and_no_rule_is_proposed_that_rows_break(bench: Bench, capsys: Shown) -> None:
    bench.sql(
        "CREATE TABLE t (id INT PRIMARY KEY, currency VARCHAR(5), zone VARCHAR(5))",
        f"INSERT INTO t SELECT seq, IF(seq < 8, 'USD', 'INR'), IF(seq MOD 9, 'N', 'S') FROM {number_rows(1, 900)}",
    )

    text = draft(bench, capsys, "t")

    assert (
        "# ? 1 of 2 values stands in 7 rows alone ('USD'): wrong, or rare? No rule for the values is proposed\n" in text
    )
    assert re.findall(r"validValues: \[.*\]", text) == ["validValues: ['N', 'S']"]


def test_duplicates_that_only_trimming_makes_are_told(bench: Bench, capsys: Shown) -> None:
    bench.sql(
        "CREATE TABLE sale (sold_on DATE, code VARCHAR(5), amount DECIMAL(5,2))",
        "INSERT INTO sale VALUES ('2026-11-20', 'A', 1), ('2026-11-20', 'A\r', 1), ('2026-11-20', 'A ', 1),"
        " ('2026-11-21', 'B', 2), ('2026-11-21', 'B', 2)",
    )

    text = draft(bench, capsys, "sale")

    assert "# ? 1 rows repeat another in every column: keep_one would remove them\n" in text
    assert "# ? 2 rows more repeat another once blanks are trimmed as below: keep_one would remove them\n" in text


def test_a_calendar_keeps_its_latest_values_alone(bench: Bench, capsys: Shown) -> None:
    bench.sql(
        "CREATE TABLE day (day_id INT PRIMARY KEY, day DATE, week INT)",
        f"INSERT INTO day SELECT seq, DATE '2026-01-01' + INTERVAL seq DAY, seq DIV 7 FROM {number_rows(1, 90)}",
        "CREATE TABLE member (id INT PRIMARY KEY, since DATE)",
        f"INSERT INTO member SELECT seq, DATE '2026-01-01' + INTERVAL seq * 2 DAY FROM {number_rows(1, 90)}",
    )

    assert "{property: scdType, value: 1}" in draft(bench, capsys, "day")
    assert "{property: scdType, value: 2}" in draft(bench, capsys, "member")


def test_tables_whose_names_differ_in_case_get_names_of_their_own(bench: Bench, tmp_path: Path, capsys: Shown) -> None:
    bench.sql(*(f"CREATE TABLE {name} (id INT PRIMARY KEY)" for name in ("Sales", "sales", "SALES")))
    folder = tmp_path / "contracts" / bench.schema

    for name in ("Sales", "sales", "SALES"):
        assert main(["contract", "draft", name]) == DONE

    assert {name: one.file for name, one in load_contracts(folder).tables.items()} == {
        "sales": "sales.odcs.yaml",
        "SALES": "sales_2.odcs.yaml",
        "Sales": "sales_3.odcs.yaml",
    }
    # Also after one of them was given another name by hand, no draft is written over it.
    (folder / "sales.odcs.yaml").unlink()
    (folder / "sales_3.odcs.yaml").rename(folder / "sales.odcs.yaml")
    assert main(["contract", "draft", "sales", "--force"]) == DONE
    assert contracted_table(folder / "sales.odcs.yaml") == "Sales"


def test_a_view_that_lacks_what_it_reads_is_named_with_what_it_lacks(
    bench: Bench, tmp_path: Path, capsys: Shown
) -> None:
    bench.sql(
        "CREATE TABLE gone (id INT PRIMARY KEY)",
        "CREATE VIEW broken AS SELECT id FROM gone",
        "CREATE TABLE sub (id INT PRIMARY KEY, user VARCHAR(9), `current_date` VARCHAR(12))",
        "INSERT INTO sub VALUES (1, 'me ', '2026-11-20 ')",
    )
    assert main(["contract", "draft", "broken"]) == DONE
    bench.sql("DROP TABLE gone")
    capsys.readouterr()

    assert main(["contract", "draft", "broken", "--force"]) == NOT_DONE
    said = capsys.readouterr().err
    assert f"the view {bench.schema}.broken cannot be read: " in said
    lacking = {"MariaDB": f"'{bench.schema}.gone' doesn't exist", "MySQL": "references invalid table(s) or column(s)"}
    assert lacking[bench.server.NAME] in said
    assert said.endswith(": mend the view, or drop it\n")

    assert main(["contract", "check"]) == FOUND_WRONG
    assert lacking[bench.server.NAME] in capsys.readouterr().out
    # All others are drafted none the less, in one go, and what is there stays as it is.
    assert main(["contract", "draft", "--all"]) == DONE
    folder = tmp_path / "contracts" / bench.schema
    assert f"broken: has a contract in {folder}, which was left as it is\n" in capsys.readouterr().out
    (folder / "broken.odcs.yaml").unlink()
    (folder / "sub.odcs.yaml").unlink()
    assert main(["contract", "draft", "--all"]) == NOT_DONE
    assert capsys.readouterr().err.startswith("error: broken: ")
    columns = yaml.safe_load((folder / "sub.odcs.yaml").read_text())["schema"][0]["properties"]
    assert [column.get("transformLogic") for column in columns] == [None, "trim(`user`)", "trim(`current_date`)"]


@pytest.mark.parametrize("words", [[], ["t", "--all"], ["--all", "--kind", "fact"], ["--all", "--output", "-"]])
def test_one_table_is_drafted_or_all(words: list[str], bench: Bench, capsys: Shown) -> None:
    assert main(["contract", "draft", *words]) == NOT_DONE
    assert "--all" in capsys.readouterr().err


def test_trimming_is_not_applied_to_a_key_that_it_would_fold(bench: Bench, capsys: Shown) -> None:
    collation = {"MariaDB": "utf8mb4_nopad_bin", "MySQL": "utf8mb4_0900_bin"}[bench.server.NAME]
    bench.sql(
        f"CREATE TABLE k (code VARCHAR(9) COLLATE {collation} PRIMARY KEY, word VARCHAR(9))",
        "INSERT INTO k VALUES ('a', ' b'), ('a ', 'b')",
    )

    columns = yaml.safe_load(draft(bench, capsys, "k"))["schema"][0]["properties"]

    assert [column.get("transformLogic") for column in columns] == [None, "trim(word)"]


def test_the_users_word_on_the_kind_wins(bench: Bench, capsys: Shown) -> None:
    bench.sql("CREATE TABLE t (id INT PRIMARY KEY, seen DATE)", "CREATE TABLE u (id INT PRIMARY KEY)")

    assert "{property: tableKind, value: fact}" in draft(bench, capsys, "t", "--kind", "fact")
    assert main(["contract", "draft", "u", "--kind", "fact"]) == NOT_DONE
    assert capsys.readouterr().err == (
        f"error: --kind fact: {bench.schema}.u has no column of type DATE, DATETIME or TIMESTAMP, and a fact needs one "
        "to date its rows: use --kind dimension\n"
    )


def test_a_table_that_is_not_there_is_one_message(bench: Bench, capsys: Shown) -> None:
    bench.sql("CREATE TABLE market (code INT)")

    assert main(["contract", "draft", "makret"]) == NOT_DONE
    assert f"schema {bench.schema} shows no table makret; it has market\n" in capsys.readouterr().err


# fmt: off
TYPES = [
    "INT", "BIGINT UNSIGNED", "TINYINT(1)", "SMALLINT", "DECIMAL(10,2)", "DECIMAL(65,30)", "FLOAT", "DOUBLE",
    "BIT(1)", "BIT(64)", "CHAR(3)", "VARCHAR(40)", "VARCHAR(900)", "TEXT", "LONGTEXT", "JSON",
    "ENUM('a','b c','it''s')", "SET('x','y')", "BINARY(4)", "VARBINARY(20)", "BLOB", "DATE", "DATETIME",
    "DATETIME(6)", "TIMESTAMP", "TIME(3)", "YEAR", "POINT", "INET6", "UUID",
]
# fmt: on
AWKWARD = ["id", "order", "group", "valid_from", "t_key", "Größe (cm)", "日付", "1st", "a.b", "[x]", ".x", "`"]
TEXT = st.characters(codec="utf-8", max_codepoint=0xFFFF)
WRITTEN = st.characters(codec="utf-8", exclude_categories=["C", "Z"], max_codepoint=0xFFFF)
COLUMNS = st.lists(
    st.tuples(
        st.sampled_from(AWKWARD) | st.text(WRITTEN, min_size=1, max_size=20),
        st.sampled_from(TYPES),
        st.text(TEXT, max_size=9),
    ),
    min_size=1,
    max_size=9,
    unique_by=lambda column: column[0].casefold(),
)
VALUES = ["nan", " x\r", "", "2026-11-20", "0000-00-00", "9999-12-31 10:00:00", "-1", "0", "7.25", "a", "é\x85", None]
PICKS = st.lists(st.lists(st.sampled_from(VALUES), min_size=9, max_size=9), max_size=6)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(columns=[("id", "INT", "\n")], rows=[])
@given(columns=COLUMNS, rows=PICKS)
def test_a_draft_of_any_table_passes_every_check(
    bench: Bench, tmp_path_factory: pytest.TempPathFactory, columns: list[Any], rows: list[list[str | None]]
) -> None:
    make_table(bench, columns, rows)
    folder = tmp_path_factory.mktemp("any") / bench.schema

    assert main(["contract", "draft", "t", "--output", str(folder)]) == DONE

    contract = load_contracts(folder).tables["t"]
    assert refused_by_spark((folder / "t.odcs.yaml").read_text()) == ""
    assert sorted(column.name for column in contract.contracted_columns) == sorted(name for name, *_ in columns)


def make_table(bench: Bench, columns: list[Any], rows: list[list[str | None]]) -> None:
    """Make the table `t` afresh, with as much of each value as its column takes."""
    connection, is_mysql = bench.server.connect(bench.schema), bench.server.NAME == "MySQL"
    if is_mysql:
        columns = [
            (name, {"INET6": "BINARY(16)", "UUID": "CHAR(36)"}.get(kind, kind), *rest) for name, kind, *rest in columns
        ]
    described = ", ".join(
        f"`{name.replace('`', '``')}` {kind} NULL COMMENT {connection.literal(comment).decode()}"
        for name, kind, comment in columns
    )
    # MariaDB's JSON is text that a constraint checks; MySQL's takes no other.
    marks_of = {"POINT": "POINT(1, 2)", "JSON": "JSON_QUOTE(%s)" if is_mysql else "%s"}
    marks = [marks_of.get(kind, "%s") for _, kind, _ in columns]
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION sql_mode=''" + ("" if is_mysql else ", check_constraint_checks=0"))
            cursor.execute("DROP TABLE IF EXISTS t")
            cursor.execute(f"CREATE TABLE t ({described})")
            for row in rows:
                values = [value for value, mark in zip(row, marks, strict=False) if "%s" in mark]
                cursor.execute(f"INSERT IGNORE INTO t VALUES ({', '.join(marks)})", values)
    finally:
        connection.close()
