"""A copy in a process of its own, which is killed: at a chosen step on the disk by itself, or by whoever started it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from datetime import date
from pathlib import Path
from typing import Any

from lakehouse.bronze.table_copy import CopyLimits, copy_table
from lakehouse.errors import SourceUnavailableError, StorageError
from lakehouse.lake.lake_root import lake_at
from lakehouse.source.mysql_source import MySqlSource
from lakehouse.source.source_connection import ConnectionInfo

from lake_model.contracts.copy_spec import CopySpec
from lake_model.lake_layout import bronze_root
from tests.lakehouse.copying import NOW

# Forking from a process that has imported everything takes a moment; starting Python anew, and Airflow, takes seconds.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tests.lakehouse.killing", "airflow.sdk", "adlfs"])

SOURCE_LOST = 3
OVERTAKEN = 4
_STEPS = {"open", "os.rename", "os.remove", "os.mkdir"}


def copy_until_killed(
    info: ConnectionInfo, root: Path, spec: CopySpec, day: date, run_id: str, limits: CopyLimits, fatal_step: int | None
) -> None:
    """Copy a table; end with `SOURCE_LOST` when the connection is lost, with `OVERTAKEN` when another run published.

    Args:
        fatal_step: the process kills itself just before it opens, renames, removes or makes a file or folder of the
            lake for this many-th time.
    """
    if fatal_step is not None:
        _die_before(root, fatal_step)
    try:
        with MySqlSource(info) as source:
            copy_table(source, root, spec, day, run_id, lambda: NOW, limits)
    except SourceUnavailableError:
        sys.exit(SOURCE_LOST)
    except StorageError as error:
        if "meanwhile" not in str(error):
            raise
        sys.exit(OVERTAKEN)


def copy_to_azure_until_killed(
    info: ConnectionInfo, lake: str, connection: str, spec: CopySpec, day: date, limits: CopyLimits
) -> None:
    """Copy a table to a storage account, by an Airflow connection `adls_killed` of this process's own."""
    os.environ["AIRFLOW_CONN_ADLS_KILLED"] = connection
    root = bronze_root(lake_at(f"abfs://adls_killed@{lake}", "unused"))
    with MySqlSource(info) as source:
        copy_table(source, root, spec, day, "killed", lambda: NOW, limits)


def _die_before(root: Path, fatal_step: int) -> None:
    left = fatal_step

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event in _STEPS and isinstance(arguments[0], str | Path) and str(arguments[0]).startswith(str(root)):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
