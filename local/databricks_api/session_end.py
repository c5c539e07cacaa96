"""Ends a Spark Connect session, and makes sure that its work inside the driver ends with it.

Spark Connect interrupts an operation by cancelling the jobs that it has submitted by then. A job that another thread of
the operation submits a moment later runs on for ever, and keeps the slots of the driver. So a session with work in
flight is ended only when its jobs have settled, and afterwards the driver is asked for what is left.
"""

from __future__ import annotations

import json
import os
import time
import urllib.request
from typing import Any

POLL_SECONDS = 0.1
SETTLED_POLLS = 3
IDLE_POLLS = 10
MOST_POLLS = 50
ANSWER_SECONDS = 30


def end_session(session_id: str, driver_ui: str | None) -> None:
    """End the session that the environment variable SPARK_REMOTE names; its client must be gone.

    `driver_ui` is the address of the driver's web interface where work may be in flight, else None.

    Raises:
        TimeoutError: jobs of the session run on; only a restart of the driver helps.
    """
    from pyspark.sql.connect.client import SparkConnectClient

    if driver_ui is not None:
        _wait_until_settled(driver_ui, session_id)
    client = SparkConnectClient(os.environ["SPARK_REMOTE"], use_reattachable_execute=False)
    client.release_session()
    client.close()
    if driver_ui is not None:
        _wait_until_idle(driver_ui, session_id)


def _wait_until_settled(driver_ui: str, session_id: str) -> None:
    """Wait until the same jobs are seen several times; none at all may mean that the first is still being planned."""
    seen: list[int] = []
    times = 0
    for _ in range(MOST_POLLS):
        jobs = _running_jobs(driver_ui, session_id)
        times = times + 1 if jobs == seen else 1
        seen = jobs
        if times >= (SETTLED_POLLS if jobs else IDLE_POLLS):
            return
        time.sleep(POLL_SECONDS)


def _wait_until_idle(driver_ui: str, session_id: str) -> None:
    idle_times = 0
    for _ in range(MOST_POLLS):
        idle_times = 0 if _running_jobs(driver_ui, session_id) else idle_times + 1
        if idle_times == SETTLED_POLLS:
            return
        time.sleep(POLL_SECONDS)
    raise TimeoutError(f"Spark jobs of session {session_id} run on although it was ended.")


def _running_jobs(driver_ui: str, session_id: str) -> list[int]:
    (application,) = _get(f"{driver_ui}/api/v1/applications")
    jobs = _get(f"{driver_ui}/api/v1/applications/{application['id']}/jobs?status=running")
    return [job["jobId"] for job in jobs if any(f"_Session_{session_id}_" in tag for tag in job["jobTags"])]


def _get(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=ANSWER_SECONDS) as response:
        return json.load(response)
