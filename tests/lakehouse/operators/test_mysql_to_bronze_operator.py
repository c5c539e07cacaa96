"""The copy as Airflow runs it: its result, its ledger row, and which failures are tried again."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, AirflowTaskTimeout
from airflow.sdk.execution_time.context import OutletEventAccessors
from lakehouse.daily_run import tasks
from lakehouse.errors import SourceUnavailableError, StorageError
from lakehouse.ledger import LedgerRow, read_rows
from lakehouse.operators.mysql_to_bronze_operator import MySqlToBronzeOperator
from lakehouse.operators.table_assets import layer_alias
from lakehouse.source import source_connection
from lakehouse.source.source_connection import ConnectionInfo

from local.mysql_server import MySqlServer
from local.processes import free_port
from tests.lakehouse.copying import Bench
from tests.waiting import wait_until

pytestmark = [pytest.mark.mysql, pytest.mark.one_server]


@pytest.fixture
def bench(
    mysql_server: MySqlServer, fresh_schema: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Bench:
    monkeypatch.setenv("LAKEHOUSE_LAKE_ROOT", f"file://{tmp_path}/lake")
    connect(monkeypatch, mysql_server.port, mysql_server.credentials.lakehouse)
    bench = Bench(mysql_server, fresh_schema(), tmp_path / "lake" / "bronze")
    bench.sql("CREATE TABLE `order items` (d DATE, n INT)", "INSERT INTO `order items` VALUES ('2026-11-20', 7)")
    return bench


def connect(monkeypatch: pytest.MonkeyPatch, port: int, password: str) -> None:
    """Set the Airflow connection of the source."""
    connection = {"conn_type": "mysql", "host": "127.0.0.1", "port": port, "login": "lakehouse", "password": password}
    monkeypatch.setenv("AIRFLOW_CONN_MYSQL_ONPREM", json.dumps(connection))


def operator(bench: Bench, **plan: Any) -> MySqlToBronzeOperator:
    """The task that copies `order items`."""
    whole = {
        "schema": bench.schema,
        "table": "order items",
        "change_detection": "fingerprint",
        "date_column": "d",
        "contracted_columns": [["n", "int"]],
        "contract_file": "order_items.odcs.yaml",
        "contracted": True,
    }
    return MySqlToBronzeOperator(
        task_id="copy", mysql_conn_id="mysql_onprem", plan=whole | plan, business_date="2026-11-20", run_slug="run"
    )


def ledger(bench: Bench) -> LedgerRow:
    """The one row that the ledger holds."""
    (row,) = read_rows(bench.root.parent, bench.schema, date(2026, 11, 20), "run")
    return row


def test_a_copy_returns_and_records_its_figures(bench: Bench) -> None:
    result = operator(bench).execute({})
    assert bench.rows("order items") == [(date(2026, 11, 20), 7)]
    row = ledger(bench)
    assert (row.status, row.outcome, row.error) == ("success", "copied", None)
    assert (row.rows_read, row.rows_written, row.detail["rows_in_table"]) == (1, 1, 1)
    assert row.detail["drift"] == ["column d (date) is not in the contract"]
    assert (result["outcome"], result["rows_written"], result["detail"]) == ("copied", 1, dict(row.detail))
    assert json.loads(json.dumps(result)) == result
    assert operator(bench).execute({})["outcome"] == "unchanged"


def test_openlineage_is_told_which_columns_were_copied(bench: Bench) -> None:
    copy = operator(bench)
    assert copy.get_openlineage_facets_on_complete(None) is None
    copy.execute({})
    told = copy.get_openlineage_facets_on_complete(None)
    assert told is not None
    (source,), (bronze,) = told.inputs, told.outputs
    assert (source.namespace, source.name) == (f"mysql://127.0.0.1:{bench.server.port}", f"{bench.schema}.order items")
    assert [(one.name, one.type) for one in source.facets["schema"].fields] == [("d", "date"), ("n", "int")]
    assert (bronze.namespace, bronze.name) == ("file", f"{bench.root}/{bench.schema}/order%20items")
    fields = bronze.facets["columnLineage"].fields
    assert {name: [(one.name, one.field) for one in made.inputFields] for name, made in fields.items()} == {
        "d": [(source.name, "d")], "n": [(source.name, "n")],
    }  # fmt: skip
    assert bronze.outputFacets["outputStatistics"].rowCount == 1


def test_a_past_date_without_a_snapshot_is_skipped_not_failed(bench: Bench) -> None:
    later = operator(bench, date_column=None)
    later.business_date = "2026-11-22"
    later.execute({})
    assert operator(bench, date_column=None).execute({})["outcome"] == "no_snapshot"
    assert ledger(bench).status == "skipped"


def test_drift_fails_at_once_and_is_recorded(bench: Bench) -> None:
    drifted = operator(bench, contracted_columns=[["n", "bigint"]])
    with pytest.raises(AirflowFailException, match=r"column n is bigint by contract, but int.* in order_items\.odcs"):
        drifted.execute({})
    assert (ledger(bench).status, ledger(bench).outcome) == ("failed", "failed")
    assert "order_items.odcs.yaml" in (ledger(bench).error or "")
    assert not bench.root.exists()


class Try:
    """As much of a task instance as a copy asks for: which try of how many this is."""

    def __init__(self, try_number: int) -> None:
        self.try_number, self.max_tries = try_number, 2


def test_a_table_without_a_contract_holds_nobody_up_when_its_copy_fails(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    dropped = {"table": "scratch", "contracted": False, "contract_file": None, "contracted_columns": []}

    with pytest.raises(AirflowSkipException, match=r"^scratch has no contract and was not copied: ") as skipped:
        operator(bench, **dropped).execute({"ti": Try(1)})

    assert ledger(bench).status == "failed"
    plans = [{"table": "scratch", "contracted": False}, {"table": "sales", "contracted": True}]
    with pytest.raises(AirflowFailException, match=f"^{re.escape(str(skipped.value))}$"):
        tasks.report.function(run={"business_date": "2026-11-20", "run_slug": "run"}, plans=plans, schema=bench.schema)
    assert "scratch  copy   failed" in caplog.text


def test_a_table_without_a_contract_is_tried_again_as_long_as_that_may_help(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, free_port(), "any")
    with pytest.raises(SourceUnavailableError):
        operator(bench, contracted=False).execute({"ti": Try(2)})
    with pytest.raises(AirflowSkipException):
        operator(bench, contracted=False).execute({"ti": Try(3)})
    with pytest.raises(SourceUnavailableError):
        operator(bench).execute({"ti": Try(3)})


def test_a_wrong_password_fails_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, bench.server.port, "wrong-secret")
    with pytest.raises(AirflowFailException, match="correct the login and password") as caught:
        operator(bench).execute({})
    assert "wrong-secret" not in str(caught.value)


def test_a_server_that_is_away_is_tried_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, free_port(), "any")
    with pytest.raises(SourceUnavailableError, match="see that the server runs"):
        operator(bench).execute({})
    assert ledger(bench).status == "failed"


def test_a_lake_that_cannot_be_written_says_so(bench: Bench) -> None:
    bench.root.parent.mkdir()
    bench.root.write_text("a file where the lake's folder should be")
    with pytest.raises(StorageError, match="cannot"):
        operator(bench).execute({})


def test_a_ledger_that_cannot_be_written_hides_no_cause(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.root.parent.write_text("a file where the lake should be")
    connect(monkeypatch, bench.server.port, "wrong-secret")
    with pytest.raises(AirflowFailException, match="correct the login and password"):
        operator(bench).execute({})


def test_kill_ends_the_copy_and_leaves_nothing_visible(bench: Bench) -> None:
    bench.sql("CREATE VIEW slow AS SELECT d, n + SLEEP(600) AS n FROM `order items`")
    copy = operator(bench, table="slow", contracted_columns=[])
    failures: list[BaseException] = []

    def run() -> None:
        try:
            copy.execute({})
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    running = "SELECT 1 FROM information_schema.processlist WHERE user = 'lakehouse' AND info LIKE '%slow%'"
    thread.start()
    wait_until(lambda: bench.ask(running), "the copy began")
    copy.on_kill()
    thread.join(60)
    assert not thread.is_alive()
    assert [type(error) for error in failures] == [SourceUnavailableError]
    assert not bench.root.exists()


def test_a_timeout_ends_the_copy_at_once_and_leaves_nothing_visible(bench: Bench) -> None:
    bench.sql("CREATE VIEW slow AS SELECT d, n + SLEEP(30) AS n FROM `order items`")
    running = "SELECT 1 FROM information_schema.processlist WHERE user = 'lakehouse' AND info LIKE '%slow%'"

    def interrupt() -> None:
        wait_until(lambda: bench.ask(running), "the copy began")
        os.kill(os.getpid(), signal.SIGALRM)

    def time_out(_number: int, _frame: object) -> None:
        raise AirflowTaskTimeout("timed out")

    before = signal.signal(signal.SIGALRM, time_out)
    thread = threading.Thread(target=interrupt)
    started = time.monotonic()
    try:
        thread.start()
        with pytest.raises(AirflowTaskTimeout):
            operator(bench, table="slow", contracted_columns=[]).execute({})
    finally:
        thread.join()
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - started < 20
    assert not bench.ask(running)
    assert not bench.root.exists()


def test_a_kill_before_the_connection_exists_stops_the_copy(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = operator(bench)
    look_up = source_connection.connection_info

    def killed_look_up(conn_id: str) -> ConnectionInfo:
        copy.on_kill()
        return look_up(conn_id)

    monkeypatch.setattr(source_connection, "connection_info", killed_look_up)
    with pytest.raises(SourceUnavailableError, match="the copy was stopped"):
        copy.execute({})
    assert not bench.root.exists()


def test_a_table_whose_rows_were_copied_is_announced_and_an_unchanged_one_is_not(bench: Bench) -> None:
    alias = layer_alias("bronze", "shop of all")
    first, second = OutletEventAccessors(), OutletEventAccessors()
    for events in (first, second):
        task = operator(bench)
        task.outlets = [alias]
        task.execute({"outlet_events": events})  # type: ignore[typeddict-item]

    (event,) = first[alias].asset_alias_events
    assert (event.source_alias_name, event.dest_asset_key.name, event.dest_asset_key.uri, event.extra) == (
        "bronze.shop%20of%20all",
        "bronze.shop%20of%20all.order%20items",
        "lakehouse://bronze/shop%20of%20all/order%20items",
        {"business_date": "2026-11-20", "rows_written": 1},
    )
    assert second[alias].asset_alias_events == []
