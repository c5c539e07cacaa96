"""`waiting`: tasks that no worker begins, of which nothing in Airflow turns red."""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.errors import LakehouseError

from cli.commands.command import DONE, FOUND_WRONG, Command
from cli.commands.numbers import positive

if TYPE_CHECKING:
    from collections.abc import Collection

    from lakehouse.alerting.alerts import Alert

UPKEEP_DAG = "lakehouse_upkeep"
_DESCRIPTION = """To be run where Airflow's database can be reached, beside the scheduler: prints each task of the
platform's DAGs that is queued, or given back by workers, for longer than the setting waiting_minutes. With --alert
on-call is alerted, by the connections of alert_conn_ids. Exit status 1: there is one."""


class WaitingError(LakehouseError):
    """Airflow's database cannot be asked."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--alert", action="store_true", help="alert on-call to each task, once while this runs")
    parser.add_argument("--every", type=positive, metavar="MINUTES", help="look again and again, until it is stopped")


def run(arguments: argparse.Namespace) -> int:
    """Look once, or again and again."""
    sent: set[str] = set()
    while True:
        try:
            alerts = _look(datetime.now(UTC), sent if arguments.alert else None)
        except WaitingError as error:
            if arguments.every is None:
                raise
            print(f"error: {error}", file=sys.stderr, flush=True)
        else:
            if arguments.every is None:
                if not alerts:
                    print("ok: no task waits for longer than it may")
                return FOUND_WRONG if alerts else DONE
        time.sleep(arguments.every * 60)


def _look(now: datetime, sent: set[str] | None) -> list[Alert]:
    """Prints what waits, and alerts on-call to what is not among `sent`, which then has it; None: no alert."""
    # As Airflow's own components do, so that connections and Variables of its database are found.
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    from airflow.utils.session import create_session
    from lakehouse.alerting.alerts import waiting_alert
    from lakehouse.alerting.notifiers import NO_CONNECTION, airflow_url, send_to_all
    from lakehouse.alerting.waiting_tasks import waiting_tasks
    from lakehouse.settings import alert_settings_at_run
    from sqlalchemy.exc import SQLAlchemyError

    try:
        settings = alert_settings_at_run()
        before = now - timedelta(minutes=settings.waiting_minutes)
        with create_session() as session:
            found = waiting_tasks(session, _dag_ids(), before)
    except SQLAlchemyError as error:
        raise WaitingError(
            f"Airflow's database cannot be asked ({type(error).__name__}): run this with the scheduler's environment"
        ) from None
    url = settings.airflow_url or airflow_url()
    alerts = [waiting_alert(task, now=now, airflow_url=url, timezone=settings.timezone) for task in found]
    for alert in alerts:
        print(f"WAITS: {alert.title}: {alert.cause}", flush=True)
    if sent is not None:
        if alerts and not settings.alert_conn_ids:
            print(NO_CONNECTION, file=sys.stderr, flush=True)
        sent &= {alert.dedup_key for alert in alerts}
        for alert in alerts:
            problems = [] if alert.dedup_key in sent else send_to_all(settings, alert)
            for problem in problems:
                print(f"alert not delivered: {problem}", file=sys.stderr, flush=True)
            if not problems:
                sent.add(alert.dedup_key)
    return alerts


def _dag_ids() -> Collection[str]:
    from lakehouse.daily_run.daily_run_file import daily_runs
    from lakehouse.settings import settings_at_parse

    settings = settings_at_parse()
    return [*(one.dag_id for one in daily_runs(Path(settings.contracts_root), settings)[0]), UPKEEP_DAG]


COMMAND = Command(
    words=("waiting",),
    summary="tasks that no worker begins, and alert on-call to them",
    description=_DESCRIPTION,
    add_arguments=_add_arguments,
    run=run,
)
