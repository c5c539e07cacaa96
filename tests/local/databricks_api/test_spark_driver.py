"""Who may use the Spark driver: this server's tasks, and no one else on the machine."""

from __future__ import annotations

import json
import re
import stat
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import SparkPythonTask, SubmitTask

from tests.local.databricks_api.conftest import TOKEN, RunningServer, wait_for

pytestmark = pytest.mark.spark


def command_of(server: RunningServer) -> str:
    return Path(f"/proc/{server.driver_id}/cmdline").read_bytes().decode().replace("\0", " ")


def option(server: RunningServer, name: str) -> str:
    found = re.search(rf"{re.escape(name)}=(\S+)", command_of(server))
    assert found is not None
    return found[1]


def environment_of(server: RunningServer) -> dict[str, str]:
    entries = Path(f"/proc/{server.driver_id}/environ").read_text().split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def ui(server: RunningServer, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{option(server, 'spark.ui.port')}{path}", timeout=30) as answer:
        return json.load(answer)


@pytest.mark.parametrize("address", ["127.0.0.1:{port}", "localhost:{port}/;token=guessed"])
def test_whoever_has_no_token_is_refused(server: RunningServer, address: str) -> None:
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.client import SparkConnectClient

    port = option(server, "spark.connect.grpc.binding.port")
    client = SparkConnectClient(f"sc://{address.format(port=port)}", use_reattachable_execute=False)
    with pytest.raises((PySparkException, grpc.RpcError), match=r"(?i)unauthenticated|authentication token"):
        client._analyze(method="spark_version")
    client.close()


def test_the_drivers_token_is_in_its_environment_alone_and_the_apis_token_is_not(server: RunningServer) -> None:
    environment = environment_of(server)
    assert len(environment["SPARK_CONNECT_AUTHENTICATE_TOKEN"]) == 43
    assert environment["SPARK_CONNECT_AUTHENTICATE_TOKEN"] not in command_of(server)
    assert TOKEN not in environment.values()


def test_sparks_page_stops_nothing(server: RunningServer, scripts: dict[str, str]) -> None:
    workspace = WorkspaceClient(host=server.url, token=TOKEN, auth_type="pat")
    task = SubmitTask("main", existing_cluster_id="local", spark_python_task=SparkPythonTask(scripts["hog"]))
    run_id = int(workspace.jobs.submit(run_name="hog", tasks=[task]).run_id)
    (application,) = ui(server, "/api/v1/applications")
    jobs = f"/api/v1/applications/{application['id']}/jobs?status=running"

    # The count of few rows before it has one task.
    def running() -> list[dict[str, Any]]:
        return [one for one in ui(server, jobs) if one["numActiveTasks"] == 2]

    wait_for(lambda: bool(running()), 120, "the long job runs")
    (job,) = running()

    with suppress(urllib.error.HTTPError, json.JSONDecodeError):
        ui(server, f"/jobs/job/kill/?id={job['jobId']}")
    with suppress(urllib.error.HTTPError, json.JSONDecodeError):
        ui(server, f"/stages/stage/kill/?id={job['stageIds'][0]}")

    assert [one["jobId"] for one in running()] == [job["jobId"]]
    workspace.jobs.cancel_run_and_wait(run_id)


def test_the_servers_folder_is_its_own(server: RunningServer) -> None:
    assert stat.S_IMODE(server.home.stat().st_mode) == 0o700
