"""The run ledger: a row is one object, whichever side writes it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from lakehouse.errors import StorageError
from lakehouse.ledger import LedgerRow, ledger_path, read_rows, render_rows, run_slug, write_row

ROW = LedgerRow(
    schema="atliqsale",
    table="transactions",
    stage="copy",
    business_date="2026-11-20",
    run_id="manual__2026-11-21T02_00_00_00_00",
    status="success",
    outcome="copied",
    rows_read=150_000,
    rows_written=137,
    bytes_written=23_456,
    seconds=1.25,
    started_at="2026-11-21T02:00:00+00:00",
    ended_at="2026-11-21T02:00:01.250000+00:00",
    detail={"slices_copied": 1},
)
RUN = "manual__2026-11-21T02:00:00+00:00"


def test_a_run_id_becomes_a_name_for_paths() -> None:
    assert run_slug(RUN) == "manual__2026-11-21T02_00_00_00_00"
    assert run_slug(run_slug(RUN)) == run_slug(RUN)
    assert run_slug("a/../b c") == "a_.._b_c"


def test_a_row_is_kept_by_schema_date_run_table_and_stage(tmp_path: Path) -> None:
    write_row(tmp_path, ROW)

    folder = tmp_path / "ledger/schema=atliqsale/business_date=2026-11-20/run_id=manual__2026-11-21T02_00_00_00_00"
    (path,) = folder.iterdir()
    assert re.fullmatch(r"transactions\.copy\.[0-9a-f]{12}\.json", path.name)
    assert json.loads(path.read_text()) == {
        "schema": "atliqsale",
        "table": "transactions",
        "stage": "copy",
        "business_date": "2026-11-20",
        "run_id": "manual__2026-11-21T02_00_00_00_00",
        "status": "success",
        "outcome": "copied",
        "rows_read": 150000,
        "rows_written": 137,
        "bytes_written": 23456,
        "seconds": 1.25,
        "started_at": "2026-11-21T02:00:00+00:00",
        "ended_at": "2026-11-21T02:00:01.250000+00:00",
        "error": None,
        "detail": {"slices_copied": 1},
    }


def test_the_row_of_the_attempt_that_began_last_counts_whichever_is_written_last(tmp_path: Path) -> None:
    """A worker that was thought dead tells of its failure after its retry is done."""
    late = replace(ROW, status="failed", error="overtaken", started_at="2026-11-21T01:59:00+00:00")
    write_row(tmp_path, ROW)
    write_row(tmp_path, late)

    assert read_rows(tmp_path, "atliqsale", date(2026, 11, 20), RUN) == [ROW]
    assert len(list(tmp_path.rglob("*.json"))) == 2


def test_a_run_id_as_long_as_airflow_takes_makes_a_name_that_a_disk_takes(tmp_path: Path) -> None:
    row = replace(ROW, run_id=run_slug("manual__" + "x" * 242), table="销" * 64, stage="reconcile")
    write_row(tmp_path, row)

    assert run_slug(row.run_id) == row.run_id
    assert run_slug("manual__" + "x" * 241) != row.run_id
    assert read_rows(tmp_path, "atliqsale", date(2026, 11, 20), row.run_id) == [row]


def test_an_object_that_is_about_to_be_written_and_a_folder_of_the_first_version_are_no_rows(tmp_path: Path) -> None:
    ledger_path(tmp_path, ROW, "abc").mkdir(parents=True)
    ledger_path(tmp_path, ROW, "def").touch()

    assert read_rows(tmp_path, "atliqsale", "2026-11-20", RUN) == []


def test_a_run_that_wrote_nothing_has_no_rows(tmp_path: Path) -> None:
    assert read_rows(tmp_path, "atliqsale", "2026-11-20", RUN) == []


def test_a_table_of_any_name_stays_inside_its_run(tmp_path: Path) -> None:
    row = replace(ROW, schema="a b", table="../../x/'ü'.copy")

    write_row(tmp_path, row)

    assert read_rows(tmp_path, "a b", "2026-11-20", RUN) == [row]
    run_folder = tmp_path / "ledger" / "schema=a%20b" / "business_date=2026-11-20" / f"run_id={ROW.run_id}"
    assert [path.parent for path in tmp_path.rglob("*.json")] == [run_folder]


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": "x"}', "\x80"])
def test_what_is_no_row_is_reported_with_its_path(tmp_path: Path, text: str) -> None:
    path = ledger_path(tmp_path, ROW, "abc")
    path.parent.mkdir(parents=True)
    path.write_bytes(text.encode("latin-1"))

    with pytest.raises(StorageError, match=rf"^{re.escape(str(path))} is no ledger row \(.+\): clear the task"):
        read_rows(tmp_path, "atliqsale", "2026-11-20", RUN)


def test_a_lake_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("a file where a folder should be")

    with pytest.raises(StorageError, match=r"^cannot make the folder "):
        write_row(tmp_path, ROW)


@pytest.mark.airflow
def test_rows_go_through_airflows_object_storage_too(tmp_path: Path) -> None:
    from airflow.sdk import ObjectStoragePath

    lake = ObjectStoragePath(f"file://{tmp_path}")
    write_row(lake, ROW)

    assert read_rows(lake, "atliqsale", "2026-11-20", RUN) == [ROW]
    assert read_rows(tmp_path, "atliqsale", "2026-11-20", RUN) == [ROW]


def test_rows_are_printed_as_a_table_with_errors_below() -> None:
    failed = replace(
        ROW, stage="silver", status="failed", outcome="failed", rows_written=0, error="no such column: qty"
    )

    stood = replace(ROW, detail={"unchanged_since": "2026-11-18"})
    assert render_rows([stood]).splitlines()[-1] == f"{ROW.table} {ROW.stage}: unchanged since 2026-11-18"
    passed = replace(ROW, detail={"waivers_ended": ["waivers.yaml line 2: it ended"], "expectations_not_met": ["few"]})
    assert render_rows([passed, failed]).splitlines() == [
        "table         stage   status   outcome  rows read  rows written  bytes   seconds",
        "transactions  copy    success  copied   150,000    137           23,456  1.2",
        "transactions  silver  failed   failed   150,000    0             23,456  1.2",
        "transactions silver: no such column: qty",
        "transactions copy: not met: few",
        "transactions copy: waiver ended: waivers.yaml line 2: it ended",
    ]


def test_a_summary_leaves_the_details_out() -> None:
    assert "detail" not in ROW.summary()
    assert ROW.summary()["rows_written"] == 137
