"""The page of all commands is what they declare."""

from __future__ import annotations

from pathlib import Path

from cli.reference_page import page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "command_line.md"


def test_the_page_of_the_command_line_shows_every_command_and_argument_as_the_code_has_it() -> None:
    assert PAGE.read_text() == page(), "make it again: python -m cli.reference_page > docs/reference/command_line.md"
