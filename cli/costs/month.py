"""A month's cost by kind of compute, from assumptions; pure."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from cli.costs.assumptions import Assumptions

WEEKS = 52 / 12


@dataclass(frozen=True)
class Compute:
    """A kind of compute.

    Attributes:
        name: as people call it.
        hourly: what an hour costs, machines included.
        start_minutes: of each run, that are paid before its driver is up and has done its first table.
        once_a_day: minutes that are paid once a day, whatever runs.
    """

    name: str
    hourly: float
    start_minutes: float
    once_a_day: float = 0


@dataclass(frozen=True)
class Work:
    """Databricks runs of a day, and the minutes that they compute once they are up."""

    runs: float
    minutes: float


@dataclass(frozen=True)
class Line:
    """A line of the month's bill; `costs` go by the order of `computes`."""

    name: str
    costs: tuple[float, ...]


def computes(assumed: Assumptions) -> tuple[Compute, ...]:
    """The kinds of compute that the setting `compute` chooses from."""
    machines = assumed.nodes * assumed.machine_price
    dbus = assumed.nodes * assumed.machine_dbu
    first = assumed.first_table_minutes
    return (
        Compute(
            "serverless",
            assumed.serverless_dbu * assumed.serverless_price,
            assumed.serverless_start_minutes + first,
        ),
        Compute(
            "a new cluster for each run",
            machines + dbus * assumed.jobs_price,
            assumed.job_cluster_start_minutes + first,
        ),
        Compute(
            "one cluster for all",
            machines + dbus * assumed.all_purpose_price,
            0,
            assumed.cluster_start_minutes + first + assumed.idle_minutes,
        ),
    )


def silver_work(assumed: Assumptions, batch_tables: float) -> Work:
    """Silver on a day: dimensions, then facts, each kind in batches; a large fact has a run of its own."""
    changed = assumed.dimensions * assumed.changed
    runs = sum(math.ceil(tables / batch_tables) for tables in (changed, assumed.facts)) + assumed.large_facts
    minutes = (
        changed * assumed.dimension_minutes
        + assumed.facts * assumed.fact_minutes
        + assumed.large_facts * assumed.large_fact_minutes
    )
    return Work(runs, minutes)


def gold_work(assumed: Assumptions) -> Work:
    """Gold on a day."""
    return Work(1, assumed.gold_minutes)


def upkeep_work(assumed: Assumptions) -> Work:
    """Upkeep, of which there is one in a week, spread over the days."""
    share = WEEKS / assumed.dates if assumed.dates else 0
    return Work(share, share * assumed.upkeep_minutes)


def month_of(work: Work, compute: Compute, dates: float) -> float:
    """What the work of each date costs in a month."""
    return dates * (work.minutes + work.runs * compute.start_minutes) / 60 * compute.hourly


def bill(assumed: Assumptions) -> list[Line]:
    """The lines of a month's bill; the last one is their sum, with silver in batches."""
    kinds = computes(assumed)

    def of(name: str, work: Work) -> Line:
        return Line(name, tuple(month_of(work, kind, assumed.dates) for kind in kinds))

    def always(name: str, cost: float) -> Line:
        return Line(name, (cost,) * len(kinds))

    idle = tuple(assumed.dates * kind.once_a_day / 60 * kind.hourly for kind in kinds)
    requests = assumed.dates * (assumed.dimensions + assumed.facts + assumed.large_facts) * assumed.requests_per_table
    lines = [
        of("silver", silver_work(assumed, assumed.batch_tables)),
        of("gold", gold_work(assumed)),
        of("upkeep", upkeep_work(assumed)),
        Line("starting and stopping once a day", idle),
        always("Airflow: machines", assumed.airflow_machines * assumed.hours * assumed.machine_price),
        always("Airflow: database and Kubernetes", assumed.database_price + assumed.cluster_fee),
        always("lake: storage", assumed.lake_gb * assumed.storage_price),
        always("lake: requests of copies", requests / 10_000 * assumed.request_price),
        always("private endpoints, vault", assumed.endpoints * assumed.endpoint_price + assumed.vault_price),
        always("logs", assumed.log_gb * assumed.log_price),
    ]
    total = Line("all", tuple(map(sum, zip(*(line.costs for line in lines), strict=True))))
    alone = of("silver, were each table a run of its own", silver_work(assumed, 1))
    return [alone, *lines, total]


def bill_table(assumed: Assumptions) -> str:
    """The bill as a Markdown table, in whole units of money."""
    names = [kind.name for kind in computes(assumed)]
    rows = [f"| {line.name} | {' | '.join(f'{cost:,.0f}' for cost in line.costs)} |" for line in bill(assumed)]
    rows[0], rows[-1] = (_emphasised(rows[0], "*"), _emphasised(rows[-1], "**"))
    return "\n".join([f"| in a month | {' | '.join(names)} |", f"|---|{'--:|' * len(names)}", *rows]) + "\n"


CUTS: tuple[tuple[str, dict[str, float]], ...] = (
    ("as assumed", {}),
    ("one machine for Airflow, and no managed Kubernetes", {"airflow_machines": 1, "cluster_fee": 0}),
    ("new clusters out of a pool", {"job_cluster_start_minutes": 1.5}),
    ("one cluster that stops after 5 minutes", {"idle_minutes": 5}),
    ("workdays alone", {"dates": 22}),
    ("a tenth of the dimensions changes on a day", {"changed": 0.1}),
    ("all dimensions change each day", {"changed": 1}),
    ("each table in a run of its own", {"batch_tables": 1}),
    ("ten times the tables", {"dimensions": 450, "facts": 140, "large_facts": 10}),
)
"""What may be otherwise, as the guide shows it."""


def cuts_table(assumed: Assumptions) -> str:
    """What the whole costs where something is otherwise, as a Markdown table."""
    names = [kind.name for kind in computes(assumed)]
    rows = [
        f"| {name} | {' | '.join(f'{cost:,.0f}' for cost in bill(dataclasses.replace(assumed, **change))[-1].costs)} |"
        for name, change in CUTS
    ]
    return "\n".join([f"| all, in a month | {' | '.join(names)} |", f"|---|{'--:|' * len(names)}", *rows]) + "\n"


def _emphasised(row: str, mark: str) -> str:
    cells = row.strip("| ").split(" | ")
    return f"| {' | '.join(f'{mark}{cell}{mark}' for cell in cells)} |"
