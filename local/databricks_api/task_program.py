"""Runs one job's code inside an interpreter of its own, and notes down why it failed.

The interpreter that this runs in was forked for this one task; nothing of the job is imported before.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import logging
import os
import re
import runpy
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from local.databricks_api.session_end import end_session
from local.databricks_api.storage_account import VARIABLE, StorageAccount


@dataclass(frozen=True)
class TaskRequest:
    """All that the new interpreter needs to know; travels as JSON.

    `program` is {"kind": "file", "path": …} or {"kind": "wheel", "package_name": …, "entry_point": …} or
    {"kind": "end_session", "session_id": …, "driver_ui": … where work may be in flight}. `environment` replaces the
    environment, `python_path` is put before the import path. Standard output and error go to `log`; `result` gets
    {"error", "error_trace"} where the task fails.
    """

    task_id: str
    program: Mapping[str, str]
    parameters: tuple[str, ...]
    python_path: tuple[str, ...]
    environment: Mapping[str, str]
    directory: str
    log: str
    result: str

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> TaskRequest:
        """The request that `dataclasses.asdict` made `document` of."""
        lists = {name: tuple(document[name]) for name in ("parameters", "python_path")}
        return cls(**{**document, **lists})


def prepare_interpreter(request: TaskRequest) -> None:
    """Give the interpreter the task's environment, import path, directory, and standard streams."""
    os.environ.clear()
    os.environ.update(request.environment)
    sys.path[:0] = request.python_path
    os.chdir(request.directory)
    with Path(request.log).open("ab") as log, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    # It would print each Spark error once more, as one line of JSON of many kilobytes.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]


def run_program(request: TaskRequest) -> int:
    """Run the task to its end, as `python file.py …` would: prints a traceback where it fails.

    Returns:
        The exit status.
    """
    try:
        if connection_string := os.environ.get(VARIABLE):
            StorageAccount.of(connection_string).offer_file_utilities()
        _execute(request)
    except SystemExit as stop:
        return _stopped(stop, request)
    except BaseException as error:
        trace = "".join(traceback.format_exception(type(error), error, _own_frames_removed(error.__traceback__)))
        sys.stderr.write(trace)
        _write_result(request, "".join(traceback.format_exception_only(error)).strip(), trace)
        return 1
    return 0


def _execute(request: TaskRequest) -> None:
    program = request.program
    if program["kind"] == "end_session":
        end_session(program["session_id"], program.get("driver_ui"))
    elif program["kind"] == "file":
        sys.argv = [program["path"], *request.parameters]
        runpy.run_path(program["path"], run_name="__main__")
    else:
        sys.argv = [program["package_name"], *request.parameters]
        _wheel_function(program["package_name"], program["entry_point"])()


def _wheel_function(package_name: str, entry_point: str) -> Callable[[], object]:
    """The named entry point in the package's metadata, else the function of that name in the package."""
    try:
        distribution = importlib.metadata.distribution(package_name)
    except importlib.metadata.PackageNotFoundError:
        distribution = None
    if distribution is not None:
        for candidate in distribution.entry_points:
            if candidate.name == entry_point:
                function: Callable[[], object] = candidate.load()
                return function
    module_name = re.sub(r"[-.]+", "_", package_name)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name:
            raise
        raise ModuleNotFoundError(
            f"Package {package_name} is neither installed nor in one of the task's wheels.", name=module_name
        ) from None
    named: Callable[[], object] | None = getattr(module, entry_point, None)
    if named is None:
        raise AttributeError(f"Package {package_name} has neither an entry point nor a function named {entry_point}.")
    return named


def _stopped(stop: SystemExit, request: TaskRequest) -> int:
    if stop.code is None or stop.code == 0:
        return 0
    status = stop.code if isinstance(stop.code, int) else 1
    if not isinstance(stop.code, int):
        sys.stderr.write(f"{stop.code}\n")
    _write_result(request, f"SystemExit: {stop.code}", "")
    return status


def _own_frames_removed(trace: TracebackType | None) -> TracebackType | None:
    own = {__file__, runpy.__file__, "<frozen runpy>"}
    while trace is not None and trace.tb_frame.f_code.co_filename in own:
        trace = trace.tb_next
    return trace


def _write_result(request: TaskRequest, error: str, error_trace: str) -> None:
    Path(request.result).write_text(json.dumps({"error": error, "error_trace": error_trace}), encoding="utf-8")
