"""What docker-compose.yml promises, from inside its running containers; a business date; services that crash."""

from __future__ import annotations

from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import MySQLdb
import pytest
import yaml

from local.containers.composed import REPOSITORY, Composed
from local.containers.engine import EngineError
from local.demo.airflow_client import TERMINAL, AirflowApiError, AirflowClient
from local.demo.day import DAG_ID, Progress
from local.demo.independent_check import Figures, compare
from local.demo_data.next_day import live_next_day
from tests.containers.conftest import say
from tests.end_to_end.lake_content import LAST_DATE
from tests.waiting import wait_until

pytestmark = pytest.mark.containers

FILE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
LASTING = sorted(name for name, service in FILE["services"].items() if "healthcheck" in service)
EDGE_EXECUTOR = "airflow.providers.edge3.executors.EdgeExecutor"
RUN_SECONDS = 2400
# It has what it said it keeps in memory alone for some seconds, so it is asked to stop.
SIGNALS = {"azurite": "TERM"}
# Which end while a run goes on, and what its tasks have reached then.
CRASHES = (
    (("postgres", "copy_to_bronze"), ("airflow-apiserver", "silver_dimensions"), ("airflow-scheduler", "silver_facts")),
    (
        ("mysql", "list_tables"),
        ("edge-worker", "copy_to_bronze"),
        ("airflow-dag-processor", "copy_to_bronze"),
        ("azurite", "silver_facts"),
    ),
    (("databricks", "silver_dimensions"), ("airflow-triggerer", "silver_dimensions"), ("waiting", "silver_dimensions")),
)


@pytest.fixture(scope="module")
def airflow(platform: Composed) -> AirflowClient:
    """Airflow's API through the port that is open on this machine, its DAG unpaused."""
    return client_of(platform)


def client_of(composed: Composed) -> AirflowClient:
    settings = composed.settings
    address = f"http://127.0.0.1:{settings['AIRFLOW_PORT']}"
    client = AirflowClient(address, settings["AIRFLOW_USER"], settings["AIRFLOW_PASSWORD"])
    wait_until(lambda: client.has_dag(DAG_ID), lambda: str(client.import_errors()), 300)
    client.unpause(DAG_ID)
    return client


def source_of(platform: Composed) -> Any:
    """The source as its owner sees it, through the port that is open on this machine; a new connection."""
    settings = platform.settings
    return MySQLdb.connect(
        host="127.0.0.1", port=int(settings["MYSQL_PORT"]), user="owner", database="atliqsale", charset="utf8mb4",
        password=settings["MYSQL_OWNER_PASSWORD"], local_infile=1,
    )  # fmt: skip


@pytest.mark.parametrize("service", LASTING)
def test_a_container_is_nobody_special_and_cannot_write_but_where_it_must(platform: Composed, service: str) -> None:
    status, said = platform.run_in(service, "sh", "-c", "id -u; grep -hE '^(CapEff|NoNewPrivs)' /proc/self/status")
    assert status == 0
    user, capabilities, privileges = said.split("\n")[:3]
    assert int(user) > 0
    assert (int(capabilities.split()[1], 16), privileges.split()[1]) == (0, "1")
    for folder in ("/", "/opt", "/etc", "/usr/local/bin", "/home"):
        assert platform.run_in(service, "touch", f"{folder}/new")[0] != 0, folder
    assert platform.run_in(service, "touch", "/tmp/new")[0] == 0


@pytest.mark.parametrize(
    ("service", "other", "port", "reached"),
    [
        ("airflow-scheduler", "postgres", 5432, True),
        ("databricks", "postgres", 5432, False),
        ("edge-worker", "postgres", 5432, False),
        ("edge-worker", "mysql", 3306, True),
        ("edge-worker", "databricks", 8090, False),
        ("airflow-scheduler", "mysql", 3306, False),
        ("databricks", "mysql", 3306, False),
        ("databricks", "airflow-apiserver", 8080, False),
        ("airflow-scheduler", "databricks", 8090, True),
        ("airflow-scheduler", "azurite", 10000, True),
        ("airflow-apiserver", "azurite", 10000, True),
        ("databricks", "azurite", 10000, True),
        ("edge-worker", "azurite", 10000, True),
    ],
)
def test_containers_meet_only_whom_they_need(
    platform: Composed, service: str, other: str, port: int, reached: bool
) -> None:
    networks = platform.inspect(other)["NetworkSettings"]["Networks"].values()
    for host in (other, *(network["IPAddress"] for network in networks)):
        code = f"import socket; socket.create_connection(({host!r}, {port}), 3)"
        status, said = platform.run_in(service, "python", "-c", code)
        if reached and host == other:
            assert status == 0, said
        elif not reached:
            assert status != 0, f"{service} reaches {host}"


def test_a_worker_whose_executors_lack_the_edge_executor_does_not_start(platform: Composed) -> None:
    words = ("run", "--rm", "--no-deps", "--no-TTY", "--env", "AIRFLOW__CORE__EXECUTOR=LocalExecutor", "edge-worker")
    with pytest.raises(
        EngineError, match=rf"WRONG: AIRFLOW__CORE__EXECUTOR \(LocalExecutor\) does not name {EDGE_EXECUTOR}"
    ):
        platform.compose(*words)


def test_the_first_day_is_copied_by_the_edge_worker_and_fills_an_exact_one_big_table(
    platform: Composed, airflow: AirflowClient, tmp_path: Path
) -> None:
    run_id = airflow.trigger(DAG_ID, {"business_date": LAST_DATE.isoformat()})
    with platform.timed("the first day"):
        assert end_of(airflow, run_id) == "success", logs(airflow, run_id)

    assert_gold_is_exact(platform, LAST_DATE, tmp_path)
    asked = [
        one
        for one in airflow.task_instances(DAG_ID, run_id)
        if one["task_id"] in {"source_ready", "list_tables", "copy_to_bronze"}
    ]
    worker = platform.inspect("edge-worker")["Config"]["Hostname"]
    assert len(asked) == 7
    assert {(one["queue"], one["executor"], one["hostname"]) for one in asked} == {("onprem", EDGE_EXECUTOR, worker)}


def test_the_page_in_the_api_server_shows_what_the_day_brought(
    platform: Composed, airflow: AirflowClient, tmp_path: Path
) -> None:
    views: list[dict[str, Any]] = [{}]

    def is_shown() -> bool:
        views.append(airflow.plugin_page("/kpi/api/view?range=all"))
        return "cards" in views[-1]

    wait_until(is_shown, lambda: str(views[-1]), 120)
    gold = assert_gold_is_exact(platform, LAST_DATE, tmp_path)
    cards = {card["name"]: card["value"] for card in views[-1]["cards"]}
    assert (Decimal(cards["revenue"]), int(cards["sales"])) == (gold.revenue, gold.rows)


def test_nothing_waits_without_a_worker(platform: Composed) -> None:
    assert platform.run_in("waiting", "python", "-m", "cli", "waiting")[1].splitlines()[-1] == (
        "ok: no task waits for longer than it may"
    )


@pytest.mark.parametrize("day", range(len(CRASHES)), ids=["+".join(one for one, _ in day) for day in CRASHES])
def test_a_day_in_which_services_crash_ends_well_with_an_exact_one_big_table(
    platform: Composed, airflow: AirflowClient, tmp_path: Path, day: int
) -> None:
    business_date = LAST_DATE + timedelta(days=day + 1)
    with closing(source_of(platform)) as source:
        live_next_day(source, business_date)
        source.commit()
    run_id = airflow.trigger(DAG_ID, {"business_date": business_date.isoformat(), "rebuild": True})
    with platform.timed("the day"):
        for service, task_id in CRASHES[day]:
            begun = partial(has_begun, airflow, run_id, task_id)
            wait_until(begun, lambda: states(airflow, run_id), RUN_SECONDS)
            assert airflow.run(DAG_ID, run_id)["state"] == "running"
            platform.wait_until_back(service, platform.kill(service, SIGNALS.get(service, "KILL")))
        assert end_of(airflow, run_id) == "success", logs(airflow, run_id)

    assert_gold_is_exact(platform, business_date, tmp_path)
    # One that was not killed may have suffered from the loss of another.
    for service in LASTING:
        platform.wait_until_healthy(service)


def test_every_service_is_ended_once() -> None:
    assert sorted(service for day in CRASHES for service, _ in day) == LASTING


def test_the_profile_prod_runs_a_date_with_a_source_a_lake_and_a_databricks_that_are_not_its_own(
    platform: Composed, prod: Composed, tmp_path: Path
) -> None:
    business_date = LAST_DATE + timedelta(days=len(CRASHES))
    of_the_demo = {name for name, service in FILE["services"].items() if "profiles" in service}
    assert sorted(prod.compose("ps", "--services").split()) == sorted({*LASTING} - of_the_demo)
    airflow = client_of(prod)
    run_id = airflow.trigger(DAG_ID, {"business_date": business_date.isoformat()})
    with prod.timed("a date of the profile prod"):
        assert end_of(airflow, run_id) == "success", logs(airflow, run_id)

    assert_gold_is_exact(platform, business_date, tmp_path, "lake_prod")


def test_memory_stays_far_under_its_bound(platform: Composed) -> None:
    for service, peak in platform.peak_memory(LASTING).items():
        bound = int(FILE["services"][service]["mem_limit"].rstrip("g")) * 1024
        say(f"memory of {service}: {peak} MB at most, of {bound} MB")
        assert peak < bound


def end_of(airflow: AirflowClient, run_id: str) -> str:
    """The state of a run that has ended; that Airflow is away for moments meanwhile does not count."""
    progress = Progress(say)
    ended = []

    def has_ended() -> bool:
        try:
            progress.watch(airflow.task_instances(DAG_ID, run_id))
            ended.append(str(airflow.run(DAG_ID, run_id)["state"]))
        except (AirflowApiError, OSError):
            return False
        return ended[-1] in TERMINAL

    wait_until(has_ended, lambda: states(airflow, run_id), RUN_SECONDS)
    return ended[-1]


def has_begun(airflow: AirflowClient, run_id: str, task_id: str) -> bool:
    try:
        instances = airflow.task_instances(DAG_ID, run_id)
    except (AirflowApiError, OSError):
        # What it needs is just coming back.
        return False
    return any(one["task_id"] == task_id and one["start_date"] is not None for one in instances)


def states(airflow: AirflowClient, run_id: str) -> str:
    return str([(one["task_id"], one["map_index"], one["state"]) for one in airflow.task_instances(DAG_ID, run_id)])


def logs(airflow: AirflowClient, run_id: str) -> str:
    """The logs of the tasks that failed, for the assertion's message."""
    return "\n".join(
        airflow.log(DAG_ID, run_id, one["task_id"], one["map_index"], one["try_number"])
        for one in airflow.task_instances(DAG_ID, run_id)
        if one["state"] == "failed"
    )


def assert_gold_is_exact(platform: Composed, business_date: date, folder: Path, lake: str = "lake") -> Figures:
    from adlfs import AzureBlobFileSystem

    azurite = f"http://127.0.0.1:{platform.settings['AZURITE_PORT']}/lakehouse"
    account = f"AccountName=lakehouse;AccountKey={platform.settings['AZURITE_KEY']};BlobEndpoint={azurite}"
    AzureBlobFileSystem(connection_string=account).get(f"lake/{lake}/gold", str(folder / "gold"), recursive=True)
    with closing(source_of(platform)) as source:
        comparison = compare(source, folder, business_date)
    assert comparison.differences == []
    assert comparison.total.rows > 0
    return comparison.total
