"""The command line of the jobs, as far as it needs no Spark."""

from __future__ import annotations

import pytest
from medallion.run.cli import taken_tables


@pytest.mark.parametrize(
    ("argv", "tables", "others"),
    [
        (["--table", "a", "--run-id", "r"], ["a"], ["--run-id", "r"]),
        (["--table", "b", "--rebuild", "--table=a", "--table", "b"], ["b", "a"], ["--rebuild"]),
        (["--rebuild"], [], ["--rebuild"]),
        # The job's own parser has the message.
        (["--run-id", "r", "--table"], [], ["--run-id", "r", "--table"]),
        (["--tab", "a"], [], ["--tab", "a"]),
    ],
)
def test_tables_are_taken_from_a_command_line_in_their_order_and_once(
    argv: list[str], tables: list[str], others: list[str]
) -> None:
    assert taken_tables(argv) == (tables, others)
