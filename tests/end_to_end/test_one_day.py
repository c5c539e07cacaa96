"""The main job on the real thing: MySQL, Airflow's scheduler, Spark with Delta, all started for this.

The tests stand in the order in which a platform lives: each begins where the one before it ended.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from local.demo.airflow_client import AirflowApiError
from local.demo.day import DAG_ID, run_day
from local.demo.independent_check import compare, query_delta, query_gold
from local.demo.stack import Stack
from local.demo_data import PlantedDefects
from local.demo_data.next_day import NextDay, live_next_day
from local.mysql_server import SOURCE_SCHEMA
from tests.databricks_bundle import create_bodies, make_wheel
from tests.end_to_end.conftest import LINEAGE_FILE
from tests.end_to_end.lake_content import LAST_DATE, content_of
from tests.waiting import wait_until

pytestmark = pytest.mark.end_to_end

NEXT_DATE = LAST_DATE + timedelta(days=1)
Task = tuple[str, int | None]
# The names of a dataset and its column, as OpenLineage has them.
Field = tuple[str, str, str]
VARIABLE = "lakehouse_databricks_jobs"
TABLES = ("customer", "date", "market", "product", "transactions")


def say(line: str) -> None:
    print(line, flush=True)


def test_the_first_day_fills_a_one_big_table_that_equals_an_independent_calculation(
    stack: Stack, source: Any, lake: Path, planted: PlantedDefects
) -> None:
    run = run_day(stack, LAST_DATE, say)

    assert run.state == "success", failed_logs(stack, run.run_id)
    comparison = compare(source, lake, LAST_DATE)
    assert comparison.differences == []
    defects = planted.transactions
    quarantined = defects.zero_amounts + defects.negative_amounts
    assert comparison.total.rows == defects.rows - quarantined - defects.twin_rows
    reasons = query_delta(
        {"q": lake / "silver" / "transactions_quarantine"},
        "SELECT r.name, count(*) FROM (SELECT unnest(_errors) AS r FROM q) GROUP BY 1",
    )
    assert reasons == [("sales_amount_positive", quarantined)]
    instances = stack.airflow.task_instances(DAG_ID, run.run_id)
    names = [(one["task_id"], one["rendered_map_index"]) for one in instances if one["map_index"] >= 0]
    assert sorted(names) == [
        *(("copy_to_bronze", table) for table in TABLES),
        ("silver_dimensions", "customer, date, market, product"),
        ("silver_facts", "transactions"),
    ]


def test_the_run_s_asset_carries_its_figures(stack: Stack) -> None:
    events = stack.airflow.request("GET", "/assets/events?order_by=-timestamp")["asset_events"]

    assert events[0]["extra"]["business_date"] == LAST_DATE.isoformat()
    assert events[0]["extra"]["gold_rows"] > 0


def test_what_the_run_reported_leads_from_a_column_of_gold_to_those_of_mysql(stack: Stack, lake: Path) -> None:
    made_of: dict[Field, set[Field]] = {}
    for line in (stack.home.root / LINEAGE_FILE).read_text().splitlines():
        event = json.loads(line)
        for output in event["outputs"] if event["eventType"] == "COMPLETE" else ():
            for column, field in output["facets"].get("columnLineage", {"fields": {}})["fields"].items():
                made_of[output["namespace"], output["name"], column] = {
                    (one["namespace"], one["name"], one["field"]) for one in field["inputFields"]
                }

    def first_columns(field: Field) -> set[str]:
        if field not in made_of:
            namespace, table, column = field
            assert namespace == f"mysql://127.0.0.1:{stack.ports.mysql}"
            return {f"{table}.{column}"}
        return {name for one in made_of[field] for name in first_columns(one)}

    gold = "file", f"{lake}/gold/sales_obt"
    assert first_columns((*gold, "revenue_inr")) == {
        "atliqsale.transactions.currency", "atliqsale.transactions.sales_amount",
    }  # fmt: skip
    assert first_columns((*gold, "zone")) == {
        "atliqsale.market.zone", "atliqsale.market.market_code", "atliqsale.transactions.market_code",
    }  # fmt: skip


def test_running_a_date_again_changes_no_row_and_writes_nothing(stack: Stack, lake: Path) -> None:
    before = content_of(lake)

    run = run_day(stack, LAST_DATE, say)

    assert run.state == "success", failed_logs(stack, run.run_id)
    assert content_of(lake) == before


def test_a_day_without_changes_starts_no_databricks_run_and_is_published(stack: Stack, lake: Path) -> None:
    before, last_run = content_of(lake), newest_databricks_run(stack)

    run = run_day(stack, NEXT_DATE, say)

    say(f"a day without changes: {run.seconds:.0f} s")
    assert run.state == "success", failed_logs(stack, run.run_id)
    assert newest_databricks_run(stack) == last_run
    assert content_of(lake) == before
    published = stack.airflow.request("GET", "/assets/events?order_by=-timestamp")["asset_events"][0]["extra"]
    assert published["business_date"] == NEXT_DATE.isoformat()
    assert published["unchanged_since"] == {
        **{f"silver.{table}": LAST_DATE.isoformat() for table in TABLES}, "gold.sales_obt": LAST_DATE.isoformat()
    }  # fmt: skip
    assert published["gold_rows"] == len(before.rows["gold.sales_obt"])


# Tasks that are cleared at once. None is the direct upstream of another one, so that each runs among neighbours that
# stand as they were.
CLEARED: tuple[tuple[Task, ...], ...] = (
    (("resolve_run", None),),
    (("source_ready", None), ("plan_dimensions", None), ("report", None)),
    (("list_tables", None), ("gold", None), ("publish", None)),
    (("plan_facts", None), ("reconcile", None)),
    (("copy_to_bronze", 0), ("copy_to_bronze", 4)),
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A soak clears each task by itself."""
    if "cleared" in metafunc.fixturenames:
        alone = [(task,) for group in CLEARED for task in group]
        groups = alone if metafunc.config.getoption("--soak") else list(CLEARED)
        metafunc.parametrize("cleared", groups, ids=[" ".join(name for name, _ in group) for group in groups])


def test_clearing_any_task_alone_changes_no_row(stack: Stack, lake: Path, cleared: tuple[Task, ...]) -> None:
    before = content_of(lake)
    run_id = stack.airflow.runs(DAG_ID)[-1]["dag_run_id"]
    tries = {task: tries_of(stack, run_id, *task) for task in cleared}

    stack.airflow.clear(DAG_ID, run_id, cleared)
    wait_until(
        lambda: all(tries_of(stack, run_id, *task) > tries[task] for task in cleared), f"{cleared} were cleared", 120
    )

    assert stack.airflow.wait(DAG_ID, run_id, 300, alive=stack.require_alive) == "success", failed_logs(stack, run_id)
    assert content_of(lake).rows == before.rows


@pytest.fixture(scope="module")
def edits(stack: Stack, planted: PlantedDefects) -> NextDay:
    connection = stack.mysql.connect(SOURCE_SCHEMA)
    made = live_next_day(connection, NEXT_DATE)
    connection.close()
    return made


@pytest.fixture
def deployed_jobs(stack: Stack, tmp_path: Path) -> Iterator[dict[str, int]]:
    """The ids of the bundle's jobs, which Airflow starts until this is over; their own defaults lead nowhere."""
    variables = {"release": "r1", "lake_root": "/nowhere", "airflow_client_id": "airflow"}
    bodies = create_bodies("prod", make_wheel(tmp_path), **variables)
    ids = {stage: databricks(stack, "jobs/create", body)["job_id"] for stage, body in bodies.items()}
    stack.airflow.request("POST", "/variables", {"key": VARIABLE, "value": "lakehouse {stage}"})
    yield ids
    stack.airflow.request("DELETE", f"/variables/{VARIABLE}")


def test_a_day_whose_copies_are_cleared_with_downstream_shows_every_edit_of_its_users_also_by_deployed_jobs(
    stack: Stack, source: Any, lake: Path, edits: NextDay, deployed_jobs: dict[str, int]
) -> None:
    run_id = stack.airflow.runs(DAG_ID)[-1]["dag_run_id"]
    assert silver_batches(stack, run_id) == {("silver_dimensions", None, "skipped"), ("silver_facts", None, "skipped")}

    stack.airflow.clear(DAG_ID, run_id, [("copy_to_bronze", None)], downstream=True)

    assert stack.airflow.wait(DAG_ID, run_id, 600, alive=stack.require_alive) == "success", failed_logs(stack, run_id)
    assert silver_batches(stack, run_id) == {
        ("silver_dimensions", "customer, market, product", "success"), ("silver_facts", "transactions", "success"),
    }  # fmt: skip
    started = databricks(stack, "jobs/runs/list?limit=4")["runs"]
    assert [(run["run_type"], run["job_id"]) for run in started[:3]] == [
        ("JOB_RUN", deployed_jobs[stage]) for stage in ("gold", "silver", "silver")
    ]
    assert started[3]["run_type"] == "SUBMIT_RUN"
    assert compare(source, lake, NEXT_DATE).differences == []
    assert history(lake, "customer", "customer_name", edits.renamed.customer_code) == [
        (edits.renamed.old_name.strip(), LAST_DATE, NEXT_DATE, False),
        (edits.renamed.new_name, NEXT_DATE, None, True),
    ]
    assert history(lake, "market", "zone", edits.moved.market_code) == [
        (edits.moved.old_zone, LAST_DATE, NEXT_DATE, False),
        (edits.moved.new_zone, NEXT_DATE, None, True),
    ]
    categories = query_gold(
        lake, f"SELECT DISTINCT category FROM sales_obt WHERE product_code = '{edits.added.product_code}'"
    )
    assert categories == [(edits.added.category,)]
    corrected = query_delta(
        {"q": lake / "silver" / "transactions_quarantine"},
        f"SELECT state FROM q WHERE business_date = DATE '{edits.corrected.sale.order_date}'"
        f" AND json_extract_string(raw_row, '$.product_code') = '{edits.corrected.sale.product_code}'"
        " AND state = 'corrected'",
    )
    assert corrected == [("corrected",)]


def test_an_older_date_run_after_a_newer_one_changes_no_row(stack: Stack, lake: Path, edits: NextDay) -> None:
    before = content_of(lake)

    run = run_day(stack, LAST_DATE, say)

    assert run.state == "success", failed_logs(stack, run.run_id)
    assert content_of(lake).rows == before.rows


def test_a_backfill_of_past_dates_run_twice_brings_their_facts_and_invents_no_history(
    stack: Stack, source: Any, lake: Path, edits: NextDay, soak: bool
) -> None:
    last = LAST_DATE - timedelta(days=16)
    first = last - timedelta(days=4 if soak else 1)
    with source.cursor() as cursor:
        cursor.execute(
            "UPDATE transactions SET sales_qty = sales_qty + 1 WHERE order_date BETWEEN %s AND %s", (first, last)
        )
    source.commit()
    before = content_of(lake)

    backfill(stack, first, last, "none")
    for run in backfill_runs(stack):
        assert silver_batches(stack, run["dag_run_id"]) == {
            ("silver_dimensions", None, "skipped"), ("silver_facts", "transactions", "success"),
        }  # fmt: skip
    once = content_of(lake)
    tries = backfill_tries(stack)
    backfill(stack, first, last, "completed")

    assert all(again > tries[run_id] for run_id, again in backfill_tries(stack).items())

    assert content_of(lake).rows == once.rows
    assert compare(source, lake, NEXT_DATE).differences == []
    dimensions = [name for name in before.rows if name.startswith("silver.") and "transactions" not in name]
    assert {name: once.rows[name] for name in dimensions} == {name: before.rows[name] for name in dimensions}
    assert once.rows["gold.sales_obt"] != before.rows["gold.sales_obt"]
    for run in backfill_runs(stack):
        # Done once, the batches of facts are planned away the second time.
        assert silver_batches(stack, run["dag_run_id"]) == {
            ("silver_dimensions", None, "skipped"), ("silver_facts", "transactions", "removed"),
        }  # fmt: skip


def test_wrong_parameters_fail_their_runs_with_one_clear_message_and_change_no_row(stack: Stack, lake: Path) -> None:
    before = content_of(lake)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({}, "business_date"),
        ({"business_date": "2999-01-01"}, "2999-01-01"),
        ({"business_date": "2026-06-30", "tables": ["transaction"]}, "transactions"),
    ]

    runs = [stack.airflow.trigger(DAG_ID, conf) for conf, _ in wrong]

    states = [stack.airflow.wait(DAG_ID, run_id, 300, alive=stack.require_alive) for run_id in runs]
    assert states == ["failed"] * len(wrong)
    for run_id, (_, message) in zip(runs, wrong, strict=True):
        assert message in failed_logs(stack, run_id)
    assert content_of(lake) == before


def test_a_business_date_that_is_no_date_is_refused_before_a_run_begins(stack: Stack) -> None:
    with pytest.raises(AirflowApiError, match="business_date"):
        stack.airflow.trigger(DAG_ID, {"business_date": "yesterday"})


def silver_batches(stack: Stack, run_id: str) -> set[tuple[str, str | None, str]]:
    """The tasks of silver: task, tables and state."""
    return {
        (instance["task_id"], instance["rendered_map_index"], instance["state"])
        for instance in stack.airflow.task_instances(DAG_ID, run_id)
        if instance["task_id"].startswith("silver_")
    }


def backfill(stack: Stack, first: date, last: date, reprocess: str) -> None:
    """Runs `airflow backfill create` as on-call would, and waits for its runs."""
    done = stack.airflow_command(
        "backfill", "create", "--dag-id", DAG_ID, "--from-date", first.isoformat(), "--to-date", last.isoformat(),
        "--reprocess-behavior", reprocess, "--max-active-runs", "1",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    wait_until(lambda: len(backfill_runs(stack)) == (last - first).days + 1, "the backfill made its runs", 120)
    for run in backfill_runs(stack):
        state = stack.airflow.wait(DAG_ID, run["dag_run_id"], 600, alive=stack.require_alive)
        assert state == "success", failed_logs(stack, run["dag_run_id"])
    wait_until(lambda: not active_backfills(stack), "the backfill completed", 600)
    assert {run["state"] for run in backfill_runs(stack)} == {"success"}


def backfill_tries(stack: Stack) -> dict[str, int]:
    return {run["dag_run_id"]: tries_of(stack, run["dag_run_id"], "resolve_run", None) for run in backfill_runs(stack)}


def backfill_runs(stack: Stack) -> list[dict[str, Any]]:
    stack.require_alive()
    return [run for run in stack.airflow.runs(DAG_ID) if run["run_type"] == "backfill"]


def active_backfills(stack: Stack) -> list[dict[str, Any]]:
    stack.require_alive()
    found = stack.airflow.request("GET", f"/backfills?dag_id={DAG_ID}")["backfills"]
    return [entry for entry in found if entry["completed_at"] is None]


def newest_databricks_run(stack: Stack) -> int:
    return int(databricks(stack, "jobs/runs/list?limit=1")["runs"][0]["run_id"])


def databricks(stack: Stack, call: str, body: dict[str, Any] | None = None) -> Any:
    request = Request(
        f"{stack.databricks_url}/api/2.2/{call}",
        data=json.dumps(body).encode() if body else None,
        headers={"Authorization": f"Bearer {stack.secrets.databricks_token}"},
    )
    with urlopen(request, timeout=30) as answer:
        return json.load(answer)


def history(lake: Path, table: str, column: str, code: str) -> list[tuple[Any, ...]]:
    return query_delta(
        {table: lake / "silver" / table},
        f"SELECT {column}, valid_from, valid_to, is_current FROM {table}"
        f" WHERE {table}_code = '{code}' ORDER BY valid_from",
    )


def tries_of(stack: Stack, run_id: str, task_id: str, map_index: int | None) -> int:
    return next(
        instance["try_number"] + (instance["state"] is None)
        for instance in stack.airflow.task_instances(DAG_ID, run_id)
        if instance["task_id"] == task_id and instance["map_index"] == (-1 if map_index is None else map_index)
    )


def failed_logs(stack: Stack, run_id: str) -> str:
    """The logs of the tasks that failed, for the assertion's message."""
    return "\n".join(
        stack.airflow.log(DAG_ID, run_id, instance["task_id"], instance["map_index"], instance["try_number"])
        for instance in stack.airflow.task_instances(DAG_ID, run_id)
        if instance["state"] == "failed"
    )
