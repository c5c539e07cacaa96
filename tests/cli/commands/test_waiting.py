"""Tasks that no worker begins are found in Airflow's own database, and told once."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from lakehouse.alerting.alerts import WaitingTask, waiting_alert

from cli.commands.command import NOT_DONE
from cli.main import main
from tests.lakehouse.alerting.conftest import webhook as webhook
from tests.lakehouse.alerting.receivers import Received

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.airflow
def test_tasks_that_wait_for_too_long_are_told_to_on_call_once(
    airflow_environment: dict[str, str], webhook: Received
) -> None:
    script = Path(__file__).with_name("waiting_run.py")
    environment = airflow_environment | {
        "LAKEHOUSE_ALERT_CONN_IDS": "oncall", "LAKEHOUSE_AIRFLOW_URL": "https://airflow.example.com",
    }  # fmt: skip

    done = subprocess.run(
        [sys.executable, script, str(webhook.port)], env=environment, capture_output=True, text=True, timeout=600
    )

    assert done.returncode == 0, done.stderr[-4000:]
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("WAITING ")]
    titles = ["lakehouse_upkeep: given_back waits: 2026-11-20", "lakehouse_upkeep: sent waits: 2026-11-20"]
    keys = [f"lakehouse_upkeep/manual__1/{name}/-/task_waiting" for name in ("given_back", "sent")]
    assert json.loads(line.removeprefix("WAITING ")) == {"looks": [titles, titles], "told": keys, "status": 1}
    assert [body["alert"]["title"] for body in webhook.bodies] == titles
    assert [body["alert"]["cause"] for body in webhook.bodies] == [
        "it is up_for_reschedule for 100 minutes, and was given back 3 times: queue default of the first executor",
        "it is queued for 95 minutes: queue onprem of the first executor",
    ]
    assert "WAITS: lakehouse_upkeep: sent waits: 2026-11-20: it is queued for 95 minutes: queue onprem" in done.stdout


def test_the_alert_names_the_table_and_who_is_to_take_it() -> None:
    task = WaitingTask(
        dag_id="shop_daily",
        run_id="scheduled__1",
        task_id="copy_to_bronze",
        map_index=3,
        state="queued",
        since=NOW - timedelta(hours=2),
        label="sales",
        queue="onprem",
        executor="edge",
        interval_start=datetime(2026, 11, 19, 20, tzinfo=UTC),
    )
    alert = waiting_alert(task, now=NOW, airflow_url="https://airflow", timezone="Asia/Kolkata")
    assert alert.title == "shop_daily: copy_to_bronze waits: sales, 2026-11-20"
    assert alert.cause == "it is queued for 120 minutes: queue onprem of edge"
    assert alert.link == "https://airflow/dags/shop_daily/runs/scheduled__1/tasks/copy_to_bronze/mapped/3"
    assert alert.dedup_key == "shop_daily/scheduled__1/copy_to_bronze/3/task_waiting"


def test_a_database_that_cannot_be_asked_is_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from sqlalchemy.exc import OperationalError

    def away(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("postgresql://airflow:secret@db is away"))

    monkeypatch.setattr("lakehouse.alerting.waiting_tasks.waiting_tasks", away)
    assert main(["waiting"]) == NOT_DONE
    assert capsys.readouterr().err == (
        "error: Airflow's database cannot be asked (OperationalError): run this with the scheduler's environment\n"
    )
