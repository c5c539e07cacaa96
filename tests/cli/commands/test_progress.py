"""How a copy's progress is shown."""

from __future__ import annotations

import io

from cli.commands.progress import shown_progress


class Terminal(io.StringIO):
    """A terminal that keeps what is shown on it."""

    def isatty(self) -> bool:
        return True


def test_a_log_gets_a_line_for_each_tenth_at_most() -> None:
    log = io.StringIO()

    with shown_progress("shop.sale", log) as progress:
        progress.begin(4_000)
        for _ in range(40):
            progress.advance(100)

    assert log.getvalue().splitlines() == ["shop.sale: 4,000 rows to read"] + [
        f"shop.sale: {rows:,} of 4,000 rows" for rows in range(400, 4_001, 400)
    ]


def test_more_rows_than_were_estimated_are_no_more_than_all() -> None:
    log, terminal = io.StringIO(), Terminal()

    for stream in (log, terminal):
        with shown_progress("shop.sale", stream) as progress:
            progress.begin(90)
            for _ in range(10):
                progress.advance(10)

    assert log.getvalue().splitlines()[-1] == "shop.sale: 90 of 90 rows"
    assert "100/100" in terminal.getvalue()


def test_a_log_hears_that_there_is_nothing_to_read() -> None:
    log = io.StringIO()

    with shown_progress("shop.sale", log) as progress:
        progress.begin(0)

    assert log.getvalue() == "shop.sale: nothing to read\n"


def test_a_terminal_gets_a_bar_and_names_with_brackets_as_they_are() -> None:
    terminal = Terminal()

    with shown_progress("shop.a[b]", terminal) as progress:
        progress.begin(10)
        progress.advance(10)

    assert "shop.a[b]" in terminal.getvalue()
    assert "10/10" in terminal.getvalue()
