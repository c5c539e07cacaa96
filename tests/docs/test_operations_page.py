"""The table of failures is the one in the code, from which alerts take their cures."""

from __future__ import annotations

import re
from pathlib import Path

from lakehouse.alerting.cures import failures_table

PROJECT = Path(__file__).resolve().parents[2]
PAGE = (PROJECT / "docs" / "guides" / "operations.md").read_text()


def test_the_operations_page_shows_every_failure_as_the_code_has_it() -> None:
    section = PAGE.partition("## What to do, by what failed\n")[2]
    assert section.startswith(failures_table())


def test_the_table_leads_to_sections_that_are_there() -> None:
    titles = [line.lstrip("#").strip().lower() for line in PAGE.splitlines() if line.startswith("##")]
    headings = {re.sub(r"[^\w -]", "", title).replace(" ", "-") for title in titles}
    assert set(re.findall(r"\(#([^)]*)\)", failures_table())) <= headings


def test_every_message_that_the_page_explains_is_one_that_the_code_writes() -> None:
    table = PAGE.partition("| the message says |")[2].partition("\n\n")[0]
    messages = [text for row in table.splitlines()[2:] for text in re.findall(r"`([^`]+)`", row.split(" | ")[0])]
    code = "".join(file.read_text() for file in sorted((PROJECT / "plugins" / "lakehouse").rglob("*.py")))
    # A text goes on in the next line, and a value stands in a message where the page has three points.
    code = re.sub(r"\{[^{}\n]*\}", "…", re.sub(r'"\s+f?"', "", code))
    written = [part.strip() for message in messages for part in message.split("…")]

    assert len(messages) > 30
    assert [part for part in written if part not in code] == []
