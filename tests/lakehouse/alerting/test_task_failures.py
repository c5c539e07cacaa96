"""A task that a wrong setting stops fails at once, with the message that names the setting: no retry could heal it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from airflow.sdk.exceptions import AirflowFailException
from lakehouse.alerting.task_failures import failing_at_once
from lakehouse.daily_run import tasks
from lakehouse.operators.bronze_to_silver_operator import BronzeToSilverOperator
from lakehouse.operators.mysql_to_bronze_operator import MySqlToBronzeOperator
from lakehouse.operators.silver_to_gold_operator import SilverToGoldOperator

RUN = {"business_date": "2026-11-20", "run_slug": "run"}


class _Instance:
    dag_id = run_id = task_id = id = "x"
    map_index = -1


CONTEXT = {"ti": _Instance()}
PLACE = {"task_id": "x", **RUN}
TASKS: dict[str, Callable[[], object]] = {
    "list_tables": lambda: tasks.list_tables.function(schema="atliqsale", one_big_table="sales_obt"),
    "reconcile": lambda: tasks.reconcile.function(run=RUN, schema="atliqsale", one_big_table="sales_obt", plans=[]),
    "report": lambda: tasks.report.function(run=RUN, plans=[], schema="atliqsale"),
    "copy_to_bronze": lambda: MySqlToBronzeOperator(mysql_conn_id="mysql_onprem", plan={}, **PLACE).execute(CONTEXT),  # type: ignore[arg-type]
    "plan_silver": lambda: tasks.plan_silver.function(run=RUN, plans=[], schema="atliqsale", kind="fact"),
    "silver": lambda: BronzeToSilverOperator(schema="atliqsale", batch={"plans": []}, **PLACE).execute(CONTEXT),  # type: ignore[arg-type]
    "gold": lambda: SilverToGoldOperator(schema="atliqsale", table="sales_obt", **PLACE).execute(CONTEXT),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("task", TASKS)
def test_a_wrong_setting_fails_a_task_without_retries(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_LAKE_ROOT", "abfss://lake@account.dfs.core.windows.net/atliq")
    with pytest.raises(AirflowFailException) as caught:
        TASKS[task]()
    assert str(caught.value) == (
        "setting lake_root has the value 'abfss://lake@account.dfs.core.windows.net/atliq', but must be file:///folder "
        "or abfs://connection@container/folder; correct the environment variable LAKEHOUSE_LAKE_ROOT"
    )


def test_other_errors_are_left_to_airflows_retries() -> None:
    with pytest.raises(OSError, match="away"), failing_at_once(ValueError):
        raise OSError("away")
