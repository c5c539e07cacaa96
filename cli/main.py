"""The command line: finds the sub-command, runs it, and turns its end into an exit status."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from lakehouse.errors import LakehouseError

from cli.commands import (
    adf_read,
    compare,
    connections,
    contract_check,
    contract_draft,
    copy,
    cost,
    governance,
    lineage,
    powerbi,
    query,
    repair,
    trace,
    upkeep,
    waiting,
    worker,
)
from cli.commands.command import INTERRUPTED, NOT_DONE, Command

COMMANDS: tuple[Command, ...] = (
    contract_draft.COMMAND,
    contract_check.COMMAND,
    copy.COMMAND,
    adf_read.COMMAND,
    compare.COMMAND,
    query.QUERY,
    query.SHOW,
    powerbi.COMMAND,
    governance.COMMAND,
    lineage.COMMAND,
    trace.COMMAND,
    repair.COMMAND,
    upkeep.COMMAND,
    cost.COMMAND,
    connections.COMMAND,
    worker.COMMAND,
    waiting.COMMAND,
)
GROUPS = {"contract": "write and check contracts", "adf": "move over from Azure Data Factory"}
EXIT_STATUS = "0 done and well, 1 something judged is wrong, 2 not done (one message says why), 130 interrupted"
_EPILOG = f"exit status: {EXIT_STATUS}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command (None: the process's arguments) and give its exit status; errors go to stderr, one message."""
    arguments = build_parser().parse_args(argv)
    command: Command = arguments.command
    try:
        status = command.run(arguments)
        sys.stdout.flush()
        return status
    except LakehouseError as error:
        print(f"error: {error}", file=sys.stderr)
        return NOT_DONE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has seen enough (`| head`); nothing more may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOT_DONE


def build_parser(commands: Sequence[Command] = COMMANDS) -> argparse.ArgumentParser:
    """The parser of all commands; a parsed namespace holds the `Command` chosen as `command`."""
    parser = argparse.ArgumentParser(
        prog="lakehouse", description="Commands for engineers of the lakehouse.", epilog=_EPILOG
    )
    top = parser.add_subparsers(required=True, metavar="COMMAND")
    groups: dict[str, argparse._SubParsersAction[argparse.ArgumentParser]] = {}
    for command in commands:
        *group, word = command.words
        place = top
        if group:
            if group[0] not in groups:
                summary = GROUPS[group[0]]
                made = top.add_parser(group[0], help=summary, description=f"To {summary}.", epilog=_EPILOG)
                groups[group[0]] = made.add_subparsers(required=True, metavar="COMMAND")
            place = groups[group[0]]
        one = place.add_parser(word, help=command.summary, description=command.description, epilog=_EPILOG)
        command.add_arguments(one)
        one.set_defaults(command=command)
    return parser
