"""The rows behind a figure, and where they come from, on the page."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.kpi.conftest import Site
from tests.lakehouse.traced_lake import write_traced_lake

if TYPE_CHECKING:
    import duckdb

QUERY = "from=2026-06-01&to=2026-06-30&f.zone=North&f.customer_type=E-Commerce"
COLUMNS = (
    "division, segment, category, product_name, coalesce(zone, '(none)'), market_name, customer_name, customer_type"
)


def rows(site: Site, query: str, login: str = "admin") -> Any:
    answer = site.client(login).get(f"/api/rows?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_figures_rows_are_those_that_it_counts(shared_site: Site, source: duckdb.DuckDBPyConnection) -> None:
    sql = f"""SELECT order_date, {COLUMNS}, revenue_inr, sales_qty FROM gold
      WHERE order_date BETWEEN '2026-06-01' AND '2026-06-30' AND zone = 'North' AND customer_type = 'E-Commerce'"""
    with source.cursor() as cursor:
        expected = [(str(day), *row) for day, *row in cursor.execute(sql).fetchall()]
    pages = [rows(shared_site, f"{QUERY}&detail={page}") for page in range(1, 6)]
    found = [
        (row["day"], *row["values"][:-2], *map(Decimal, row["values"][-2:])) for page in pages for row in page["rows"]
    ]
    assert sorted(found) == sorted(expected)
    assert len(pages[0]["rows"]) == 25
    assert {page["count"] for page in pages} == {len(expected)}
    assert [row[0] for row in found] == sorted((row[0] for row in found), reverse=True)
    card = next(one for one in shared_site.view(QUERY)["cards"] if one["name"] == "sales")
    assert card["value"] == str(len(expected))


def test_a_readers_rows_are_theirs_without_what_they_do_not_see(shared_site: Site) -> None:
    found = rows(shared_site, "range=last_month", "north")
    assert found["columns"] == [
        "division", "segment", "category", "product_name", "zone", "market_name", "customer_type", "revenue_inr",
        "sales_qty",
    ]  # fmt: skip
    assert {row["values"][4] for row in found["rows"]} == {"North"}
    whole = rows(shared_site, "range=last_month&f.zone=North")
    assert found["count"] == whole["count"] > 25


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("rows?detail=0", "detail must be a whole number from 1"),
        ("rows?detail=99999", "only the first 100000 rows are shown: narrow the period or filter"),
        ("rows?f.nothing=1", "f.… must be one of"),
        ("trace", "day must be a date such as 2026-11-20"),
        ("trace?day=2026-06-31", "day must be a date such as 2026-11-20"),
        ("trace?day=0001-01-01", "day must be a date of the years 1900 to 2200"),
        ("trace?day=2026-06-30&colour=red", "a parameter is not known"),
    ],
)
def test_nonsense_is_refused(shared_site: Site, path: str, told: str) -> None:
    answer = shared_site.client().get(f"/api/{path}")
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(told)


def test_a_rows_way_is_shown_whole_to_who_sees_everything_alone(site: Site) -> None:
    write_traced_lake(site.lake)
    whole, part = (site.client(login).get("/api/trace?day=2026-06-30").json() for login in ("admin", "viewer"))
    assert [step["layer"] for step in whole["steps"]] == ["gold", "silver", "bronze", "source"]
    assert [step["layer"] for step in part["steps"]] == ["gold", "silver", "bronze", "source"]
    facts = [{fact["name"] for fact in step["facts"]} for step in part["steps"]]
    assert "query" in {fact["name"] for fact in whole["steps"][3]["facts"]}
    assert {"run", "copied at", "file"} <= facts[2]
    assert facts[2].isdisjoint({"rows", "fingerprint", "sum of sales_qty", "of the file"})
    assert "query" not in facts[3]


def test_a_lake_without_bronze_says_so(shared_site: Site) -> None:
    answer = shared_site.client().get("/api/trace?day=2026-06-30")
    assert answer.status_code == 200
    assert answer.json()["notes"][-1].startswith("bronze's index names no rows of 2026-06-30")
