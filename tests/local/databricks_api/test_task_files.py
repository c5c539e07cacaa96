from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from local.databricks_api.task_files import LibraryError, TaskLog, read_log, read_result, unpack_wheel


def make_wheel(path: Path, content: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny/__init__.py", content)
    return path


def test_a_wheel_is_unpacked_once_for_each_content(tmp_path: Path) -> None:
    folder = tmp_path / "wheels"
    first = unpack_wheel(make_wheel(tmp_path / "tiny-1-py3-none-any.whl", "A = 1"), folder)
    assert (first / "tiny" / "__init__.py").read_text() == "A = 1"
    assert unpack_wheel(tmp_path / "tiny-1-py3-none-any.whl", folder) == first
    second = unpack_wheel(make_wheel(tmp_path / "tiny-1-py3-none-any.whl", "A = 2"), folder)
    assert (second / "tiny" / "__init__.py").read_text() == "A = 2"
    assert sorted(folder.iterdir()) == sorted([first, second])


def test_a_missing_or_broken_wheel_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.whl"
    broken.write_text("no archive")
    with pytest.raises(LibraryError, match=r"missing\.whl cannot be read"):
        unpack_wheel(tmp_path / "missing.whl", tmp_path / "wheels")
    with pytest.raises(LibraryError, match=r"broken\.whl is no readable wheel"):
        unpack_wheel(broken, tmp_path / "wheels")
    assert list((tmp_path / "wheels").iterdir()) == []


def test_the_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    assert read_log(log) == TaskLog("", False)
    log.write_text("0123456789")
    assert read_log(log, limit=10) == TaskLog("0123456789", False)
    assert read_log(log, limit=4) == TaskLog("6789", True)


def test_a_result_is_read_where_the_task_had_time_to_write_it(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    assert read_result(result) == ("", "")
    result.write_text(json.dumps({"error": "ValueError: x", "error_trace": "Traceback"}))
    assert read_result(result) == ("ValueError: x", "Traceback")
    result.write_text(json.dumps({"error": "KeyError: \ud800", "error_trace": "Ü \udfff"}))
    assert read_result(result) == ("KeyError: \\ud800", "Ü \\udfff")
    result.write_bytes(b"\xff")
    assert read_result(result) == ("", "")
