"""What the demo and the end-to-end tests ask of Airflow's REST API."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any

from local.errors import LocalError

_FAIL_TRIES = 10
_POLL_SECONDS = 0.5
TERMINAL = frozenset({"success", "failed"})


class AirflowApiError(LocalError):
    """Airflow refused a request, or a run did not end in time."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class AirflowClient:
    """Airflow's REST API v2 at `url`, logged in as `user`."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self._user = user
        self._password = password
        self._token: str | None = None

    def is_up(self) -> bool:
        """Whether the API server answers."""
        try:
            self._send("GET", "/api/v2/version", None, {})
        except (AirflowApiError, OSError):
            return False
        return True

    def is_healthy(self, component: str) -> bool:
        """Whether a component (`scheduler`, `dag-processor`, `triggerer`) has a fresh heartbeat."""
        try:
            health = self._send("GET", "/api/v2/monitor/health", None, {})
        except (AirflowApiError, OSError):
            return False
        state = health.get(component.replace("-", "_")) or {}
        return bool(state.get("status") == "healthy")

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """One call under `/api/v2`, as JSON.

        Raises:
            AirflowApiError: the answer was an error; carries Airflow's own words.
        """
        return self._send(method, f"/api/v2{path}", body, self._login())

    def plugin_page(self, path: str) -> Any:
        """What a page of a plugin answers, as JSON.

        Raises:
            AirflowApiError: the answer was an error; carries the page's own words.
        """
        return self._send("GET", path, None, self._login())

    def has_dag(self, dag_id: str) -> bool:
        """Whether the DAG has been parsed and can be triggered."""
        try:
            self.request("GET", f"/dags/{dag_id}")
        except AirflowApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def import_errors(self) -> list[str]:
        """DAG files that could not be loaded, with their tracebacks."""
        return [error["stack_trace"] for error in self.request("GET", "/importErrors")["import_errors"]]

    def unpause(self, dag_id: str) -> None:
        """Lets the scheduler start the DAG's runs."""
        self.request("PATCH", f"/dags/{dag_id}", {"is_paused": False})

    def trigger(self, dag_id: str, conf: dict[str, Any], run_id: str | None = None) -> str:
        """Starts a manual run and returns its id."""
        body: dict[str, Any] = {"logical_date": None, "conf": conf}
        if run_id:
            body["dag_run_id"] = run_id
        return str(self.request("POST", f"/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """One DAG run."""
        answer: dict[str, Any] = self.request("GET", f"/dags/{dag_id}/dagRuns/{_quoted(run_id)}")
        return answer

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """All DAG runs, oldest first."""
        answer = self.request("GET", f"/dags/{dag_id}/dagRuns?limit=100&order_by=id")
        return list(answer["dag_runs"])

    def fail(self, dag_id: str, run_id: str) -> None:
        """Ends a run, with its tasks, as failed."""
        for tries_left in reversed(range(_FAIL_TRIES)):
            try:
                self.request("PATCH", f"/dags/{dag_id}/dagRuns/{_quoted(run_id)}", {"state": "failed"})
                return
            except AirflowApiError as error:
                # The scheduler works on the same rows: the database ends one of two that wait for each other.
                if not tries_left or (error.status or 0) < 500:
                    raise
                time.sleep(_POLL_SECONDS)

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """All task instances of a run, mapped ones each for itself."""
        path = f"/dags/{dag_id}/dagRuns/{_quoted(run_id)}/taskInstances?limit=100"
        return list(self.request("GET", path)["task_instances"])

    def log(self, dag_id: str, run_id: str, task_id: str, map_index: int, try_number: int) -> str:
        """A task's log as text."""
        path = (
            f"/dags/{dag_id}/dagRuns/{_quoted(run_id)}/taskInstances/{task_id}/logs/{try_number}"
            f"?map_index={map_index}&full_content=true"
        )
        content = self.request("GET", path)["content"]
        return "\n".join(json.dumps(line) if isinstance(line, dict) else str(line) for line in content)

    def clear(
        self, dag_id: str, run_id: str, tasks: Sequence[tuple[str, int | None]], *, downstream: bool = False
    ) -> None:
        """Clears these tasks of a run, each with its map index or None, and nothing before them; after them only what
        `downstream` asks for.
        """
        self.request(
            "POST",
            f"/dags/{dag_id}/clearTaskInstances",
            {
                "dry_run": False,
                "dag_run_id": run_id,
                "task_ids": [name if index is None else [name, index] for name, index in tasks],
                "only_failed": False,
                "include_downstream": downstream,
                "reset_dag_runs": True,
            },
        )

    def wait(
        self,
        dag_id: str,
        run_id: str,
        seconds: float,
        watch: Callable[[list[dict[str, Any]]], None] | None = None,
        alive: Callable[[], None] | None = None,
    ) -> str:
        """Waits for a run to end and returns its state; `watch` sees its task instances at each look.

        Raises:
            AirflowApiError: it did not end in time; names what was still running.
        """
        deadline = time.monotonic() + seconds
        while True:
            state = str(self.run(dag_id, run_id)["state"])
            if watch:
                watch(self.task_instances(dag_id, run_id))
            if state in TERMINAL:
                return state
            if alive:
                alive()
            if time.monotonic() > deadline:
                unfinished = [
                    f"{instance['task_id']}[{instance['map_index']}] {instance['state']}"
                    for instance in self.task_instances(dag_id, run_id)
                    if instance["state"] not in {"success", "skipped"}
                ]
                raise AirflowApiError(f"run {run_id} did not end within {seconds:.0f} s; unfinished: {unfinished}")
            time.sleep(_POLL_SECONDS)

    def _login(self) -> dict[str, str]:
        if self._token is None:
            login = {"username": self._user, "password": self._password}
            self._token = self._send("POST", "/auth/token", login, {})["access_token"]
        return {"Authorization": f"Bearer {self._token}"}

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        request = urllib.request.Request(
            f"{self.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json", **headers},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            detail = error.read().decode(errors="replace")[:2000]
            raise AirflowApiError(f"Airflow answered {error.code} to {method} {path}: {detail}", error.code) from None
        return json.loads(text) if text else None


def _quoted(run_id: str) -> str:
    return urllib.parse.quote(run_id, safe="")
