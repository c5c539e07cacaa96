"""Measures, most of it beside other ways of the same work: `python -m bench copy|scd2|quality|gold|kpi|day|…`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

BENCHES = {
    "copy": "copying MySQL tables to Parquet",
    "scd2": "bringing a type 2 dimension up to a day's snapshot",
    "quality": "judging rows",
    "kpi": "answering the KPI page",
    "kpi_refresh": "bringing the KPI page's copy of gold up to a new version",
    "gold": "refreshing a One Big Table beside its rebuild",
    "day": "whole business dates, through Airflow",
}
PROJECT = Path(__file__).resolve().parents[1]


def main(arguments: list[str]) -> int:
    """Run the bench of the first argument with the others, and give its exit status."""
    if not arguments or arguments[0] not in BENCHES:
        listed = "\n".join(f"  {name:<11} measures {what}" for name, what in BENCHES.items())
        print(f"usage: python -m bench BENCH [--help | ARGUMENT...]\n\n{listed}", file=sys.stderr)
        return 2
    sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins"), str(PROJECT / "spark_jobs")]
    try:
        bench = importlib.import_module(f"bench.{arguments[0]}_bench")
    except ModuleNotFoundError as error:
        print(
            f"error: {error}: set the project up with bin/test unit, then run .venv/bin/python -m bench",
            file=sys.stderr,
        )
        return 2
    status: int = bench.main(arguments[1:])
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
