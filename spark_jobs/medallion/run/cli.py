"""The command line that every Spark job shares.

It has one form, by hand, from Airflow and in a Databricks bundle. Every argument has one value, and fits into one word
(`--tables=customer,market`): a job of a bundle puts its parameters into a list of fixed length, in which no argument
can be left out or given twice. An empty value is as good as none.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from lake_model.lake_layout import run_slug
from medallion.errors import ArgumentError

EveryTable = Callable[[Path], Sequence[str]]
"""The tables that contracts of a folder declare for a stage."""


@dataclass(frozen=True)
class JobArguments:
    """What a run does for one table.

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


def parse_arguments(
    program: str, argv: Sequence[str] | None, every_table: EveryTable | None = None
) -> list[JobArguments]:
    """Reads a job's command line (None: that of the process): what to do for each of its tables, in their order.

    Args:
        program: `silver`, `gold` or `upkeep`.
        argv: the arguments.
        every_table: the tables where `--tables` names none. Silver takes them for a rebuild alone; without it, tables
            must be named.

    Raises:
        ArgumentError: an argument is missing, unknown or not usable.
    """
    given = _parser(program).parse_args(argv)
    contracts = Path(given.contracts)
    if not contracts.is_dir():
        raise ArgumentError(f"--contracts: there is no folder {contracts}; give the folder of one source schema")
    if not given.run_id or not given.lake_root:
        raise ArgumentError("--run-id and --lake-root must not be empty")
    rebuild = _flag(given, "rebuild")
    tables = [name.strip() for name in given.tables.split(",") if name.strip()]
    if not tables and every_table is not None and (program != "silver" or rebuild):
        tables = list(every_table(contracts))
    elif not tables:
        every = ", or give --rebuild=true without any to make all anew" if program == "silver" else ""
        raise ArgumentError(f"--tables: no table is named; name them as in the lake, by comma{every}")
    return [
        JobArguments(
            contracts=contracts.absolute(),
            table=table,
            business_date=parse_business_date(given.business_date),
            run_id=run_slug(given.run_id),
            lake_root=given.lake_root.rstrip("/") or "/",
            catalog=given.catalog or None,
            rebuild=rebuild,
            accept_deletes=_flag(given, "accept_deletes"),
            silver_days=getattr(given, "silver_days", 0),
            gold_days=getattr(given, "gold_days", 0),
        )
        for table in dict.fromkeys(tables)
    ]


def _parser(program: str) -> _Parser:
    # Without abbreviations: --table would pass for --tables.
    parser = _Parser(prog=program, description=f"Refreshes {program} from what was landed before.", allow_abbrev=False)
    parser.add_argument("--contracts", required=True, help="folder with the contracts of one source schema")
    parser.add_argument("--tables", default="", help="names of the tables in the lake, by comma")
    parser.add_argument("--business-date", required=True, help="YYYY-MM-DD")
    parser.add_argument("--run-id", required=True, help="the orchestrator's run id")
    parser.add_argument("--lake-root", required=True, help="folder or URI of the lake")
    parser.add_argument("--catalog", default="", help="Unity Catalog's catalog; empty: external tables in the lake")
    if program == "silver":
        parser.add_argument("--rebuild", default="", help="true: make the tables anew from bronze alone")
        parser.add_argument("--accept-deletes", default="", help="true: let a snapshot lose any number of keys")
    if program == "upkeep":
        for layer in ("silver", "gold"):
            days = f"days for which older versions of {layer} stay readable"
            parser.add_argument(f"--{layer}-days", type=int, required=True, help=days)
    return parser


def _flag(given: argparse.Namespace, name: str) -> bool:
    text = getattr(given, name, "")
    if text not in {"", "true", "false"}:
        raise ArgumentError(f"--{name.replace('_', '-')}: '{text}' is neither true nor false; give one of the two")
    return bool(text == "true")
