"""
# The AtliQ sales day

Copies every table of the MySQL schema `atliqsale` to bronze, then Databricks brings silver and the One Big Table
`gold.sales_obt` up to date. One run works on one **business date**.

| you want | do |
|---|---|
| the daily run | nothing: it starts by itself when the business date is over |
| one date again | *Trigger* with `business_date`; any date may be run any number of times, in any order |
| past dates, A to B | *Trigger → Backfill*, or `airflow backfill create --dag-id … --from-date A --to-date B` |
| one table again | clear its `copy_to_bronze` with *Downstream*; or *Trigger* with `tables` |
| silver anew from bronze | *Trigger* with `rebuild`, and `tables` for just some |
| deletes that were stopped, but are right | *Trigger* with that `business_date`, its table and `accept_deletes` |

A past date's facts are copied again and its landed dimension snapshot is reused; where none was landed the dimension
is left alone and its `silver` shows as skipped. What each alert means stands in `docs/operations.md`.

Another MySQL schema: copy this file, change the three names below, write its contracts.
"""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, Asset, CronDataIntervalTimetable, task_group
from lakehouse.alerting.deadlines import scheduled_run_deadline
from lakehouse.alerting.notifiers import AlertNotifier
from lakehouse.daily_run import tasks
from lakehouse.daily_run.dag_defaults import default_args
from lakehouse.daily_run.run_params import daily_run_params
from lakehouse.operators.bronze_to_silver_operator import BronzeToSilverOperator
from lakehouse.operators.mysql_to_bronze_operator import MySqlToBronzeOperator
from lakehouse.operators.silver_to_gold_operator import SilverToGoldOperator
from lakehouse.sensors.mysql_ready_sensor import MySqlReadySensor
from lakehouse.settings import settings_at_parse

SCHEMA = "atliqsale"
ONE_BIG_TABLE = "sales_obt"
SCHEDULE = "0 0 * * *"

settings = settings_at_parse()
alert = AlertNotifier()

with DAG(
    dag_id=f"{SCHEMA}_daily",
    description=f"MySQL {SCHEMA} to bronze, silver and gold.{ONE_BIG_TABLE}, by business date",
    doc_md=__doc__,
    # A fixed midnight keeps `--from-date` and `--to-date` of a backfill inclusive: they are compared with this instant.
    schedule=CronDataIntervalTimetable(SCHEDULE, timezone=settings.timezone),
    start_date=datetime.combine(settings.schedule_start, time(), ZoneInfo(settings.timezone)),
    catchup=False,
    max_active_runs=1,
    tags=["medallion", f"source:{SCHEMA}"],
    params=daily_run_params(),
    default_args=default_args(settings, alert),
    deadline=scheduled_run_deadline(timedelta(minutes=settings.deadline_minutes), alert),
) as dag:
    run = tasks.resolve_run(timezone=settings.timezone)
    source_ready = MySqlReadySensor(
        task_id="source_ready",
        mysql_conn_id=settings.mysql_conn_id,
        schema=SCHEMA,
        poke_interval=30,
        timeout=timedelta(hours=1).total_seconds(),
    )
    plans = tasks.list_tables(schema=SCHEMA)

    @task_group(group_id="table")
    def one_table(plan):
        """What every table goes through."""
        copied = MySqlToBronzeOperator(
            task_id="copy_to_bronze",
            mysql_conn_id=settings.mysql_conn_id,
            plan=plan,
            business_date=run["business_date"],
            run_slug=run["run_slug"],
            pool=settings.copy_pool,
            queue=settings.copy_queue,
            map_index_template="{{ task.plan['label'] }}",
        )
        BronzeToSilverOperator(
            task_id="silver",
            plan=plan,
            copied=copied.output,
            rebuild="{{ params.rebuild }}",
            accept_deletes="{{ params.accept_deletes }}",
            business_date=run["business_date"],
            run_slug=run["run_slug"],
            pool=settings.silver_pool,
            map_index_template="{{ task.plan['label'] }}",
        )

    per_table = one_table.expand(plan=plans)
    gold = SilverToGoldOperator(
        task_id="gold",
        schema=SCHEMA,
        table=ONE_BIG_TABLE,
        business_date=run["business_date"],
        run_slug=run["run_slug"],
        pool=settings.gold_pool,
        trigger_rule="none_failed",
    )
    reconciled = tasks.reconcile(run=run, plans=plans, schema=SCHEMA, one_big_table=ONE_BIG_TABLE)
    # The leaves decide what becomes of a run: `report` always succeeds, `publish` only after everything else did.
    tasks.publish.override(outlets=[Asset(f"gold.{ONE_BIG_TABLE}")])(run=run, reconciled=reconciled)

    run >> source_ready >> plans
    per_table >> gold >> reconciled
    [per_table, gold, reconciled] >> tasks.report(run=run, schema=SCHEMA)
