"""The daily DAG of a source schema: wires operators and tasks, the same for every schema."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
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
from lakehouse.settings import WiringSettings, settings_at_parse


def daily_dag(*, schema: str, one_big_table: str | None, schedule: str, runbook: str) -> DAG:
    """The DAG `<schema>_daily`: MySQL to bronze, silver and, where there is one, the One Big Table.

    Args:
        schema: the source schema, which names the contracts' folder too.
        one_big_table: the One Big Table's name; None: the schema has none, and its runs end with silver.
        schedule: cron expression, in the time zone of the settings.
        runbook: Markdown for on-call, shown with the DAG.

    Raises:
        SettingError: a setting that is read while a DAG is parsed is unusable.
    """
    settings = settings_at_parse()
    alert = AlertNotifier()
    result = f"gold.{one_big_table}" if one_big_table else f"silver.{schema}"
    with DAG(
        dag_id=f"{schema}_daily",
        description=f"MySQL {schema} to bronze, silver{f' and {result}' if one_big_table else ''}, by business date",
        doc_md=runbook,
        schedule=CronDataIntervalTimetable(schedule, timezone=settings.timezone),
        start_date=datetime.combine(settings.schedule_start, time(), ZoneInfo(settings.timezone)),
        catchup=False,
        max_active_runs=1,
        tags=["medallion", f"source:{schema}"],
        params=daily_run_params(),
        default_args=default_args(settings, alert),
        deadline=scheduled_run_deadline(timedelta(minutes=settings.deadline_minutes), alert),
    ) as dag:
        run: Any = tasks.resolve_run(timezone=settings.timezone)
        source_ready = MySqlReadySensor(
            task_id="source_ready",
            mysql_conn_id=settings.mysql_conn_id,
            schema=schema,
            poke_interval=30,
            timeout=timedelta(hours=1).total_seconds(),
        )
        plans: Any = tasks.list_tables(schema=schema)
        per_table = _per_table(settings, run).expand(plan=plans)
        reconciled: Any = tasks.reconcile(run=run, plans=plans, schema=schema, one_big_table=one_big_table)
        # The leaves decide what becomes of a run: `publish` runs only after everything else succeeded, and `report`
        # fails for what was let pass on the way.
        tasks.publish.override(outlets=[Asset(result)])(run=run, reconciled=reconciled)
        reported: Any = tasks.report(run=run, plans=plans, schema=schema)

        run >> source_ready >> plans
        [per_table, reconciled] >> reported
        if one_big_table:
            gold = SilverToGoldOperator(
                task_id="gold",
                schema=schema,
                table=one_big_table,
                business_date=run["business_date"],
                run_slug=run["run_slug"],
                pool=settings.gold_pool,
                trigger_rule="none_failed",
            )
            per_table >> gold >> [reconciled, reported]
        else:
            per_table >> reconciled
    return dag


def _per_table(settings: WiringSettings, run: Any) -> Any:
    @task_group(group_id="table")
    def one_table(plan: Any) -> None:
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

    return one_table
