"""What an alert says of each kind of failure."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from lakehouse.alerting.alerts import build_alert, one_line

URL = "https://airflow.example.com"
RUN_ID = "scheduled__2026-11-21T00:00:00+00:00"
RUN_LINK = f"{URL}/dags/atliqsale_daily/runs/scheduled__2026-11-21T00%3A00%3A00%2B00%3A00"


def task_context(error: object, task_id: str = "table.copy_to_bronze", map_index: int = 4, **task: Any) -> Any:
    """What Airflow hands to a task's failure callback, as far as an alert looks at it."""
    instance = SimpleNamespace(
        dag_id="atliqsale_daily", run_id=RUN_ID, task_id=task_id, map_index=map_index, try_number=3
    )
    dag_run = SimpleNamespace(
        dag_id="atliqsale_daily",
        run_id=RUN_ID,
        conf={},
        data_interval_start=datetime(2026, 11, 19, 18, 30, tzinfo=UTC),
        state="running",
    )
    return {"ti": instance, "dag_run": dag_run, "exception": error, "task": SimpleNamespace(**task)}


def alert_of(context: Any, **changes: Any) -> Any:
    """The alert of a context, in a DAG of Indian time."""
    return build_alert(context, airflow_url=URL, timezone="Asia/Kolkata", **changes)


def test_a_failed_table_is_told_with_its_date_cause_log_and_cure() -> None:
    context = task_context(
        OSError("cannot write /lake/part-0.parquet: the disk is full\nTraceback ..."),
        plan={"table": "transactions"},
        business_date="2026-11-20",
    )

    assert alert_of(context).text().splitlines() == [
        "atliqsale_daily: copy_to_bronze failed: transactions, 2026-11-20",
        "Table: transactions",
        "Business date: 2026-11-20",
        "Cause: cannot write /lake/part-0.parquet: the disk is full",
        f"Log: {RUN_LINK}/tasks/table.copy_to_bronze/mapped/4?try_number=3",
        "What to do: mend what the cause names, then clear this table's copy_to_bronze with downstream; "
        "see docs/guides/operations.md#what-to-do-by-what-failed",
        f"Airflow run: {RUN_ID}",
    ]


def test_a_databricks_failure_gives_the_jobs_own_error_and_its_run_page() -> None:
    error = RuntimeError(
        "Job run failed with terminal state: {'life_cycle_state': 'TERMINATED', 'result_state': 'FAILED'} and with the "
        "errors [{'task_key': 'silver', 'run_id': 7, 'error': 'customer.odcs.yaml: customer_name: no such "
        "column\\nat 3'}]"
    )
    context = task_context(error, "table.silver", plan={"table": "customer"}, business_date="2026-11-20")

    alert = alert_of(context, run_page="https://adb.example.com/#job/1/run/7")

    assert alert.cause == "customer.odcs.yaml: customer_name: no such column"
    assert ("Databricks run", "https://adb.example.com/#job/1/run/7") in alert.lines()


def test_a_task_without_a_table_takes_the_date_of_its_runs_interval_in_the_dags_time_zone() -> None:
    context = task_context(ValueError("x"), "list_tables", map_index=-1, business_date="{{ not rendered }}")

    alert = alert_of(context)

    assert alert.title == "atliqsale_daily: list_tables failed: 2026-11-20"
    assert alert.link == f"{RUN_LINK}/tasks/list_tables?try_number=3"
    assert (alert.table, alert.map_index) == (None, None)


def test_a_date_that_the_run_was_asked_for_wins_over_its_interval() -> None:
    context = task_context(ValueError("x"), "list_tables")
    context["dag_run"].conf = {"business_date": "2024-02-29"}

    assert alert_of(context).business_date == "2024-02-29"


def test_a_task_killed_from_outside_says_so() -> None:
    assert alert_of(task_context(None)).cause == "the task's process ended without an error: see its log"


def deadline_context(state: str = "running") -> Any:
    """What Airflow hands to a deadline's callback: the run as its REST API gives it."""
    return {
        "dag_run": {
            "dag_id": "atliqsale_daily",
            "dag_run_id": RUN_ID,
            "conf": None,
            "data_interval_start": "2026-11-19T18:30:00Z",
            "state": state,
        },
        "deadline": {"id": "0193", "deadline_time": "2026-11-21T04:00:00Z"},
    }


def test_a_missed_deadline_is_told_with_the_runs_state() -> None:
    alert = alert_of(deadline_context())

    assert alert.text().splitlines() == [
        "atliqsale_daily: not ready in time: 2026-11-20",
        "Business date: 2026-11-20",
        "Cause: the run was due by 2026-11-21T04:00:00Z and is running",
        f"Run: {RUN_LINK}",
        "What to do: open the run: whatever is red or still running is the cause; "
        "see docs/guides/operations.md#what-to-do-by-what-failed",
        f"Airflow run: {RUN_ID}",
    ]


def test_one_problem_has_one_key_and_each_problem_its_own() -> None:
    again = task_context(ValueError("another message"))
    again["ti"].try_number = 9
    contexts = [
        task_context(ValueError("x")),
        task_context(ValueError("x"), map_index=5),
        task_context(ValueError("x"), "table.silver"),
        deadline_context(),
    ]

    keys = [alert_of(context).dedup_key for context in contexts]

    assert keys[0] == f"atliqsale_daily/{RUN_ID}/table.copy_to_bronze/4/task_failed" == alert_of(again).dedup_key
    assert len(set(keys)) == len(contexts)


def test_a_key_is_never_longer_than_a_channel_takes() -> None:
    context = task_context(ValueError("x"))
    context["ti"].run_id = "r" * 300

    assert len(alert_of(context).dedup_key) == 64


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("first\nsecond"), "first"),
        (ValueError("\n\n  first  \n"), "first"),
        (ValueError("2 problems in the contracts:\na.odcs.yaml: x\nb"), "2 problems in the contracts: a.odcs.yaml: x"),
        (KeyError(), "KeyError without a message"),
        ("", "unknown"),
        (ValueError("x" * 500), "x" * 399 + "…"),
        (ValueError("refused mysql://lakehouse:hunter2@db:3306/x"), "refused mysql://lakehouse:***@db:3306/x"),
        (ValueError("login with password='hunter2' refused"), "login with password='***' refused"),
        (ValueError("AccountName=a;AccountKey=abc123==;x"), "AccountName=a;AccountKey=***;x"),
        (ValueError("https://x.blob/?sv=1&sig=abc%3D&se=2"), "https://x.blob/?sv=1&sig=***&se=2"),
        (ValueError("header Authorization: Bearer dapi0123456789abcdef"), "header Authorization: Bearer ***"),
        (ValueError("with the errors [broken"), "with the errors [broken"),
        (ValueError("with the errors [{'error': " + "[" * 100_000), "with the errors [{'error': " + "[" * 372 + "…"),
        (ValueError("with the errors [{'error': 'it\\'s ' + " + "-" * 100_000), "it's"),
        (ValueError("a\x07bell, a \ud800 half and \u202ebackwards"), r"a\x07bell, a \ud800 half and \u202ebackwards"),
    ],
)  # fmt: skip
def test_a_cause_is_one_short_line_without_secrets(error: object, line: str) -> None:
    assert one_line(error) == line


def test_an_error_that_cannot_be_shown_is_named() -> None:
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]

    assert one_line(ValueError(nested)) == "ValueError, whose message cannot be shown"


def test_names_with_control_characters_are_written_out_and_cut() -> None:
    context = task_context(ValueError("x"), plan={"table": "a\r\nBcc: eve@example.com"})
    context["dag_run"].conf = {"business_date": "2026\u2028" + "9" * 1000}

    alert = alert_of(context)

    assert alert.table == r"a\r\nBcc: eve@example.com"
    assert alert.business_date == r"2026\u2028" + "9" * 289 + "…"
    assert alert.title.isprintable()


@pytest.mark.parametrize("map_index", [0, 1])
def test_a_killed_tasks_table_is_looked_up_as_the_dag_file_maps_it(map_index: int) -> None:
    """Airflow then gives the task as the file has it, in which the table's plan is yet to be found."""
    from airflow.sdk import DAG, BaseOperator, task_group

    class Copy(BaseOperator):
        def __init__(self, *, plan: Any, business_date: Any, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.plan, self.business_date = plan, business_date

    plans = [{"table": "customer"}, {"table": "product"}]
    with DAG("d", schedule=None) as dag:

        @task_group(group_id="table")
        def one_table(plan: Any) -> None:
            Copy(task_id="copy_to_bronze", plan=plan, business_date="2026-11-20")

        one_table.expand(plan=plans)
        Copy.partial(task_id="alone", business_date="2026-11-21").expand(plan=plans)

    for task_id, day in (("table.copy_to_bronze", "2026-11-20"), ("alone", "2026-11-21")):
        context = {**task_context(None, task_id, map_index=map_index), "task": dag.get_task(task_id)}
        alert = alert_of(context)
        assert (alert.table, alert.business_date) == (plans[map_index]["table"], day)


def test_a_plan_that_cannot_be_looked_up_costs_the_table_and_not_the_alert() -> None:
    class Lost:
        def resolve(self, context: object) -> object:
            raise RuntimeError("the result is gone")

    alert = alert_of(task_context(None, plan=Lost(), business_date=Lost()))

    assert (alert.table, alert.business_date) == (None, "2026-11-20")
