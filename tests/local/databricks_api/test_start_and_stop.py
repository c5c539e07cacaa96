"""Starting, stopping and being killed, without waiting for Spark to be ready."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from medallion.run.session import JAVA_OPTIONS

from local.databricks_api.__main__ import parse_settings
from local.databricks_api.errors import StartError
from local.databricks_api.scheduler import STOPPED_IN_FLIGHT
from local.databricks_api.settings import ServerSettings
from local.databricks_api.spark_driver import check_prerequisites, driver_command
from local.processes import free_port, is_alive
from tests.local.databricks_api.conftest import REPOSITORY, TOKEN, RunningServer, descendants, wait_for


def settings(tmp_path: Path, **changes: Any) -> ServerSettings:
    jars = tmp_path / "jars"
    jars.mkdir(exist_ok=True)
    (jars / "delta-spark_4.1_2.13-4.4.0.jar").touch()
    return ServerSettings(**{"home": tmp_path / "home", "token": TOKEN, "delta_jars": jars, **changes})


def start_and_fail(*options: str, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local.databricks_api", *options, "--token", token]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)


def test_everything_that_spark_needs_is_here(tmp_path: Path) -> None:
    check_prerequisites(settings(tmp_path, spark_port=free_port()))


def test_missing_jars_are_named(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"No Delta jars .* in .*/empty\. Fetch them there, or .*LAKEHOUSE_DELTA_JARS"):
        check_prerequisites(settings(tmp_path, delta_jars=tmp_path / "empty"))


def test_a_missing_java_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StartError, match="Java was not found on PATH, and JAVA_HOME is not set"):
        check_prerequisites(settings(tmp_path))
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    with pytest.raises(StartError, match=r"Java was not found in JAVA_HOME \(/nowhere\)"):
        check_prerequisites(settings(tmp_path))


def test_an_old_java_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    java.chmod(0o755)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(StartError, match=r'is no Java 17 or newer \(openjdk version "11\.0\.2"\)'):
        check_prerequisites(settings(tmp_path))


def test_a_taken_spark_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(StartError, match=rf"Port {port} \(--spark-port\) is taken"):
            check_prerequisites(settings(tmp_path, spark_port=port))


def test_java_is_started_as_for_a_session_of_the_jobs(tmp_path: Path) -> None:
    given = next(word for word in driver_command(settings(tmp_path), 1, 2) if "extraJavaOptions=" in word)
    assert given.partition("=")[2].startswith(f"{JAVA_OPTIONS} ")


def test_a_token_must_be_given_and_may_come_from_the_environment(tmp_path: Path) -> None:
    arguments = ["--home", str(tmp_path), "--port", "1"]
    with pytest.raises(StartError, match="Give --token or set LAKEHOUSE_DATABRICKS_TOKEN"):
        parse_settings(arguments, {})
    assert parse_settings(arguments, {"LAKEHOUSE_DATABRICKS_TOKEN": "t"}).token == "t"


def test_a_taken_port_ends_the_server_with_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = start_and_fail("--home", str(tmp_path / "home"), "--port", str(port))
    assert ended.returncode == 1
    assert ended.stderr == (
        f"The local Databricks API cannot start: Port {port} on 127.0.0.1 cannot be used (Address already in use). "
        "Stop what listens there, or choose another --port.\n"
    )


@pytest.mark.spark
class TestRunningServer:
    """These start the real server, but do not wait for its Spark; one is killed first, and ended last."""

    @pytest.fixture(scope="class")
    def starting(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
        server = RunningServer(tmp_path_factory.mktemp("starting") / "home")
        server.start()
        yield server
        if server.process is not None and server.process.poll() is None:
            server.end(signal.SIGKILL)

    def test_a_driver_that_cannot_start_ends_the_server_with_its_reason(self, tmp_path: Path) -> None:
        ended = start_and_fail("--home", str(tmp_path / "home"), "--port", "0", "--spark-memory", "lots")
        assert ended.returncode == 1
        assert "The local Databricks API cannot start: The Spark driver did not start (exit status 1)" in ended.stderr
        assert "lots" in ended.stderr

    def test_a_killed_server_leaves_no_process_and_forgets_no_run(self, starting: RunningServer) -> None:
        script = starting.home / "plain.py"
        script.write_text("print('hello')")
        body = {
            "run_name": "interrupted",
            "existing_cluster_id": "local",
            "spark_python_task": {"python_file": str(script)},
            "idempotency_token": "only-once",
        }
        run_id = call(starting, "submit", body)["run_id"]
        before = call(starting, f"get?run_id={run_id}")
        assert before["state"]["life_cycle_state"] == "PENDING"
        assert before["tasks"][0]["task_key"] == "interrupted"
        wait_for(lambda: len(descendants(starting.process_id)) >= 2, 60, "driver and interpreters are started")
        children = descendants(starting.process_id)
        starting.end(signal.SIGKILL)
        wait_for(lambda: not any(is_alive(pid) for pid in children), 60, f"{children} have ended as well")

        starting.start()
        after = call(starting, f"get?run_id={run_id}")
        assert after["state"]["life_cycle_state"] == "INTERNAL_ERROR"
        assert after["state"]["result_state"] == "FAILED"
        assert STOPPED_IN_FLIGHT.rstrip(".") in after["state"]["state_message"]
        assert call(starting, f"get-output?run_id={run_id}")["error"] == STOPPED_IN_FLIGHT
        assert call(starting, "submit", body) == {"run_id": run_id}

    def test_parameters_of_a_get_may_come_as_its_body_as_airflow_triggers_send_them(
        self, starting: RunningServer
    ) -> None:
        with pytest.raises(urllib.error.HTTPError) as refused:
            call(starting, "get", {"run_id": 12345}, method="GET")
        assert json.load(refused.value) == {
            "error_code": "INVALID_PARAMETER_VALUE",
            "message": "Run 12345 does not exist.",
        }

    def test_a_second_server_on_the_same_home_is_refused(self, starting: RunningServer) -> None:
        ended = start_and_fail("--home", str(starting.home), "--port", "0")
        assert ended.returncode == 1
        assert f"Another server runs on --home {starting.home}" in ended.stderr

    def test_sigterm_stops_spark_and_all_interpreters(self, starting: RunningServer) -> None:
        wait_for(lambda: len(descendants(starting.process_id)) >= 2, 60, "driver and interpreters are started")
        children = descendants(starting.process_id)
        assert starting.end(signal.SIGTERM) == 0
        assert [pid for pid in children if is_alive(pid)] == []


def call(server: RunningServer, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
    request = urllib.request.Request(
        f"{server.url}/api/2.2/jobs/runs/{path}",
        data=json.dumps(body).encode() if body else None,
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)
