"""The making of the lake's container: what is said where the account is not named, or not there."""

from __future__ import annotations

import pytest

from local.compose.lake_container import main


def test_without_an_account_it_is_said_what_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LAKEHOUSE_DATABRICKS_STORAGE", raising=False)
    assert main() == 1
    assert capsys.readouterr().err == (
        "error: LAKEHOUSE_DATABRICKS_STORAGE must be set: a storage account's connection string\n"
    )


def test_what_is_no_connection_string_is_refused_without_its_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAKEHOUSE_DATABRICKS_STORAGE", "AccountKey=c2VjcmV0")
    assert main() == 1
    said = capsys.readouterr().err
    assert said.startswith("error: the storage account that LAKEHOUSE_DATABRICKS_STORAGE names cannot be used: ")
    assert "c2VjcmV0" not in said
