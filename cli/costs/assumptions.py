"""What a month's cost is worked out from: a company's figures, times that were measured, and prices.

None of the prices was asked of anybody: they are round figures in the order of a list price in euros, for the reader to
replace by those of a contract.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from lakehouse.errors import LakehouseError


class AssumptionError(LakehouseError):
    """A file of assumptions cannot be used."""


def _assumed(default: float, unit: str, meaning: str) -> Any:
    return field(default=default, metadata={"unit": unit, "meaning": meaning})


@dataclass(frozen=True)
class Assumptions:
    """Everything that the calculation takes for given; all of it may be set to another figure."""

    # The company.
    dates: float = _assumed(30, "dates", "business dates in a month")
    dimensions: float = _assumed(45, "tables", "dimensions that have a contract")
    facts: float = _assumed(14, "tables", "small facts: their changes of a day fit into a batch")
    large_facts: float = _assumed(1, "tables", "facts whose landed rows are above `LAKEHOUSE_SILVER_BATCH_ROWS`")
    changed: float = _assumed(0.4, "share", "dimensions that change on a day; the others need no run")
    lake_gb: float = _assumed(500, "GB", "bronze, silver and gold with their older versions")
    log_gb: float = _assumed(10, "GB", "logs that are kept in Log Analytics in a month")
    # Times of one Databricks run.
    first_table_minutes: float = _assumed(1, "min", "a new driver's first table: classes to load, code to compile")
    dimension_minutes: float = _assumed(0.25, "min", "each dimension that changed")
    fact_minutes: float = _assumed(0.5, "min", "each small fact, of a few changed dates")
    large_fact_minutes: float = _assumed(6, "min", "a large fact")
    gold_minutes: float = _assumed(5, "min", "the One Big Table")
    upkeep_minutes: float = _assumed(20, "min", "upkeep, once a week")
    batch_tables: float = _assumed(50, "tables", "`LAKEHOUSE_SILVER_BATCH_TABLES`")
    # Serverless.
    serverless_start_minutes: float = _assumed(0.5, "min", "until it computes")
    serverless_dbu: float = _assumed(4, "DBU/h", "what it takes for such a job; it is not chosen")
    serverless_price: float = _assumed(0.40, "per DBU", "serverless jobs, machines included")
    # Clusters: a driver and workers of 4 cores and 16 GB.
    nodes: float = _assumed(3, "machines", "a driver and two workers")
    machine_price: float = _assumed(0.22, "per h", "one of them")
    machine_dbu: float = _assumed(1, "DBU/h", "one of them")
    job_cluster_start_minutes: float = _assumed(5, "min", "until a new cluster computes; 1 to 2 out of a pool")
    jobs_price: float = _assumed(0.28, "per DBU", "jobs compute")
    cluster_start_minutes: float = _assumed(5, "min", "until a stopped cluster computes, once a day")
    idle_minutes: float = _assumed(20, "min", "until it stops by itself after its last run")
    all_purpose_price: float = _assumed(0.52, "per DBU", "all-purpose compute: a cluster that people use too")
    # What is there whatever runs.
    hours: float = _assumed(730, "h", "in a month")
    airflow_machines: float = _assumed(2, "machines", "Kubernetes nodes or servers of 4 cores and 16 GB")
    database_price: float = _assumed(60, "per month", "PostgreSQL of 2 cores with its storage and backups")
    cluster_fee: float = _assumed(70, "per month", "the managed Kubernetes, with an assured level of service")
    endpoints: float = _assumed(6, "endpoints", "private endpoints")
    endpoint_price: float = _assumed(7, "per month", "one of them")
    storage_price: float = _assumed(0.02, "per GB", "a month of the lake, hot tier, locally redundant")
    request_price: float = _assumed(0.07, "per 10,000", "writes and listings; reads cost a tenth")
    requests_per_table: float = _assumed(17, "requests", "a table's copy on a day")
    log_price: float = _assumed(2.5, "per GB", "taken in by Log Analytics")
    vault_price: float = _assumed(1, "per month", "the key vault's requests")


def read_assumptions(file: Path | None) -> Assumptions:
    """The assumptions of a TOML file of `name = number` lines; what it does not name stays as it is.

    Raises:
        AssumptionError: the file cannot be read, or names what is no assumption or no number of at least 0.
    """
    if file is None:
        return Assumptions()
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise AssumptionError(f"{file} cannot be read as text: give a file of lines such as dates = 30") from None
    except tomllib.TOMLDecodeError as error:
        raise AssumptionError(f"{file} is no TOML ({error}): write lines such as dates = 30") from None
    known = [one.name for one in fields(Assumptions)]
    for name, value in given.items():
        if name not in known:
            raise AssumptionError(f"{file}: {name}: is no assumption; there are {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise AssumptionError(f"{file}: {name}: {value!r}: must be a number of at least 0")
    if not given.get("batch_tables", 1):
        raise AssumptionError(f"{file}: batch_tables: 0: must be at least 1")
    return Assumptions(**given)


def assumptions_table(assumptions: Assumptions) -> str:
    """All assumptions as a Markdown table."""
    rows = [
        f"| `{one.name}` | {getattr(assumptions, one.name):g} | {one.metadata['unit']} | {one.metadata['meaning']} |"
        for one in fields(Assumptions)
    ]
    return "\n".join(["| name | figure | unit | what |", "|---|--:|---|---|", *rows]) + "\n"
