"""Puts tables that silver must work on into batches: each batch is one Databricks run, one session and one start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lakehouse.daily_run.databricks_runs import names_of

# Databricks takes 10,000 bytes of parameters, as JSON; the names share them with folders.
MOST_CHARACTERS = 6000


@dataclass(frozen=True)
class BatchLimits:
    """How much goes into one run: tables, and landed rows of all of them."""

    tables: int
    rows: int


def silver_batches(sized: Iterable[tuple[Mapping[str, Any], int]], limits: BatchLimits) -> list[dict[str, Any]]:
    """Batches of tables, in their order, as JSON takes them for dynamic task mapping: `label` and `plans`.

    Args:
        sized: plans, each with the number of rows that are landed of its table.
        limits: a table that exceeds the rows alone has a batch of its own, and holds no other one back.
    """
    closed: list[list[Mapping[str, Any]]] = []
    open_: list[Mapping[str, Any]] = []
    rows = characters = 0
    for plan, size in sized:
        if size > limits.rows:
            closed.append([plan])
            continue
        length = len(",") + len(plan["lake_name"])
        full = len(open_) == limits.tables or rows + size > limits.rows or characters + length > MOST_CHARACTERS
        if open_ and full:
            closed.append(open_)
            open_, rows, characters = [], 0, 0
        open_.append(plan)
        rows, characters = rows + size, characters + length
    return [_batch(plans) for plans in [*closed, open_] if plans]


def _batch(plans: list[Mapping[str, Any]]) -> dict[str, Any]:
    return {"label": names_of([plan["table"] for plan in plans]), "plans": [dict(plan) for plan in plans]}
