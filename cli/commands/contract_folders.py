"""Where a command finds contracts: a root with one folder per MySQL schema."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from lakehouse.errors import ContractError
from lakehouse.settings import setting_value

from lake_model.contracts.contract_files import FILE_ENDING


def contracts_root(environ: Mapping[str, str]) -> Path:
    """The folder of all contracts by the setting `contracts_root`.

    Raises:
        SettingError: the setting cannot be used.
    """
    return Path(setting_value("contracts_root", environ))


def add_contracts_argument(parser: argparse.ArgumentParser) -> None:
    """Declare `--contracts`."""
    parser.add_argument("--contracts", type=Path, metavar="FOLDER", help="root of the contracts (default: the setting)")


def chosen_root(arguments: argparse.Namespace) -> Path:
    """The folder of all contracts: the one of `--contracts`, or that of the setting."""
    return arguments.contracts or contracts_root(os.environ)


def contract_folders(root: Path, schema: str | None = None) -> list[Path]:
    """The folders below the root, one per MySQL schema (or the one of `schema`), by name, if they hold contracts.

    Raises:
        ContractError: there is no such folder, or no contract in it.
    """
    if not root.is_dir():
        raise ContractError(f"the contracts' folder {root} does not exist: give another by --contracts, or create it")
    folders = sorted(path for path in root.iterdir() if path.is_dir() and any(path.glob(f"*{FILE_ENDING}")))
    if schema is not None and folders:
        chosen = [folder for folder in folders if folder.name == schema]
        if not chosen:
            has = ", ".join(folder.name for folder in folders)
            raise ContractError(f"there is no contract of schema {schema} below {root}; there are {has}")
        return chosen
    if not folders:
        raise ContractError(
            f"there is no contract below {root}: it must hold one folder per MySQL schema, "
            f"and in it one file <table>{FILE_ENDING} per table"
        )
    return folders
