"""
# Upkeep of the lake

Once a week removes from bronze what no reader can come to: files of copies that failed, and indexes of facts that
later runs replaced. It never touches a snapshot that a past business_date may need, nor anything younger than
`LAKEHOUSE_BRONZE_GRACE_DAYS`.

| you want | do |
|---|---|
| to see what would go | `bin/lakehouse upkeep --dry-run` |
| to sweep now | *Trigger*, or `bin/lakehouse upkeep` |
| to keep more | raise `LAKEHOUSE_BRONZE_GRACE_DAYS` |

It may run at any time beside copies; missing a week does no harm. What each alert means stands in `docs/operations.md`.
"""

from datetime import datetime, time
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, CronDataIntervalTimetable
from lakehouse.alerting.notifiers import AlertNotifier
from lakehouse.daily_run import tasks
from lakehouse.daily_run.dag_defaults import default_args
from lakehouse.settings import settings_at_parse

SCHEDULE = "0 18 * * 0"

settings = settings_at_parse()

with DAG(
    dag_id="lakehouse_upkeep",
    description="Removes from bronze what no reader can come to",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable(SCHEDULE, timezone=settings.timezone),
    start_date=datetime.combine(settings.schedule_start, time(), ZoneInfo(settings.timezone)),
    catchup=False,
    max_active_runs=1,
    tags=["upkeep"],
    default_args=default_args(settings, AlertNotifier()),
):
    tasks.sweep_bronze()
