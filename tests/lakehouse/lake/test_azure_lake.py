"""The lake on a storage account, by `abfs` through the Airflow connection: Microsoft's Azurite stands in for Azure."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob._shared.policies_async import ExponentialRetry
from lakehouse.bronze import row_copy
from lakehouse.bronze.bronze_upkeep import sweep_bronze
from lakehouse.bronze.bronze_writer import FileLimits
from lakehouse.bronze.table_copy import CopyLimits, copy_table
from lakehouse.errors import OvertakenError, StorageError
from lakehouse.lake.lake_path import (
    FileState,
    LakeFile,
    files_below,
    folders_in,
    publish,
    read,
    read_state,
    remove,
    state,
)
from lakehouse.lake.lake_root import lake_at
from lakehouse.ledger import LedgerRow, ledger_path, read_row, read_rows, write_row
from lakehouse.operators.mysql_to_bronze_operator import MySqlToBronzeOperator
from lakehouse.source.mysql_source import MySqlSource

from lake_model import lake_layout
from lake_model.contracts.copy_spec import CopySpec
from lake_model.lake_layout import DRAFT_NAME, bronze_root
from local.azurite_server import AzuriteServer, installed_azurite
from local.errors import AzuriteServerError
from local.mysql_server import MySqlServer
from local.number_rows import number_rows
from local.processes import free_port
from tests.lakehouse.copying import NOW, Bench, info_of, slices
from tests.lakehouse.killing import copy_to_azure_until_killed, processes
from tests.lakehouse.part_names import without_attempt
from tests.lakehouse.tcp_proxy import TcpProxy

pytestmark = [pytest.mark.mysql, pytest.mark.one_server]

SMALL_FILES = CopyLimits(batch_rows=500, files=FileLimits(row_group_rows=1000, file_rows=1000))
_numbers = itertools.count(1)

AddConnection = Callable[[int | None], str]


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzuriteServer]:
    try:
        program = installed_azurite()
    except AzuriteServerError as error:
        pytest.skip(f"Azurite is not to be had: {error}")
    server = AzuriteServer(tmp_path_factory.mktemp("azurite"), free_port(), program)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def lake(azurite: AzuriteServer, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty folder in the container `lake`, by the connection `adls_gen2`."""
    extra = {"connection_string": azurite.connection_string()}
    monkeypatch.setenv("AIRFLOW_CONN_ADLS_GEN2", json.dumps({"conn_type": "adls", "extra": extra}))
    lake = impatient(lake_at(f"abfs://lake/folder-{next(_numbers)}", "adls_gen2"))
    if not lake.fs.exists("lake"):
        lake.fs.mkdir("lake")
    return lake


def impatient(lake: Any) -> Any:
    """The same lake, whose client tries again as often as ever, and without a pause."""
    for policy in lake.fs.service_client._pipeline._impl_policies:
        if isinstance(policy, ExponentialRetry):
            policy.initial_backoff = policy.increment_base = policy.random_jitter_range = 0
    return lake


@pytest.fixture
def proxy(azurite: AzuriteServer) -> Iterator[TcpProxy]:
    with TcpProxy(azurite.port) as proxy:
        yield proxy


@pytest.fixture
def through_proxy(lake: Any, azurite: AzuriteServer, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The same folder of the lake, by a connection that goes through the proxy."""
    # A store is kept for the whole process by the name of its connection: each proxy needs a name of its own.
    conn_id = f"adls_proxied_{next(_numbers)}"
    extra = {"connection_string": azurite.connection_string(proxy.port)}
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps({"conn_type": "adls", "extra": extra}))
    return impatient(lake_at(f"abfs://{conn_id}@{lake.path}", "unused"))


@pytest.fixture
def bench(mysql_server: MySqlServer, fresh_schema: Callable[[], str], lake: Any) -> Bench:
    bench = Bench(mysql_server, fresh_schema(), bronze_root(lake))
    bench.sql(
        "CREATE TABLE sales (sold_on DATE, qty INT, note VARCHAR(300)) ENGINE=InnoDB",
        f"INSERT INTO sales SELECT '2026-11-18' + INTERVAL (seq MOD 3) DAY, seq, '' FROM {number_rows(1, 6000)}",
        # Text that no compression makes small: half a megabyte goes to the store.
        "UPDATE sales SET note = CONCAT(SHA2(qty, 512), SHA2(-qty, 512))",
    )
    return bench


@pytest.fixture
def spec(bench: Bench) -> CopySpec:
    return bench.spec("sales", "sold_on")


def names(folder: Any) -> list[str]:
    return [file.name for file in files_below(folder)]


def test_only_the_folders_of_a_folder_are_named(lake: Any) -> None:
    assert folders_in(lake / "nothing") == []
    for name in ("b/deep/x.json", "a/y.json", "z.json"):
        publish(lake / name, b"{}")
    assert folders_in(lake) == ["a", "b"]
    publish(lake / "c" / "x.json", b"{}")
    assert folders_in(lake) == ["a", "b", "c"]


def test_a_small_file_is_published_read_listed_and_removed(lake: Any) -> None:
    path = lake / "a" / "b" / "x.json"
    assert (read(path), read_state(path), files_below(lake)) == (None, FileState(None), [])
    before = datetime.now(UTC) - timedelta(seconds=2)
    publish(path, b"one")
    publish(path, b"three")
    assert read(path) == read_state(path).content == b"three"
    (found,) = files_below(lake / "a")
    assert found == LakeFile("b/x.json", 5, found.modified)
    assert before < found.modified < datetime.now(UTC) + timedelta(seconds=2)
    remove(path)
    remove(path)
    assert (read(path), files_below(lake)) == (None, [])


def test_what_another_process_wrote_since_the_last_look_is_seen(lake: Any, azurite: AzuriteServer) -> None:
    from adlfs import AzureBlobFileSystem

    elsewhere = AzureBlobFileSystem(connection_string=azurite.connection_string(), skip_instance_cache=True)
    copied, landed = (
        LedgerRow(
            schema="shop", business_date="2026-11-20", run_id="run", table="sale", stage=stage, status="success",
            outcome="refreshed", rows_read=1, rows_written=1, bytes_written=None, seconds=1.0,
            started_at=f"2026-11-21T02:00:0{second}+00:00", ended_at="2026-11-21T02:01:00+00:00", error=None, detail={},
        )
        for second, stage in enumerate(("copy", "silver"))
    )  # fmt: skip
    write_row(lake, copied)
    path = ledger_path(lake, landed, "attempt")

    def seen() -> tuple[Any, ...]:
        size = state(path)
        # The listing of folders last: it has the client forget what it knows of them.
        return (
            read_rows(lake, "shop", "2026-11-20", "run"), read_row(lake, "shop", "2026-11-20", "run", path.name),
            len(files_below(lake)), read(path), read_state(path).content, size and size.bytes, folders_in(path.parent),
        )  # fmt: skip

    assert seen() == ([copied], None, 1, None, None, None, [])
    content = landed.to_json().encode()
    elsewhere.pipe_file(path.path, content)
    elsewhere.pipe_file((path.parent / "folder" / "file").path, b"x")
    assert seen() == ([copied, landed], landed, 3, content, content, len(content), ["folder"])


def test_what_another_run_wrote_is_not_overwritten(lake: Any) -> None:
    path = lake / "x.json"
    absent = read_state(path)
    publish(path, b"mine", absent)
    with pytest.raises(OvertakenError, match=r"another run wrote it meanwhile"):
        publish(path, b"theirs", absent)
    seen = read_state(path)
    publish(path, b"next", seen)
    with pytest.raises(OvertakenError):
        publish(path, b"theirs", seen)
    assert read(path) == b"next"


def test_a_write_whose_answer_was_lost_is_no_defeat(lake: Any) -> None:
    """The client then asks again, and is refused for what it wrote itself."""
    path = lake / "x.json"
    absent = read_state(path)
    publish(path, b"mine", absent)
    publish(path, b"mine", absent)
    seen = read_state(path)
    publish(path, b"next", seen)
    publish(path, b"next", seen)
    assert read(path) == b"next"


def test_a_table_is_copied_left_alone_when_unchanged_and_copied_where_it_changed(bench: Bench, spec: CopySpec) -> None:
    assert bench.copy(spec, "2026-11-20", "first").outcome == "copied"
    assert slices(bench.visible("sales")) == {"2026-11-18": 2000, "2026-11-19": 2000, "2026-11-20": 2000}
    first = names(bench.folder("sales"))
    assert first == [
        "_latest.json",
        "business_date=2026-11-20/_manifest.json",
        *sorted(bench.visible("sales").files),
    ]
    assert bench.copy(spec, "2026-11-20", "again").outcome == "unchanged"
    assert names(bench.folder("sales")) == first
    bench.sql("UPDATE sales SET qty = -qty WHERE sold_on = '2026-11-19'")
    changed = bench.copy(spec, "2026-11-20", "changed")
    assert (changed.outcome, changed.slices_copied, changed.rows_read) == ("copied", 1, 2000)
    assert sum(row[1] for row in bench.rows("sales")) == bench.ask("SELECT SUM(qty) FROM sales")[0][0]


def test_the_operator_copies_to_the_storage_account(bench: Bench, lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_LAKE_ROOT", f"abfs://adls_gen2@{lake.path}")
    monkeypatch.setenv("LAKEHOUSE_SPARK_LAKE_ROOT", "abfss://lake@account.dfs.core.windows.net/folder")
    source = {"conn_type": "mysql", "host": "127.0.0.1", "port": bench.server.port, "login": "lakehouse"}
    password = {"password": bench.server.credentials.lakehouse}
    monkeypatch.setenv("AIRFLOW_CONN_MYSQL_ONPREM", json.dumps(source | password))
    plan = {
        "schema": bench.schema,
        "table": "sales",
        "contracted": True,
        "change_detection": "fingerprint",
        "date_column": "sold_on",
        "contracted_columns": [],
        "contract_file": None,
    }
    operator = MySqlToBronzeOperator(
        task_id="copy", mysql_conn_id="mysql_onprem", plan=plan, business_date="2026-11-20", run_slug="run"
    )
    assert operator.execute({})["rows_written"] == 6000
    (row,) = read_rows(lake, bench.schema, date(2026, 11, 20), "run")
    assert (row.status, row.rows_written) == ("success", 6000)


def test_of_two_copies_at_once_one_publishes_and_the_other_is_tried_again(bench: Bench, spec: CopySpec) -> None:
    with MySqlSource(info_of(bench.server)) as source:
        server = source.server

        def overtaken_server() -> object:
            bench.copy(spec, "2026-11-20", "quick")
            return server()

        source.server = overtaken_server  # type: ignore[method-assign, assignment]
        with pytest.raises(StorageError, match="the task tries again"):
            copy_table(source, bench.root, spec, date(2026, 11, 20), "slow", lambda: NOW)
    assert bench.visible("sales").run_id == "quick"
    assert not [name for name in names(bench.folder("sales")) if "slow" in name]
    assert bench.copy(spec, "2026-11-20", "slow").outcome == "unchanged"


def test_two_copies_with_one_run_id_share_no_file(
    bench: Bench, spec: CopySpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that was thought dead goes on beside its retry: its file is open when the retry writes and publishes."""
    bench.copy(spec, "2026-11-19", "before")
    bench.sql("UPDATE sales SET qty = qty + 1")
    named = threading.Event()

    def part_name(*arguments: Any) -> str:
        named.set()
        return lake_layout.part_name(*arguments)

    limits = CopyLimits(batch_rows=500, files=FileLimits(row_group_rows=1000))
    with MySqlSource(info_of(bench.server)) as source:
        stream = source.stream

        def beside_a_retry(*arguments: Any) -> Iterator[Any]:
            yield from stream(*arguments)
            assert named.wait(60)
            bench.sql("UPDATE sales SET qty = qty + 1")
            bench.copy(spec, "2026-11-20", "run")

        source.stream = beside_a_retry  # type: ignore[method-assign, assignment]
        monkeypatch.setattr(row_copy, "part_name", part_name)
        with pytest.raises(StorageError, match="the task tries again"):
            copy_table(source, bench.root, spec, date(2026, 11, 20), "run", lambda: NOW, limits)
    assert sum(row[1] for row in bench.rows("sales")) == bench.ask("SELECT SUM(qty) FROM sales")[0][0]
    again = bench.copy(spec, "2026-11-20", "run")
    assert (again.outcome, again.notes) == ("unchanged", ())


def test_a_storage_account_that_is_away_is_one_clear_message(
    azurite: AzuriteServer, bench: Bench, spec: CopySpec
) -> None:
    bench.copy(spec, "2026-11-20", "first")
    before = bench.visible("sales")
    bench.sql("UPDATE sales SET qty = qty + 1")
    azurite.stop()
    try:
        with pytest.raises(StorageError) as caught:
            bench.copy(spec, "2026-11-20", "away")
    finally:
        azurite.start()
    assert "the storage account does not answer: see that its address is right and reachable" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert bench.visible("sales") == before
    assert bench.copy(spec, "2026-11-20", "away").rows_written == 6000


@pytest.mark.parametrize("sent", [1, 5_000, 100_000, 300_000])
def test_a_connection_that_is_cut_in_the_middle_leaves_the_old_table(
    bench: Bench, spec: CopySpec, through_proxy: Any, proxy: TcpProxy, sent: int
) -> None:
    bench.copy(spec, "2026-11-20", "first")
    before, rows = bench.visible("sales"), bench.rows("sales")
    bench.sql("UPDATE sales SET qty = qty + 1, note = REVERSE(note)")
    cut = Bench(bench.server, bench.schema, bronze_root(through_proxy), SMALL_FILES)
    proxy.cut_after(sent)
    with pytest.raises(StorageError) as caught:
        cut.copy(spec, "2026-11-20", "cut")
    assert proxy.is_cut
    assert "the storage account does not answer" in str(caught.value)
    assert (bench.visible("sales"), bench.rows("sales")) == (before, rows)

    proxy.heal()
    assert cut.copy(spec, "2026-11-20", "retry").rows_written == 6000
    assert sum(row[1] for row in bench.rows("sales")) == bench.ask("SELECT SUM(qty) FROM sales")[0][0]
    sweep_bronze(bench.root, datetime.now(UTC) + timedelta(days=30), timedelta(days=7))
    assert names(bench.folder("sales")) == sorted(
        ["_latest.json", "business_date=2026-11-20/_manifest.json", *bench.visible("sales").files]
    )


@pytest.mark.parametrize("requests", [6, 12])
def test_a_killed_worker_leaves_the_old_table(
    azurite: AzuriteServer, bench: Bench, spec: CopySpec, lake: Any, proxy: TcpProxy, requests: int
) -> None:
    bench.copy(spec, "2026-11-20", "first")
    before, rows = bench.visible("sales"), bench.rows("sales")
    bench.sql("UPDATE sales SET qty = qty + 1, note = REVERSE(note)")
    extra = {"connection_string": azurite.connection_string(proxy.port)}
    connection = json.dumps({"conn_type": "adls", "extra": extra})
    worker = processes.Process(
        target=copy_to_azure_until_killed,
        args=(info_of(bench.server), lake.path, connection, spec, date(2026, 11, 20), SMALL_FILES),
    )
    worker.start()
    while proxy.requests.total() < requests:
        assert not wait([worker.sentinel], 0.001), worker.exitcode
    worker.kill()
    worker.join()
    assert (bench.visible("sales"), bench.rows("sales")) == (before, rows)
    bench.copy(spec, "2026-11-20", "killed")
    assert sum(row[1] for row in bench.rows("sales")) == bench.ask("SELECT SUM(qty) FROM sales")[0][0]
    sweep_bronze(bench.root, datetime.now(UTC) + timedelta(days=30), timedelta(days=7))
    assert names(bench.folder("sales")) == sorted(
        ["_latest.json", "business_date=2026-11-20/_manifest.json", *bench.visible("sales").files]
    )


def test_a_missing_container_and_a_wrong_key_are_named(
    azurite: AzuriteServer, bench: Bench, spec: CopySpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.root = bronze_root(impatient(lake_at("abfs://adls_gen2@nothing/folder", "unused")))
    with pytest.raises(StorageError, match=r"\(HTTP 404\): create the container, or correct lake_root"):
        bench.copy(spec, "2026-11-20")
    wrong = azurite.connection_string().replace(azurite.key, "d3Jvbmc=")
    extra = {"connection_string": wrong}
    monkeypatch.setenv("AIRFLOW_CONN_ADLS_WRONG", json.dumps({"conn_type": "adls", "extra": extra}))
    bench.root = bronze_root(impatient(lake_at("abfs://adls_wrong@lake/folder", "unused")))
    with pytest.raises(StorageError, match=r"\(HTTP 403\): access is denied: give the pipeline's identity the role"):
        bench.copy(spec, "2026-11-20")
    bench.root = bronze_root(lake_at("abfs://no_such_conn@lake/folder", "unused"))
    with pytest.raises(StorageError, match="add that Airflow connection, or correct the connection in lake_root"):
        bench.copy(spec, "2026-11-20")


def test_a_copy_asks_as_little_after_200_dates_as_after_one(
    bench: Bench, through_proxy: Any, proxy: TcpProxy, tmp_path: Path
) -> None:
    bench.sql("CREATE TABLE product (code INT)", "INSERT INTO product VALUES (0)")
    spec, history = bench.spec("product"), Bench(bench.server, bench.schema, tmp_path / "bronze")
    counted = Bench(bench.server, bench.schema, bronze_root(through_proxy))
    days = [(date(2026, 1, 1) + timedelta(days=number)).isoformat() for number in range(202)]
    asked = []
    for dates in (1, 200):
        for day in days[:dates]:
            # On the disk of this machine, because two hundred copies to Azurite take their time.
            history.copy(spec, day, f"{dates}-{day}")
            history.sql("UPDATE product SET code = code + 1")
        for file in files_below(history.folder("product")):
            publish(bench.folder("product") / file.name, (history.folder("product") / file.name).read_bytes())
        proxy.requests.clear()
        assert counted.copy(spec, days[dates], f"counted-{dates}").rows_written == 1
        asked.append(dict(proxy.requests))
        proxy.requests.clear()
        assert counted.copy(spec, days[dates + 1], f"unchanged-{dates}").outcome == "unchanged"
        asked.append(dict(proxy.requests))
    assert asked[0] == asked[2]
    assert asked[1] == asked[3]
    assert sum(asked[0].values()) <= 20
    assert sum(asked[1].values()) <= 11
    print(asked)


def test_a_copy_goes_on_from_its_draft_on_the_storage_account(bench: Bench, spec: CopySpec) -> None:
    bench.sql("ALTER TABLE sales ADD KEY (sold_on)", "ANALYZE TABLE sales")
    bench.limits = CopyLimits(large_table_rows=10**9, range_rows=2500)
    bench.fail(spec, 3)
    found = state(bench.folder("sales") / DRAFT_NAME)
    assert found is not None
    assert timedelta(0) <= datetime.now(UTC) - found.modified + timedelta(seconds=2) < timedelta(minutes=5)
    retry = bench.copy(spec, "2026-11-20", "retry")
    assert (retry.slices_resumed, retry.rows_read, retry.rows_in_table) == (2, 2000, 6000)
    assert len(bench.rows("sales")) == 6000
    assert state(bench.folder("sales") / DRAFT_NAME) is None


def test_upkeep_sweeps_the_storage_account(bench: Bench, spec: CopySpec) -> None:
    for day in ("2026-11-20", "2026-11-21"):
        bench.copy(spec, day, day)
        bench.sql("UPDATE sales SET qty = qty + 1")
    publish(bench.folder("sales") / "business_date=2026-11-20" / "part-killed-0.parquet", b"half")
    (left,) = sweep_bronze(bench.root, datetime.now(UTC), timedelta(days=7))
    assert left.left is not None
    before = bench.rows("sales")
    (swept,) = sweep_bronze(bench.root, datetime.now(UTC) + timedelta(days=8), timedelta(days=7))
    assert without_attempt(swept.removed) == [
        "business_date=2026-11-20/_manifest.json",
        "business_date=2026-11-20/part-2026-11-20-0.parquet",
        "business_date=2026-11-20/part-killed-0.parquet",
    ]
    assert bench.rows("sales") == before
    assert without_attempt(names(bench.folder("sales"))) == [
        "_latest.json",
        "business_date=2026-11-21/_manifest.json",
        "business_date=2026-11-21/part-2026-11-21-0.parquet",
    ]
