"""The views of the measures over DuckDB: the page's figures, and those of SQL over the source that knows no view."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cli.commands.command import DONE
from cli.main import main
from tests.kpi.conftest import Site
from tests.kpi.test_figures import _REVENUE, days, truth

if TYPE_CHECKING:
    import duckdb

MEASURES = ("revenue", "quantity", "sales", "average_price")


Ask = Callable[[str], list[list[str]]]


@pytest.fixture
def ask(shared_lake: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    def answer(sql: str) -> list[list[str]]:
        assert main(["query", "--lake-root", str(shared_lake), "--format", "csv", sql]) == DONE
        return list(csv.reader(io.StringIO(capsys.readouterr().out)))[1:]

    return answer


def of_source(source: duckdb.DuckDBPyConnection, group: str, where: str) -> dict[str, list[Decimal]]:
    """The measures of each group."""
    found = truth(source, f"{group}, {_REVENUE}, sum(sales_qty), count(*)", where, "GROUP BY 1 ORDER BY 1")
    return {str(name): [*map(Decimal, amounts), price(*amounts[:2])] for name, *amounts in found}


def price(revenue: Decimal, quantity: int) -> Decimal:
    return (Decimal(revenue) / quantity).quantize(Decimal("0.0001"), "ROUND_HALF_UP")


def in_view(rows: list[list[str]]) -> dict[str, list[Decimal]]:
    return {name: list(map(Decimal, amounts)) for name, *amounts in rows}


@pytest.mark.parametrize("period", ["day", "week", "month", "year"])
def test_a_period_of_the_view_is_the_pages_point_and_the_sources_figures(
    ask: Ask, shared_site: Site, source: duckdb.DuckDBPyConnection, period: str
) -> None:
    # Whole weeks, months and years.
    first, last = {"week": ("2026-01-05", "2026-02-01"), "year": ("2024-01-01", "2025-12-31")}.get(
        period, ("2026-02-01", "2026-05-31")
    )
    rows = ask(
        f"SELECT period_start, {', '.join(MEASURES)} FROM gold.sales_obt_kpis "
        f"WHERE period = '{period}' AND period_start BETWEEN '{first}' AND '{last}' ORDER BY 1"
    )
    assert in_view(rows) == of_source(source, f"date_trunc('{period}', order_date)::DATE", days(first, last))
    trend = shared_site.view(f"range=custom&from={first}&to={last}&grain={period}")["trend"]
    columns = [trend["current"][one] for one in MEASURES]
    points = {point["from"]: texts for point, *texts in zip(trend["points"], *columns, strict=True)}
    assert {name: [Decimal(text) for text in points[name]] for name in in_view(rows)} == in_view(rows)


@pytest.mark.parametrize(
    ("view", "level", "column"),
    [
        ("product", "category", "coalesce(category, 'Unknown')"),
        ("market", "zone", "coalesce(nullif(nullif(trim(zone), ''), 'nan'), '(none)')"),
        ("market", "customer_name", "trim(customer_name)"),
        ("channel", "customer_type", "trim(customer_type)"),
    ],
)
def test_a_level_of_a_view_is_the_pages_leaderboard_and_the_sources_figures(
    ask: Ask, shared_site: Site, source: duckdb.DuckDBPyConnection, view: str, level: str, column: str
) -> None:
    rows = ask(
        f"SELECT {level}, {', '.join(MEASURES)} FROM gold.sales_obt_kpis_by_{view} "
        f"WHERE grouped_by = '{level}' AND period = 'year' AND period_start = '2025-01-01'"
    )
    assert in_view(rows) == of_source(source, column, days("2025-01-01", "2025-12-31"))
    for place, measure in enumerate(MEASURES):
        boards = shared_site.view(f"range=last_year&measure={measure}&more={level}")["leaderboards"]
        lines = next(one for one in boards if one["level"] == level)["lines"]
        assert {one["name"]: Decimal(one["value"]) for one in lines}.items() <= {
            name: amounts[place] for name, amounts in in_view(rows).items()
        }.items()


def test_a_level_is_also_told_within_those_above_it(ask: Ask, source: duckdb.DuckDBPyConnection) -> None:
    rows = ask(
        "SELECT zone || '/' || market_name, revenue, quantity, sales, average_price FROM gold.sales_obt_kpis_by_market "
        "WHERE grouped_by = 'zone/market_name' AND period = 'all' AND zone = 'North'"
    )
    assert in_view(rows) == of_source(source, "zone || '/' || market_name", "zone = 'North'")
    assert len(rows) > 1


def test_views_stand_beside_tables(shared_lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "--lake-root", str(shared_lake)]) == DONE
    assert capsys.readouterr().out.splitlines() == [
        "gold.sales_obt", "ledger", "gold.sales_obt_kpis", "gold.sales_obt_kpis_by_product",
        "gold.sales_obt_kpis_by_market", "gold.sales_obt_kpis_by_channel",
    ]  # fmt: skip
    assert main(["show", "--lake-root", str(shared_lake), "gold.sales_obt_kpis", "--rows", "1"]) == DONE
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[:2]] == ["period", "period_start"]
