"""The page of all commands, made from what their parsers declare: `python -m cli.reference_page > PAGE`."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Iterator

from cli.commands.command import Command
from cli.main import COMMANDS, EXIT_STATUS

_WIDTH = 160
_HEAD = f"""# Command line
`bin/lakehouse COMMAND …` is for engineers.
It sets up what it needs the first time, and relative paths are relative to where you are.
`COMMAND --help` says the same as this page, which is made from the commands: `python -m cli.reference_page`.

Exit status: {EXIT_STATUS}.
Errors go to stderr, one message each.
"""


def page() -> str:
    """The page as Markdown."""
    return "\n".join([_HEAD, *("\n".join(_part(command)) for command in COMMANDS)])


def _part(command: Command) -> Iterator[str]:
    parser = argparse.ArgumentParser(add_help=False)
    command.add_arguments(parser)
    actions = [action for action in parser._actions if action.help != argparse.SUPPRESS]
    words = " ".join([*command.words, *(_usage(action) for action in actions if not action.option_strings)])
    yield f"## `{words}`"
    for sentence in re.split(r"(?<=[.!?]) (?=[A-Z])", " ".join(command.description.split())):
        yield from textwrap.wrap(sentence, _WIDTH, break_on_hyphens=False)
    if actions:
        yield ""
        yield "| argument | |"
        yield "|---|---|"
    for action in actions:
        yield f"| `{_name(action)}` | {_help(action)} |"
    yield ""


def _usage(action: argparse.Action) -> str:
    name = _metavar(action)
    optional = action.nargs in {"?", "*"}
    many = action.nargs in {"*", "+"}
    return f"{'[' if optional else ''}{name}{' …' if many else ''}{']' if optional else ''}"


def _name(action: argparse.Action) -> str:
    if not action.option_strings:
        return _metavar(action)
    value = "" if action.nargs == 0 else f" {_metavar(action)}"
    return f"{', '.join(action.option_strings)}{value}"


def _metavar(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    return ", ".join(map(str, action.choices)) if action.choices else action.dest.upper()


def _help(action: argparse.Action) -> str:
    text = (action.help or "").replace("%%", "%").replace("|", "\\|")
    required = "required: " if action.option_strings and action.required else ""
    return f"{required}{text}"


if __name__ == "__main__":
    print(page(), end="")
