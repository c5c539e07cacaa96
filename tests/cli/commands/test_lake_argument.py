"""Where a person says the lake is."""

from __future__ import annotations

from pathlib import Path

import pytest
from lakehouse.errors import SettingError

from cli.commands.lake_argument import environment_with_lake

HERE = {"LAKEHOUSE_LAKE_ROOT": "abfs://a@lake"}


def test_a_folder_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert environment_with_lake("my lake", HERE) == {"LAKEHOUSE_LAKE_ROOT": f"file://{tmp_path}/my lake"}


def test_a_uri_is_taken_as_it_is_and_nothing_leaves_the_setting() -> None:
    assert environment_with_lake("abfs://b@lake/x", HERE) == {"LAKEHOUSE_LAKE_ROOT": "abfs://b@lake/x"}
    assert environment_with_lake(None, HERE) == HERE


def test_a_folder_that_a_uri_would_cut_off_is_refused() -> None:
    with pytest.raises(SettingError, match="rename the folder"):
        environment_with_lake("lake#2", HERE)
