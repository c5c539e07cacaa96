"""`cost`: what a month costs by kind of compute, from figures that the reader sets."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli.commands.command import DONE, Command

_DESCRIPTION = """Works out a month's cost for each kind of compute. Every figure is an assumption, prices above
all: put your own into a file of lines such as serverless_price = 0.35, and give it."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--assumptions", type=Path, metavar="FILE", help="TOML with those that differ from the defaults"
    )
    parser.add_argument("--list", action="store_true", help="print the assumptions, too")


def run(arguments: argparse.Namespace) -> int:
    """Print the bill, and what it rests on where that is asked for."""
    from cli.costs.assumptions import assumptions_table, read_assumptions
    from cli.costs.month import bill_table

    assumed = read_assumptions(arguments.assumptions)
    if arguments.list:
        print(assumptions_table(assumed))
    print(bill_table(assumed), end="")
    return DONE


COMMAND = Command(
    words=("cost",),
    summary="what a month costs, from your own figures",
    description=_DESCRIPTION,
    add_arguments=_add_arguments,
    run=run,
)
