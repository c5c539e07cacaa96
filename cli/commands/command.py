"""What a sub-command is, and how its run may end."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

DONE = 0
FOUND_WRONG = 1
NOT_DONE = 2
INTERRUPTED = 130


@dataclass(frozen=True)
class Command:
    """One sub-command.

    Attributes:
        words: what is typed for it, such as `("contract", "check")`: one word, or a group's name and one word.
        summary: one line for the list of commands.
        description: what its own `--help` says before the arguments.
        add_arguments: declares its arguments.
        run: does it, and gives the exit status: `DONE`, or `FOUND_WRONG` where it judged something and found fault. A
            `LakehouseError` that it raises becomes one message and `NOT_DONE`.
    """

    words: tuple[str, ...]
    summary: str
    description: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
