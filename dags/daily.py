"""
Copies every table of the MySQL schema to bronze, then Databricks brings silver and the schema's One Big Table, if it
has one, up to date. One run works on one **business date**.

| you want | do |
|---|---|
| the daily run | nothing: it starts by itself when the business date is over |
| one date again | *Trigger* with `business_date`; any date may be run any number of times, in any order |
| past dates, A to B | *Trigger → Backfill*, or `airflow backfill create`; bounds need the zone's offset, see below |
| one table again | clear its `copy_to_bronze` with *Downstream*; or, changed or not, *Trigger* with `tables` |
| silver anew from bronze | *Trigger* with `rebuild`, and `tables` for just some |
| deletes that were stopped, but are right | *Trigger* with that `business_date`, its table and `accept_deletes` |

A backfill compares its bounds with the instant at which a business date begins in the DAG's time zone, both included.
Airflow reads a bound without an offset as UTC, so give it: in Asia/Kolkata
`airflow backfill create --dag-id … --from-date 2026-11-10T00:00:00+05:30 --to-date 2026-11-14T00:00:00+05:30`.

Silver runs in batches, several tables in one Databricks run: dimensions first, then facts. The logs of both
`plan_…` tasks say what each table needs. A failed batch names each table that failed with its cause: clear it with
*Downstream*, and only what is not done runs.

A past date's facts are copied again and its landed dimension snapshot is reused; where none was landed the dimension
is left alone. For alerts and "unchanged since" see `docs/guides/operations.md`.
"""

from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, Asset, CronDataIntervalTimetable
from lakehouse.alerting.deadlines import scheduled_run_deadline
from lakehouse.alerting.notifiers import AlertNotifier
from lakehouse.daily_run import tasks
from lakehouse.daily_run.dag_defaults import beside_source, default_args
from lakehouse.daily_run.daily_run_file import DailyRun, daily_runs
from lakehouse.daily_run.run_params import daily_run_params
from lakehouse.operators.bronze_to_silver_operator import BronzeToSilverOperator
from lakehouse.operators.mysql_to_bronze_operator import MySqlToBronzeOperator
from lakehouse.operators.silver_to_gold_operator import SilverToGoldOperator
from lakehouse.operators.table_assets import layer_alias
from lakehouse.sensors.mysql_ready_sensor import MySqlReadySensor
from lakehouse.settings import settings_at_parse

settings = settings_at_parse()
beside = beside_source(settings)


def daily_dag(choices: DailyRun) -> DAG:
    """MySQL to bronze, silver and, where there is one, the One Big Table; the same for every schema."""
    schema, gold_table = choices.schema, choices.one_big_table
    result = f"gold.{gold_table}" if gold_table else f"silver.{schema}"
    alert = AlertNotifier(timezone=choices.timezone)
    with DAG(
        dag_id=choices.dag_id,
        description=f"MySQL {schema} to bronze and on to {result}, by business date",
        doc_md="\n\n".join(part for part in (f"# The day of {schema}", choices.runbook, __doc__) if part),
        schedule=CronDataIntervalTimetable(choices.schedule, timezone=choices.timezone),
        start_date=datetime.combine(choices.start_date, time(), ZoneInfo(choices.timezone)),
        catchup=False,
        max_active_runs=1,
        tags=["medallion", f"source:{schema}"],
        params=daily_run_params(),
        default_args=default_args(settings, alert, choices.owner),
        deadline=scheduled_run_deadline(timedelta(minutes=settings.deadline_minutes), alert),
    ) as dag:
        run = tasks.resolve_run(timezone=choices.timezone)
        date_of_run = {"business_date": run["business_date"], "run_slug": run["run_slug"]}
        source_ready = MySqlReadySensor(task_id="source_ready", schema=schema, poke_interval=30, timeout=3600, **beside)
        plans = tasks.list_tables.override(**beside)(schema=schema, one_big_table=gold_table)
        copied = MySqlToBronzeOperator.partial(
            task_id="copy_to_bronze",
            mysql_conn_id=settings.mysql_conn_id,
            pool=settings.copy_pool,
            outlets=[layer_alias("bronze", schema)],
            map_index_template="{{ task.plan['label'] }}",
            **beside,
            **date_of_run,
        ).expand(plan=plans)

        def silver(kind, after):
            """Plans the batches of one kind of tables once what they need is over, and runs them."""
            batches = tasks.plan_silver.override(task_id=f"plan_{kind}s")(
                run=run, plans=plans, schema=schema, kind=kind
            )
            after >> batches
            return BronzeToSilverOperator.partial(
                task_id=f"silver_{kind}s",
                schema=schema,
                rebuild="{{ params.rebuild }}",
                accept_deletes="{{ params.accept_deletes }}",
                asked_for="{{ not not params.tables }}",
                pool=settings.silver_pool,
                outlets=[layer_alias("silver", schema)],
                map_index_template="{{ task.batch['label'] }}",
                **date_of_run,
            ).expand(batch=batches)

        dimensions = silver("dimension", after=copied)
        done = [copied, dimensions, silver("fact", after=dimensions)]
        run >> source_ready >> plans
        if gold_table:
            gold = SilverToGoldOperator(
                task_id="gold", schema=schema, table=gold_table, rebuild="{{ params.rebuild }}",
                pool=settings.gold_pool, trigger_rule="none_failed", **date_of_run,
            )  # fmt: skip
            done >> gold
            done = [*done, gold]
        # The leaves decide what becomes of a run: `publish` runs only after everything else succeeded, and `report`
        # fails for what was let pass on the way.
        reconciled = tasks.reconcile(run=run, plans=plans, schema=schema, one_big_table=gold_table)
        tasks.publish.override(outlets=[Asset(result)])(run=run, reconciled=reconciled)
        done >> reconciled
        [*done, reconciled] >> tasks.report(run=run, plans=plans, schema=schema)
    return dag


# A folder that cannot have a DAG takes no other one away: `schemas_without_dag.py` shows what is wrong with it.
for found in daily_runs(Path(settings.contracts_root), settings)[0]:
    globals()[found.dag_id] = daily_dag(found)
