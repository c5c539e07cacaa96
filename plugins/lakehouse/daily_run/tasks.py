"""The small tasks of a daily DAG: they gather settings and context, and leave the work to pure modules.

An error that no retry can heal (a wrong parameter, contract or figure) fails its task at once; one that may heal
(the source is away for a moment) is left to Airflow's retries.
"""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from lakehouse.alerting.task_failures import failing_at_once, settings_of_task

_log = logging.getLogger(__name__)


@task(multiple_outputs=True)
def resolve_run(timezone: str) -> dict[str, Any]:
    """The run's business date (ISO) and its name in paths; everything downstream takes them from here."""
    from zoneinfo import ZoneInfo

    from lakehouse.daily_run.business_date import resolve_business_date
    from lakehouse.errors import BusinessDateError
    from lakehouse.ledger import run_slug

    context = get_current_context()
    dag_run = context["dag_run"]
    with failing_at_once(BusinessDateError):
        business_date = resolve_business_date(
            param=context["params"].get("business_date"),
            data_interval_start=dag_run.data_interval_start,
            data_interval_end=dag_run.data_interval_end,
            timezone=timezone,
            today=datetime.now(ZoneInfo(timezone)).date(),
        )
    _log.info("business date %s", business_date)
    return {"business_date": business_date.isoformat(), "run_slug": run_slug(dag_run.run_id)}


@task
def list_tables(schema: str, one_big_table: str | None) -> list[dict[str, Any]]:
    """One plan per MySQL table of the schema (or of the `tables` param), in order of their names."""
    from lake_model.contracts.table_contracts import load_contracts
    from lake_model.lake_layout import bronze_root, name_of_folder, schema_folder
    from lakehouse.daily_run.daily_run_file import check_one_big_table
    from lakehouse.daily_run.planning import dropped_tables, left_out, plan_tables
    from lakehouse.errors import ContractError, LakehouseError, SourceUnavailableError, StorageError
    from lakehouse.hooks.mysql_source_hook import MySqlSourceHook
    from lakehouse.lake.lake_path import folders_in
    from lakehouse.lake.lake_root import lake_root

    settings = settings_of_task()
    requested = get_current_context()["params"].get("tables") or []
    with failing_at_once(ContractError):
        contracts = load_contracts(Path(settings.contracts_root) / schema)
        notes = check_one_big_table(contracts, one_big_table)
    try:
        with MySqlSourceHook(settings.mysql_conn_id).get_conn() as source:
            tables = source.tables(schema)
        planned = plan_tables(tables, contracts, requested)
        landed = [name_of_folder(name) for name in folders_in(schema_folder(bronze_root(lake_root(settings)), schema))]
    except (SourceUnavailableError, StorageError):
        raise
    except LakehouseError as error:
        raise AirflowFailException(str(error)) from error
    for line in (*notes, *left_out(tables, contracts), *dropped_tables(landed, tables, contracts)):
        _log.info("%s", line)
    for plan in planned:
        _log.info("%s: %s", plan.label, "by contract" if plan.contracted else "no contract, bronze only")
    return [plan.as_dict() for plan in planned]


@task(trigger_rule="all_done")
def plan_silver(
    run: dict[str, Any] | None, plans: list[dict[str, Any]] | None, schema: str, kind: str
) -> list[dict[str, Any]]:
    """Batches of the dimensions, or of the facts, that silver must work on; each batch is one Databricks run.

    A table whose copy failed is left out and holds no other up. For one that nothing changed for, the ledger's row is
    written here.
    """
    from lakehouse.daily_run.silver_batches import BatchLimits, silver_batches
    from lakehouse.daily_run.silver_work import silver_work, wishes_of
    from lakehouse.daily_run.unchanged import quiet_day
    from lakehouse.ledger import read_rows

    if run is None or plans is None:
        _log.info("no table was listed, so nothing is planned")
        return []
    settings = settings_of_task()
    day = quiet_day(settings, schema, date.fromisoformat(run["business_date"]), run["run_slug"])
    rows = read_rows(day.lake, schema, day.business_date, day.run_slug)
    # A table without a contract belongs to neither kind: it is logged with the dimensions, once.
    mine = [plan for plan in plans if plan["kind"] == kind or (plan["kind"] is None and kind == "dimension")]
    work = silver_work(day, mine, rows, wishes_of(get_current_context()["params"]))
    work.settle(day, _log.info)
    limits = BatchLimits(settings.silver_batch_tables, settings.silver_batch_rows)
    return silver_batches([(plan, day.landed_rows(plan)) for plan in work.to_run], limits)


@task(multiple_outputs=True, trigger_rule="none_failed")
def reconcile(
    run: dict[str, Any], schema: str, one_big_table: str | None, plans: list[dict[str, Any]]
) -> dict[str, Any]:
    """Compares source, bronze, silver, quarantine and gold, per table and date; any difference fails the run."""
    import msgspec

    from lake_model.contracts.table_contracts import load_contracts
    from lakehouse.daily_run.day_reconciliation import reconcile_day
    from lakehouse.daily_run.planning import TablePlan
    from lakehouse.errors import ContractError, ReconciliationError
    from lakehouse.lake.lake_root import lake_root

    settings = settings_of_task()
    with failing_at_once(ContractError, ReconciliationError):
        wide = load_contracts(Path(settings.contracts_root) / schema).one_big_tables if one_big_table else {}
        figures = reconcile_day(
            lake=lake_root(settings),
            schema=schema,
            plans=[msgspec.convert(plan, TablePlan) for plan in plans],
            one_big_table=wide[one_big_table] if one_big_table else None,
            business_date=date.fromisoformat(run["business_date"]),
            run_slug=run["run_slug"],
            clock=lambda: datetime.now(UTC),
        )
    for table, note in {**figures["not_compared"], **figures["overtaken"]}.items():
        _log.info("%s: %s", table, note)
    return figures


@task
def publish(run: dict[str, Any], reconciled: dict[str, Any]) -> None:
    """Publishes the day's asset with its figures, for schedules and people that wait for it."""
    context = get_current_context()
    for asset in context["outlets"]:
        context["outlet_events"][asset].extra = {"business_date": run["business_date"], **reconciled}


@task(trigger_rule="all_done", retries=0)
def report(run: dict[str, Any] | None, plans: list[dict[str, Any]] | None, schema: str) -> list[dict[str, Any]]:
    """Logs the run's ledger, whatever became of the run; fails it where a table without a contract was not copied.

    Every other failure has failed its own task.
    """
    from lakehouse.lake.lake_root import lake_root
    from lakehouse.ledger import read_rows, render_rows

    if run is None:
        _log.info("no business date could be resolved, so nothing ran")
        return []
    rows = read_rows(lake_root(settings_of_task()), schema, date.fromisoformat(run["business_date"]), run["run_slug"])
    for line in render_rows(rows).splitlines():
        _log.info("%s", line)
    uncontracted = {plan["table"] for plan in plans or () if not plan["contracted"]}
    failed = [row for row in rows if row.stage == "copy" and row.status == "failed" and row.table in uncontracted]
    if failed:
        raise AirflowFailException(
            "; ".join(f"{row.table} has no contract and was not copied: {row.error}" for row in failed)
        )
    return [row.summary() for row in rows]


@task
def sweep_bronze() -> None:
    """Removes from bronze what no reader can come to; a damaged table fails the task once all others are swept."""
    from lakehouse.bronze.bronze_upkeep import sweep_lake
    from lakehouse.errors import SettingError
    from lakehouse.lake.lake_root import lake_root

    settings = settings_of_task()
    with failing_at_once(SettingError):
        damaged = sweep_lake(lake_root(settings), settings.bronze_grace_days, _log.info)
    if damaged:
        raise AirflowFailException("\n".join(damaged))
