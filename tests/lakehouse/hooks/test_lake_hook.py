"""The hook says of the lake whether it can be written and read, and leaves nothing there."""

from __future__ import annotations

from pathlib import Path

from lakehouse.hooks.lake_hook import LakeHook


def test_a_lake_that_can_be_written_is_well_and_stays_as_it_was(tmp_path: Path) -> None:
    assert LakeHook(f"file://{tmp_path}").test_connection() == (True, f"file://{tmp_path} can be written and read")
    assert list(tmp_path.iterdir()) == []


def test_a_lake_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("a file where a folder should be")

    works, message = LakeHook(f"file://{tmp_path}/lake").test_connection()

    assert not works
    assert message.startswith(f"cannot make the folder {tmp_path}/lake: ")


def test_a_connection_that_is_missing_is_said() -> None:
    works, message = LakeHook("abfs://no_such_connection@lake/folder").test_connection()

    assert not works
    assert "add that Airflow connection, or correct the connection in lake_root" in message
