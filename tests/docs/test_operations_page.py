"""The table of failures is the one in the code, from which alerts take their cures."""

from __future__ import annotations

import re
from pathlib import Path

from lakehouse.alerting.cures import failures_table

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "guides" / "operations.md").read_text()


def test_the_operations_page_shows_every_failure_as_the_code_has_it() -> None:
    section = PAGE.partition("## What to do, by what failed\n")[2]
    assert section.startswith(failures_table())


def test_the_table_leads_to_sections_that_are_there() -> None:
    titles = [line.lstrip("#").strip().lower() for line in PAGE.splitlines() if line.startswith("##")]
    headings = {re.sub(r"[^\w -]", "", title).replace(" ", "-") for title in titles}
    assert set(re.findall(r"\(#([^)]*)\)", failures_table())) <= headings
