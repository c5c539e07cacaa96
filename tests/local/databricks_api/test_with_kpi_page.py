"""The page's tables through a SQL warehouse: what it shows is what it shows of the lake's own folders."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import requests
from kpi.read_model import Limits, ReadModel
from kpi.read_model_files import open_or_make
from lakehouse.errors import NoSuchTableError, OvertakenError, StatementError
from lakehouse.hooks.sql_warehouse_hook import SqlWarehouseHook
from lakehouse.lake.delta_table import delta_state, folder_lake
from lakehouse.lake.warehouse_table import WarehouseTable, warehouse_lake

from cli.commands.command import DONE
from cli.main import main
from lake_model.changed_rows import KEY, ChangedRows
from lake_model.contracts.kpi_contract import read_kpi_contracts
from tests.kpi.conftest import PROJECT, Site
from tests.kpi.sample_lake import LAST_DATE, demo_rows, source_tables, write_gold, write_reconciliation
from tests.kpi.sample_silver import plant_faults, was_before, write_dimensions, write_refused
from tests.kpi.test_read_model_refresh import content
from tests.local.databricks_api.conftest import TOKEN, RunningServer, wait_for

pytestmark = pytest.mark.spark

CONNECTION = "warehouse_of_the_tests"
CONTRACT = read_kpi_contracts(PROJECT / "contracts")[0]
TABLES = {"gold": ["sales_obt"], "silver": ["customer", "product", "market", "transactions_quarantine"]}


@pytest.fixture
def hook(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> SqlWarehouseHook:
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONNECTION.upper()}", server.airflow_connection)
    return SqlWarehouseHook(CONNECTION, "warehouse-1", retry_limit=1)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with faults in quarantine and a customer that was renamed."""
    lake = tmp_path_factory.mktemp("lake of a warehouse")
    source = source_tables(demo_rows(), plant_faults)
    write_gold(source, lake)
    write_reconciliation(lake)
    write_dimensions(source, lake)
    write_refused(source, lake)

    was_before(lake, "customer", "Cus001", [({"customer_name": "Once Another"}, dt.date(2025, 1, 1))])
    return lake


@pytest.fixture
def lake(made: Path, tmp_path: Path) -> Path:
    """The same, for a test that changes it."""
    return Path(shutil.copytree(made, tmp_path / "lake"))


@pytest.fixture
def catalog(hook: SqlWarehouseHook, made: Path) -> Iterator[str]:
    """The lake's tables in a catalog."""
    for layer, names in TABLES.items():
        hook.ask(f"CREATE SCHEMA spark_catalog.{layer}").read_all()
        for name in names:
            place = (made / layer / name).as_uri().replace("%20", " ")
            hook.ask(f"CREATE TABLE spark_catalog.{layer}.{name} USING delta LOCATION '{place}'").read_all()
    yield "spark_catalog"
    for layer in TABLES:
        hook.ask(f"DROP SCHEMA spark_catalog.{layer} CASCADE").read_all()


def table_of(hook: SqlWarehouseHook, lake: Path) -> WarehouseTable:
    found = warehouse_lake(lake, hook.ask, "", f"file://{lake}").tables("gold", "sales_obt")
    assert isinstance(found, WarehouseTable)
    return found


def rows_of(model: ReadModel) -> tuple[Any, ...]:
    rows, types, about = content(model)
    # Spark takes a commit's time from its file, and deltalake from what the file says.
    return rows, types, dataclasses.replace(about, committed_at="")


VIEW, VERSIONS = "view?range=last_quarter", "versions?level=customer_name&value=Once Another"


def shown(site: Site) -> dict[str, Any]:
    client = site.client()
    # A driver that has just started takes its time with the first read model.
    wait_for(lambda: client.get(f"/api/{VIEW}").status_code != 503, 120, "the read model is made")
    found = {path: client.get(f"/api/{path}").json() for path in ("tables", VIEW, VERSIONS, "rows?range=last_month")}
    # See `rows_of`.
    found[VIEW]["freshness"].pop("committed_at")
    return found


@pytest.mark.parametrize("by_catalog", [False, True], ids=["by its folders", "in a catalog"])
def test_the_page_shows_the_same(
    request: pytest.FixtureRequest, hook: SqlWarehouseHook, made: Path, tmp_path: Path, by_catalog: bool
) -> None:
    catalog = request.getfixturevalue("catalog") if by_catalog else ""
    read = functools.partial(warehouse_lake, ask=hook.ask, catalog=catalog, spark_root=f"file://{made}")
    through_warehouse = shown(Site(made, tmp_path / "warehouse", read=read))
    of_folders = shown(Site(made, tmp_path / "folders"))
    assert through_warehouse == of_folders
    assert of_folders[VIEW]["quarantine"]
    assert of_folders[VERSIONS]["members"]


def test_the_command_line_answers_from_the_catalog(
    hook: SqlWarehouseHook,
    made: Path,
    catalog: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hook.ask(f"CREATE VIEW {catalog}.gold.sales_view AS SELECT 1 AS one").read_all()
    settings = {
        "LAKE_ROOT": made.as_uri(), "CATALOG": catalog, "WAREHOUSE": "w", "DATABRICKS_CONN_ID": CONNECTION,
        "CONTRACTS_ROOT": str(PROJECT / "contracts"),
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(f"LAKEHOUSE_{name}", value)
    assert main(["show"]) == DONE
    listed = capsys.readouterr().out.splitlines()
    assert listed[:5] == ["gold.sales_obt", *(f"silver.{name}" for name in sorted(TABLES["silver"]))]
    assert "gold.sales_view" not in listed
    assert main(["query", "SELECT count(*) AS open FROM silver.transactions_quarantine", "--format", "csv"]) == DONE
    expected = folder_lake(made).tables("silver", "transactions_quarantine")
    assert expected
    rows = expected.batches("SELECT count(*) FROM stored").read_all()
    assert capsys.readouterr().out.splitlines() == ["open", str(rows[0][0])]


def test_a_read_model_has_the_same_rows_and_is_refreshed_by_what_changed(
    hook: SqlWarehouseHook, lake: Path, tmp_path: Path
) -> None:
    from deltalake import CommitProperties, DeltaTable, write_deltalake

    def models() -> tuple[Any, Any, int]:
        state = delta_state(lake / "gold" / "sales_obt")
        assert state
        table = table_of(hook, lake)
        assert (table.id, table.version, table.types) == (state.id, state.version, state.types)
        kept = [[one["version"] for one in found.commits(5)] for found in (table, state)]
        assert kept[0] == list(range(state.version, -1, -1)) == [state.version - place for place in range(len(kept[1]))]
        through_warehouse = open_or_make(tmp_path / "models", CONTRACT, table, Limits())
        whole = open_or_make(tmp_path / f"whole-{state.version}", CONTRACT, state, Limits())
        return rows_of(through_warehouse), rows_of(whole), through_warehouse.about.refreshes

    first, whole, refreshes = models()
    assert (first, refreshes) == (whole, 0)
    newest = source_tables(demo_rows()).execute(
        "SELECT * REPLACE ('it''s \\ ''new''' AS customer_name) FROM gold WHERE order_date = ?", [LAST_DATE]
    ).to_arrow_table()  # fmt: skip
    note = {"userMetadata": json.dumps({KEY: ChangedRows(frozenset({LAST_DATE})).to_content()})}
    write_deltalake(
        lake / "gold" / "sales_obt", newest, mode="overwrite", predicate=f"order_date = '{LAST_DATE}'",
        commit_properties=CommitProperties(custom_metadata=note),
    )  # fmt: skip
    DeltaTable(lake / "gold" / "sales_obt").optimize.compact()
    second, whole, refreshes = models()
    assert (second, refreshes) == (whole, 1)
    assert second != first


def test_a_table_that_is_written_while_it_is_read_is_not_shown_as_the_version_before(
    hook: SqlWarehouseHook, lake: Path, tmp_path: Path
) -> None:
    table = table_of(hook, lake)
    write_gold(source_tables(demo_rows(2_000)), lake)
    with pytest.raises(OvertakenError, match=r"was written while it was read \(version 1, begun at 0\)"):
        open_or_make(tmp_path / "models", CONTRACT, table, Limits())
    assert list((tmp_path / "models").glob("*.duckdb*")) == []


def test_an_answer_comes_in_parts_and_an_empty_one_has_its_columns(hook: SqlWarehouseHook) -> None:
    answer = hook.ask("SELECT id, CAST(id AS DECIMAL(12, 2)) AS amount FROM range(25000)")
    assert answer.read_all().column("id").to_pylist() == list(range(25_000))
    empty = hook.ask(
        "SELECT 'a' AS t, 1L AS n, 1.5BD AS d, DATE'2026-01-01' AS day, current_timestamp() AS at, true AS b "
        "WHERE false"
    )
    assert empty.read_all().schema.types == [
        pa.string(), pa.int64(), pa.decimal128(2, 1), pa.date32(), pa.timestamp("us", "UTC"), pa.bool_(),
    ]  # fmt: skip


def test_a_long_statement_is_waited_for(hook: SqlWarehouseHook, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    call = hook._call

    def hurried(method: str, endpoint: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
        return call(method, endpoint, content and content | {"wait_timeout": "0s"})

    monkeypatch.setattr(hook, "_call", hurried)
    found = hook.ask("SELECT count(*) FROM range(1000000)", lambda seconds: waited.append(seconds) or None)
    assert found.read_all().to_pydict() == {"count(1)": [1_000_000]}
    assert waited[:2] == [0.2, 0.4]


def test_what_a_warehouse_refuses_is_said(hook: SqlWarehouseHook, made: Path, tmp_path: Path) -> None:
    with pytest.raises(NoSuchTableError, match="TABLE_OR_VIEW_NOT_FOUND"):
        hook.ask("SELECT * FROM spark_catalog.nothing.at_all")
    assert warehouse_lake(made, hook.ask, "spark_catalog", "").tables("gold", "nothing") is None
    assert warehouse_lake(tmp_path, hook.ask, "", f"file://{tmp_path}").tables("gold", "nothing") is None
    with pytest.raises(StatementError, match=r"^the SQL warehouse refused a statement: \[PARSE_SYNTAX_ERROR\]"):
        hook.ask("SELEC 1")


def test_its_test_names_the_reader_or_the_grant_that_is_missing(
    hook: SqlWarehouseHook, request: pytest.FixtureRequest
) -> None:
    works, message = hook.test_connection("spark_catalog")
    assert not works
    assert "[SCHEMA_NOT_FOUND]" in message
    assert "GRANT USE CATALOG ON CATALOG `spark_catalog`, and USE SCHEMA, SELECT ON SCHEMA" in message
    request.getfixturevalue("catalog")
    works, message = hook.test_connection("spark_catalog")
    assert works
    assert message.startswith("SQL warehouse warehouse-1 answers to ")


def test_a_wrong_login_and_a_link_with_a_second_one_are_refused(
    server: RunningServer, hook: SqlWarehouseHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    links: list[str] = []
    monkeypatch.setattr(
        "lakehouse.hooks.sql_warehouse_hook._download", lambda link: links.append(link["external_link"]) or _stream()
    )
    hook.ask("SELECT 1").read_all()
    (link,) = links
    assert requests.get(link, timeout=30).status_code == 200
    assert requests.get(link, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30).status_code == 403
    assert requests.get(f"{link}0", timeout=30).status_code == 403
    document = {"conn_type": "databricks", "host": server.url, "password": "another"}
    monkeypatch.setenv("AIRFLOW_CONN_ANOTHER", json.dumps(document))
    with pytest.raises(StatementError, match="SQL warehouse w of connection another does not answer"):
        SqlWarehouseHook("another", "w", retry_limit=1).ask("SELECT 1")


def _stream() -> bytes:
    sink = pa.BufferOutputStream()
    table = pa.table({"1": [1]})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
