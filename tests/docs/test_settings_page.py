"""The page of all settings is the table in the code."""

from __future__ import annotations

from pathlib import Path

from lakehouse.settings import settings_table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "settings.md"


def test_the_settings_page_shows_every_setting_as_the_code_has_it() -> None:
    assert PAGE.read_text().endswith(settings_table())
