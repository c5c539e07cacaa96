"""Rules that every DAG keeps, whichever it is."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
import pytest
from airflow.timetables.base import TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable

pytestmark = pytest.mark.airflow

REPOSITORY = Path(__file__).resolve().parents[2]
DAG_FILES = sorted((REPOSITORY / "dags").glob("*.py"))
POOLS = json.loads((REPOSITORY / "infra" / "airflow" / "pools.json").read_text())
HEAVY = {
    "pyarrow", "pandas", "pyspark", "deltalake", "duckdb", "MySQLdb", "open_data_contract_standard", "adlfs", "sqlglot",
}  # fmt: skip


@pytest.fixture(scope="module")
def bag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(dag_folder=str(REPOSITORY / "dags"))


def test_every_dag_file_loads_and_there_is_at_least_one(bag: Any) -> None:
    assert bag.import_errors == {}
    assert set(bag.dags) == {"atliqsale_daily", "lakehouse_upkeep"}


def test_every_dag_carries_its_runbook(bag: Any) -> None:
    for dag in bag.dags.values():
        assert dag.doc_md
        assert "business_date" in dag.doc_md


def test_every_dag_has_real_data_intervals_and_does_not_catch_up(bag: Any) -> None:
    for dag in bag.dags.values():
        assert type(dag.timetable).__name__ == "CronDataIntervalTimetable"
        assert dag.catchup is False
        assert dag.max_active_runs == 1


def test_every_task_alerts_when_it_has_failed_and_cannot_run_for_ever(bag: Any) -> None:
    """What Airflow does not limit, the waiting for Databricks, the operator does: see its own tests."""
    for dag in bag.dags.values():
        for task in dag.tasks:
            assert task.has_on_failure_callback, task.task_id
            limit = task.execution_timeout
            assert isinstance(limit, timedelta), task.task_id
            assert limit <= timedelta(hours=2), task.task_id


def test_every_task_that_may_heal_is_retried_with_growing_delays(bag: Any) -> None:
    for dag in bag.dags.values():
        for task in dag.tasks:
            if task.task_id != "report":
                assert task.retries >= 1, task.task_id
                assert task.retry_exponential_backoff, task.task_id


def test_every_pool_that_a_task_names_is_in_the_pools_file(bag: Any) -> None:
    pools = {task.pool for dag in bag.dags.values() for task in dag.tasks} - {"default_pool"}
    assert pools == set(POOLS)


def test_upkeep_tends_the_tables_of_every_schema_in_a_run_of_its_own(bag: Any) -> None:
    task = bag.dags["lakehouse_upkeep"].get_task("tend_tables")
    assert task.expand_input.value == {"schema": ["atliqsale"]}
    assert task.partial_kwargs["business_date"] == "{{ dag_run.run_after | ds }}"


def test_every_param_says_what_it_is_for(bag: Any) -> None:
    for dag in bag.dags.values():
        for name in dag.params:
            assert dag.params.get_param(name).description, name


def test_the_run_is_red_whenever_any_table_is_red(bag: Any) -> None:
    dag = bag.dags["atliqsale_daily"]
    gates = [task for task in dag.leaves if task.trigger_rule == "all_success"]

    assert [task.task_id for task in gates] == ["publish"]
    assert {task.task_id for task in dag.leaves} == {"publish", "report"}
    upstream = gates[0].get_flat_relative_ids(upstream=True)
    assert upstream == {task.task_id for task in dag.tasks} - {"publish", "report"}
    # A copy that lets its failure pass is told by `report`, which sees the end of every other task but `publish`.
    assert dag.get_task("report").get_flat_relative_ids(upstream=True) == upstream


def test_a_schema_without_a_one_big_table_ends_with_silver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "sale.odcs.yaml").touch()

    (dag,) = dags_of(tmp_path, monkeypatch).values()

    assert dag.dag_id == "shop_daily"
    assert set(dag.task_ids) == {
        "resolve_run", "source_ready", "list_tables", "copy_to_bronze", "plan_dimensions", "silver_dimensions",
        "plan_facts", "silver_facts", "reconcile", "publish", "report",
    }  # fmt: skip
    assert dag.get_task("reconcile").trigger_rule == "none_failed"
    done = {"copy_to_bronze", "silver_dimensions", "silver_facts"}
    assert dag.get_task("reconcile").upstream_task_ids >= done
    assert dag.get_task("report").upstream_task_ids >= done
    # A table whose copy failed keeps no other from silver.
    assert {dag.get_task(name).trigger_rule for name in ("plan_dimensions", "plan_facts")} == {"all_done"}
    assert [asset.name for asset in dag.get_task("publish").outlets] == ["silver.shop"]


def test_every_schema_has_a_dag_by_its_own_choices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for schema in ("store", "shop", "große läden"):
        (tmp_path / schema).mkdir()
        (tmp_path / schema / "sale.odcs.yaml").touch()
    (tmp_path / "shop" / "daily_run.toml").write_text(
        'schedule = "30 1 * * *"\ntimezone = "Asia/Kolkata"\nstart_date = 2026-11-20\none_big_table = "sale"\n'
        'owner = "shop team"\nrunbook = "Call the shop."\n'
    )

    dags = dags_of(tmp_path, monkeypatch)

    assert set(dags) == {"store_daily", "shop_daily", "große_läden_daily"}
    shop = dags["shop_daily"]
    assert shop.timetable.expression == "30 1 * * *"
    assert shop.start_date.isoformat() == "2026-11-19T18:30:00+00:00"
    assert {task.owner for task in shop.tasks} == {"shop team"}
    assert shop.doc_md.startswith("# The day of shop\n\nCall the shop.\n\n")
    assert [asset.name for asset in shop.get_task("publish").outlets] == ["gold.sale"]
    assert shop.get_task("resolve_run").op_kwargs == {"timezone": "Asia/Kolkata"}
    (alert,) = shop.get_task("gold").on_failure_callback
    assert alert.timezone == shop.deadline[0].callback.kwargs["timezone"] == "Asia/Kolkata"


def dags_of(contracts_root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The DAGs that are made of these contracts."""
    from airflow.dag_processing.dagbag import DagBag

    monkeypatch.setenv("LAKEHOUSE_CONTRACTS_ROOT", str(contracts_root))
    found = DagBag(dag_folder=str(REPOSITORY / "dags" / "daily.py"))
    assert found.import_errors == {}
    return dict(found.dags)


def test_a_broken_folder_is_an_import_error_and_takes_no_other_dag_away(
    tmp_path: Path, airflow_environment: dict[str, str]
) -> None:
    """By Airflow's own dag processor and database: an error of a file takes all DAGs of that file away."""
    for schema in ("store", "shop"):
        (tmp_path / schema).mkdir()
        (tmp_path / schema / "sale.odcs.yaml").touch()
    (tmp_path / "shop" / "daily_run.toml").write_text('schedule = "daily"')
    environment = airflow_environment | {
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "LAKEHOUSE_CONTRACTS_ROOT": str(tmp_path),
    }

    def python(*arguments: str) -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    python("-m", "airflow", "dag-processor", "--num-runs", "1")

    script = """
from airflow.models import DagModel
from airflow.models.errors import ParseImportError
from airflow.settings import Session
session = Session()
print(sorted(dag.dag_id for dag in session.query(DagModel) if not dag.is_stale))
for error in session.query(ParseImportError): print(error.filename, error.stacktrace.splitlines()[-1])
"""
    assert python("-c", script).splitlines()[-2:] == [
        "['lakehouse_upkeep', 'store_daily']",
        "schemas_without_dag.py shop/daily_run.toml: schedule: 'daily': must be a cron expression of five fields in "
        'quotes, such as "0 0 * * *"',
    ]


@pytest.mark.parametrize("file", DAG_FILES, ids=lambda file: file.name)
def test_airflow_finds_a_dag_file_also_where_it_looks_for_words_before_it_parses(file: Path) -> None:
    from airflow.utils.file import might_contain_dag

    assert might_contain_dag(str(file), safe_mode=True)


@pytest.mark.parametrize(
    ("zone", "offset"), [("UTC", "+00:00"), ("Asia/Kolkata", "+05:30"), ("America/New_York", "-05:00")]
)
def test_a_backfill_whose_bounds_have_the_zones_offset_runs_both_ends(zone: str, offset: str) -> None:
    """As the runbook says: a bound without an offset would be read as UTC, and other dates would run."""
    timetable = CronDataIntervalTimetable("0 0 * * *", timezone=zone)
    first, last = (pendulum.parse(f"2026-11-{day}T00:00:00{offset}") for day in (10, 14))
    between = TimeRestriction(earliest=first, latest=last, catchup=True)

    found, interval = [], None
    while run := timetable.next_dagrun_info(last_automated_data_interval=interval, restriction=between):
        interval = run.data_interval
        found.append(interval.start.in_timezone(zone).day)

    assert found == [10, 11, 12, 13, 14]


@pytest.mark.parametrize("file", DAG_FILES, ids=lambda file: file.name)
def test_a_dag_file_is_wiring_and_no_more(file: Path) -> None:
    text = file.read_text()
    assert len(text.splitlines()) <= 120
    assert "SELECT " not in text
    assert "Variable.get" not in text
    assert ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("file", DAG_FILES, ids=lambda file: file.name)
def test_parsing_a_dag_imports_nothing_heavy(file: Path) -> None:
    program = (
        f"import sys, runpy\nrunpy.run_path({str(file)!r})\n"
        f"print(sorted({HEAVY!r} & {{name.partition('.')[0] for name in sys.modules}}))"
    )
    environment = {**os.environ, "PYTHONPATH": f"{REPOSITORY / 'plugins'}:{REPOSITORY}"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_tasks_that_ask_the_source_alone_go_to_the_worker_beside_it() -> None:
    edge = "airflow.providers.edge3.executors.EdgeExecutor"
    program = (
        "import json; from airflow.dag_processing.dagbag import DagBag; "
        f"bag = DagBag(dag_folder={str(REPOSITORY / 'dags' / 'daily.py')!r}); assert not bag.import_errors; "
        "print('tasks:' + json.dumps({t.task_id: [t.queue, t.executor] for t in bag.dags['atliqsale_daily'].tasks}))"
    )
    chosen = {
        "AIRFLOW__CORE__EXECUTOR": f"LocalExecutor,{edge}",
        "LAKEHOUSE_COPY_QUEUE": "onprem",
        "LAKEHOUSE_COPY_EXECUTOR": edge,
    }
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | chosen, capture_output=True, text=True, check=True
    )
    (told,) = [line for line in done.stdout.splitlines() if line.startswith("tasks:")]
    places = json.loads(told.removeprefix("tasks:"))
    beside = {task for task, place in places.items() if place == ["onprem", edge]}
    assert beside == {"source_ready", "list_tables", "copy_to_bronze"}
    assert {tuple(place) for task, place in places.items() if task not in beside} == {("default", None)}
