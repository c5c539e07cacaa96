"""Pages have a sentence or a part of one in a line, so that a change shows what it changes."""

from __future__ import annotations

from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PAGES = [*sorted((PROJECT / "docs").rglob("*.md")), *sorted(PROJECT.glob("*.md"))]
LONGEST = 160


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_no_line_is_too_long_to_be_read(page: Path) -> None:
    parts = page.read_text().split("```")
    lines = [line for outside in parts[::2] for line in outside.splitlines() if not line.lstrip().startswith("|")]

    assert [line for line in lines if len(line) > LONGEST] == []
