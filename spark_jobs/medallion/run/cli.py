"""The command line that every Spark job shares."""

from __future__ import annotations

import argparse
import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from lake_model.lake_layout import run_slug
from medallion.errors import ArgumentError


@dataclass(frozen=True)
class JobArguments:
    """What one run works on.

    Attributes:
        contracts: folder with the contracts of one source schema; its name is the schema's name.
        table: name of the table in the lake.
        business_date: the day that the run is for.
        run_id: the orchestrator's run, safe for a path.
        lake_root: folder or URI of the lake as Spark sees it, without a slash at its end.
        catalog: Unity Catalog's catalog, or None for external tables under ``lake_root``.
        rebuild: silver is made anew from bronze alone.
        accept_deletes: a snapshot may lose any number of keys.
        silver_days, gold_days: for which upkeep keeps older versions readable.
    """

    contracts: Path
    table: str
    business_date: dt.date
    run_id: str
    lake_root: str
    catalog: str | None
    rebuild: bool = False
    accept_deletes: bool = False
    silver_days: int = 0
    gold_days: int = 0

    @property
    def source_schema(self) -> str:
        """Name of the source schema."""
        return self.contracts.name


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ArgumentError(f"{self.prog}: {message}; see {self.prog} --help")


def parse_business_date(text: str) -> dt.date:
    """Reads an ISO date such as 2026-11-20.

    Raises:
        ArgumentError: the text is no date in that form.
    """
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            raise ValueError(text)
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ArgumentError(f"--business-date: '{text}' is not a date; give it as YYYY-MM-DD, say 2026-11-20") from None


def taken_tables(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """The tables that a command line names, each once, and its other words."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--table", action="append", default=[])
    try:
        given, others = parser.parse_known_args(argv)
    except argparse.ArgumentError:
        # A table without its name: the job's own parser has the message.
        return [], list(argv)
    return list(dict.fromkeys(given.table)), others


def parse_arguments(program: str, argv: Sequence[str] | None) -> JobArguments:
    """Reads a job's command line (None: that of the process).

    Raises:
        ArgumentError: an argument is missing, unknown or not usable.
    """
    parser = _Parser(prog=program, description=f"Refreshes one {program} table from what was landed before.")
    parser.add_argument("--contracts", required=True, help="folder with the contracts of one source schema")
    parser.add_argument("--table", required=True, help="name of the table in the lake")
    parser.add_argument("--business-date", required=True, help="YYYY-MM-DD")
    parser.add_argument("--run-id", required=True, help="the orchestrator's run id")
    parser.add_argument("--lake-root", required=True, help="folder or URI of the lake")
    parser.add_argument("--catalog", default="", help="Unity Catalog's catalog; empty: external tables in the lake")
    if program == "silver":
        parser.add_argument("--rebuild", action="store_true", help="make the table anew from bronze alone")
        parser.add_argument("--accept-deletes", action="store_true", help="let a snapshot lose any number of keys")
    if program == "upkeep":
        for layer in ("silver", "gold"):
            days = f"days for which older versions of {layer} stay readable"
            parser.add_argument(f"--{layer}-days", type=int, required=True, help=days)
    given = parser.parse_args(argv)
    contracts = Path(given.contracts)
    if not contracts.is_dir():
        raise ArgumentError(f"--contracts: there is no folder {contracts}; give the folder of one source schema")
    if not given.run_id or not given.lake_root:
        raise ArgumentError("--run-id and --lake-root must not be empty")
    return JobArguments(
        contracts=contracts.absolute(),
        table=given.table,
        business_date=parse_business_date(given.business_date),
        run_id=run_slug(given.run_id),
        lake_root=given.lake_root.rstrip("/") or "/",
        catalog=given.catalog or None,
        rebuild=getattr(given, "rebuild", False),
        accept_deletes=getattr(given, "accept_deletes", False),
        silver_days=getattr(given, "silver_days", 0),
        gold_days=getattr(given, "gold_days", 0),
    )
