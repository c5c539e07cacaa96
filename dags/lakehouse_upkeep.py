"""
# Upkeep of the lake

Once a week `sweep_bronze` removes from bronze what no reader can come to: files of copies that failed, and indexes of
facts that later runs replaced. It never touches a snapshot that a past business_date may need, nor anything younger
than `LAKEHOUSE_BRONZE_GRACE_DAYS`.

`tend_tables` puts small files of silver and gold together where a table has many, and removes files that no version of
the last `LAKEHOUSE_SILVER_VERSION_DAYS` and `LAKEHOUSE_GOLD_VERSION_DAYS` has. It is one Databricks run for each
schema, whose log and ledger rows (stage `upkeep`) count the files of each table.

| you want | do |
|---|---|
| to see what would go from bronze | `bin/lakehouse upkeep --dry-run` |
| to sweep bronze now | *Trigger*, or `bin/lakehouse upkeep` |
| to keep more | raise `LAKEHOUSE_BRONZE_GRACE_DAYS`, `LAKEHOUSE_SILVER_VERSION_DAYS`, `LAKEHOUSE_GOLD_VERSION_DAYS` |

It may run at any time beside copies and runs; missing a week does no harm. What each alert means stands in
`docs/guides/operations.md`.
"""

from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, CronDataIntervalTimetable
from lakehouse.alerting.notifiers import AlertNotifier
from lakehouse.daily_run import tasks
from lakehouse.daily_run.dag_defaults import default_args
from lakehouse.daily_run.daily_run_file import daily_runs
from lakehouse.operators.lake_upkeep_operator import LakeUpkeepOperator
from lakehouse.settings import settings_at_parse

SCHEDULE = "0 18 * * 0"

settings = settings_at_parse()

with DAG(
    dag_id="lakehouse_upkeep",
    description="Removes what no reader can come to, and puts small files together",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable(SCHEDULE, timezone=settings.timezone),
    start_date=datetime.combine(settings.schedule_start, time(), ZoneInfo(settings.timezone)),
    catchup=False,
    max_active_runs=1,
    tags=["upkeep"],
    default_args=default_args(settings, AlertNotifier()),
):
    tasks.sweep_bronze()
    LakeUpkeepOperator.partial(
        task_id="tend_tables",
        business_date="{{ dag_run.run_after | ds }}",
        run_slug="{{ run_id }}",
        pool=settings.silver_pool,
        map_index_template="{{ task.schema }}",
    ).expand(schema=[one.schema for one in daily_runs(Path(settings.contracts_root), settings)[0]])
