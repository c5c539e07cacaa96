"""`contract check`: are all contracts valid?"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from lakehouse.commands.command import DONE, FOUND_WRONG, Command


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--contracts",
        metavar="DIR",
        type=Path,
        help="folder that holds one folder of contracts per MySQL schema (default: the setting contracts_root)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Validate every contract, and print each problem on a line of its own."""
    from lakehouse.commands.contract_folders import contract_folders, contracts_root
    from lakehouse.contracts import load_contracts
    from lakehouse.errors import ContractError

    wrong = False
    for folder in contract_folders(arguments.contracts or contracts_root(os.environ)):
        try:
            load_contracts(folder)
            print(f"{folder.name}: the contracts are valid")
        except ContractError as error:
            wrong = True
            print(error)
    return FOUND_WRONG if wrong else DONE


COMMAND = Command(
    words=("contract", "check"),
    summary="test all contracts",
    description="Validates all contracts.",
    add_arguments=_add_arguments,
    run=run,
)
