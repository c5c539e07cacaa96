"""An exported factory becomes contracts of the live tables, and a DAG that Airflow parses."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.commands.command import DONE
from cli.main import main
from lake_model.contracts.table_contracts import load_contracts
from local.mysql_server import MySqlServer
from tests.conftest import PROJECT
from tests.lakehouse.copying import Bench, url_of

pytestmark = pytest.mark.mysql
FACTORY = Path(__file__).parents[1] / "adf" / "factory"


@pytest.mark.one_server
def test_an_export_becomes_a_dag_with_the_factorys_schedule_and_a_contract_for_each_table(
    mysql_server: MySqlServer, fresh_schema: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = fresh_schema()
    Bench(mysql_server, schema, tmp_path / "bronze").sql(
        "CREATE TABLE customer (code VARCHAR(8) NOT NULL PRIMARY KEY, name VARCHAR(40))",
        "CREATE TABLE transactions (order_date DATE NOT NULL, code VARCHAR(8) NOT NULL, amount DECIMAL(10,2) NOT NULL)",
        "INSERT INTO customer VALUES ('C1', 'One'), ('C2', NULL)",
        "INSERT INTO transactions VALUES ('2026-11-20', 'C1', 1.50), ('2026-11-21', 'C2', 2.50)",
    )
    monkeypatch.setenv("AIRFLOW_CONN_MYSQL_MOVED", url_of(mysql_server, schema))
    contracts = tmp_path / "contracts"
    command = ["adf", "read", str(export_of(schema, tmp_path)), "--contracts", str(contracts)]

    assert main([*command, "--connection", "mysql_moved"]) == DONE

    assert set(load_contracts(contracts / schema).tables) == {"customer", "transactions"}
    dag = dags_of(contracts, monkeypatch)[f"{schema}_daily"]
    assert dag.timetable.expression == "30 2 * * *"
    assert dag.get_task("resolve_run").op_kwargs == {"timezone": "Asia/Kolkata"}
    assert {"list_tables", "copy_to_bronze", "silver_dimensions", "silver_facts", "publish"} <= set(dag.task_ids)


def export_of(schema: str, tmp_path: Path) -> Path:
    """The factory, with one pipeline, for a schema of this server's."""
    export = tmp_path / "factory"
    shutil.copytree(FACTORY, export, ignore=shutil.ignore_patterns("*crm*"))
    for file in export.rglob("*.json"):
        file.write_text(file.read_text().replace("Atliqsale", schema))
    return export


def dags_of(contracts: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What Airflow makes of dags/daily.py with these contracts."""
    from airflow.dag_processing.dagbag import DagBag

    monkeypatch.setenv("LAKEHOUSE_CONTRACTS_ROOT", str(contracts))
    found = DagBag(dag_folder=str(PROJECT / "dags" / "daily.py"))
    assert found.import_errors == {}
    return dict(found.dags)
