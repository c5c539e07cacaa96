"""Reconciles one run: gathers its manifests and ledger, compares them, and keeps the outcome in the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from lake_model.lake_layout import bronze_root, manifest_name, table_folder
from lakehouse.bronze.manifest import read_manifest
from lakehouse.daily_run.planning import TablePlan
from lakehouse.daily_run.reconciliation import Figures, Reconciliation, reconcile
from lakehouse.ledger import UNCHANGED_SINCE, LedgerRow, read_rows, write_row

if TYPE_CHECKING:
    from lake_model.contracts.silver_contract import OneBigTableContract
    from lakehouse.lake.lake_path import LakePath


def reconcile_day(
    lake: LakePath,
    schema: str,
    plans: Sequence[TablePlan],
    one_big_table: OneBigTableContract | None,
    business_date: date,
    run_slug: str,
    clock: Callable[[], datetime],
) -> dict[str, Any]:
    """Compares source, bronze, silver, quarantine and, where there is a One Big Table, gold of one run.

    Returns:
        The figures that the run's asset is published with.

    Raises:
        ReconciliationError: something differs; the outcome is in the ledger all the same.
        StorageError: manifests or ledger cannot be read.
    """
    started = clock()
    rows = read_rows(lake, schema, business_date, run_slug)
    manifests = {plan.table: _manifest(lake, plan, business_date) for plan in plans if not plan.contracted}
    outcome = reconcile(plans, manifests, rows, [one_big_table] if one_big_table else [])
    ended = clock()
    # A schema without a One Big Table is reconciled under its own name.
    name = one_big_table.name if one_big_table else schema
    write_row(lake, _ledger_row(outcome, schema, name, business_date, run_slug, started, ended))
    outcome.raise_if_broken()
    figures = {
        "slices_compared": len(outcome.lines),
        "not_compared": dict(outcome.not_compared),
        "overtaken": dict(outcome.overtaken),
        "unchanged_since": {
            f"{row.stage}.{row.table}": row.detail[UNCHANGED_SINCE] for row in rows if UNCHANGED_SINCE in row.detail
        },
    }
    if one_big_table is None:
        return figures
    gold = outcome.totals().get(f"{one_big_table.name}.gold", Figures()).as_dict()
    return {"gold_rows": gold["rows"], "gold_sums": gold["sums"], **figures}


def _manifest(lake: LakePath, plan: TablePlan, business_date: date) -> Mapping[str, Any] | None:
    """The snapshot that a table without a contract has of the date."""
    import json

    manifest = read_manifest(table_folder(bronze_root(lake), plan.schema, plan.table), manifest_name(business_date))
    return None if manifest is None else json.loads(manifest.to_json())


def _ledger_row(
    outcome: Reconciliation,
    schema: str,
    table: str,
    business_date: date,
    run_slug: str,
    started: datetime,
    ended: datetime,
) -> LedgerRow:
    problems = [*outcome.missing, *map(str, outcome.mismatches)]
    return LedgerRow(
        schema=schema,
        table=table,
        stage="reconcile",
        business_date=business_date.isoformat(),
        run_id=run_slug,
        status="success" if outcome.holds else "failed",
        outcome="reconciled" if outcome.holds else "differs",
        rows_read=sum(line.places["source"].rows for line in outcome.lines if "source" in line.places),
        rows_written=0,
        bytes_written=0,
        seconds=(ended - started).total_seconds(),
        started_at=started.isoformat(),
        ended_at=ended.isoformat(),
        error=problems[0] if problems else None,
        detail=outcome.as_dict(),
    )
