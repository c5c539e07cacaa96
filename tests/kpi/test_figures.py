"""The figures of a view, against SQL over the source's rows that knows nothing of the page."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.kpi.conftest import Site

if TYPE_CHECKING:
    import duckdb

# The business's rules over the raw rows: doubles removed, no sale of nothing, a dollar at 75 rupees.
_SALES = """
(SELECT DISTINCT trim(product_code) product, trim(customer_code) customer, trim(market_code) market, order_date,
   sales_qty, sales_amount, replace(currency, chr(13), '') AS currency
 FROM transactions WHERE sales_amount > 0) sales
LEFT JOIN (SELECT product_code, trim(category) category, trim(division) division FROM product
           WHERE trim(coalesce(category, '')) <> '') p ON p.product_code = sales.product
LEFT JOIN customer c ON c.customer_code = sales.customer
LEFT JOIN market m ON m.market_code = sales.market
"""
_REVENUE = "sum(sales_amount * CASE currency WHEN 'USD' THEN 75 ELSE 1 END)"


def truth(source: duckdb.DuckDBPyConnection, what: str, where: str, rest: str = "") -> list[tuple[Any, ...]]:
    return source.execute(f"SELECT {what} FROM {_SALES} WHERE {where} {rest}").fetchall()


def days(start: str, end: str) -> str:
    return f"order_date BETWEEN '{start}' AND '{end}'"


FILTERS = [
    ("", "true"),
    ("f.zone=North", "m.zone = 'North'"),
    ("f.zone=North&f.zone=South", "m.zone IN ('North', 'South')"),
    ("f.zone=(none)", "trim(m.zone) IN ('', 'nan')"),
    ("f.category=Unknown", "p.category IS NULL"),
    ("f.category=Mice&f.market_name=Delhi", "p.category = 'Mice' AND m.market_name = 'Delhi'"),
    ("f.customer_type=E-Commerce&f.division=Computers", "customer_type = 'E-Commerce' AND division = 'Computers'"),
    ("f.zone=Atlantis", "false"),
    ("f.zone=North' OR '1'='1", "false"),
]


@pytest.mark.parametrize(("query", "where"), FILTERS)
def test_cards_hold_the_sources_figures_of_three_periods(
    shared_site: Site, source: duckdb.DuckDBPyConnection, query: str, where: str
) -> None:
    view = shared_site.view(f"range=custom&from=2026-05-01&to=2026-05-31&{query}")
    expected = [
        truth(
            source, f"coalesce({_REVENUE}, 0), coalesce(sum(sales_qty), 0), count(*)", f"{where} AND {days(*period)}"
        )[0]
        for period in (("2026-05-01", "2026-05-31"), ("2026-04-01", "2026-04-30"), ("2025-05-01", "2025-05-31"))
    ]
    cards = {card["name"]: card for card in view["cards"]}
    for place, name in enumerate(("revenue", "quantity", "sales")):
        found = [cards[name][key] for key in ("value", "previous", "year_before")]
        assert [Decimal(text or 0) for text in found] == [row[place] for row in expected]
    for row, key in zip(expected, ("value", "previous", "year_before"), strict=True):
        price = None if not row[1] else (Decimal(row[0]) / row[1]).quantize(Decimal("0.0001"))
        found = cards["average_price"][key]
        assert (None if found is None else Decimal(found)) == price


def test_amounts_are_exact_texts(shared_site: Site, source: duckdb.DuckDBPyConnection) -> None:
    card = shared_site.view("range=all")["cards"][0]
    assert card == {
        "name": "revenue", "value": str(truth(source, _REVENUE, "true")[0][0]), "previous": None, "year_before": None,
    }  # fmt: skip


@pytest.mark.parametrize("grain", ["day", "week", "month", "year"])
def test_a_trend_has_a_point_for_each_day_week_month_or_year(
    shared_site: Site, source: duckdb.DuckDBPyConnection, grain: str
) -> None:
    view = shared_site.view(f"range=custom&from=2025-12-10&to=2026-01-20&grain={grain}")
    bucket = f"date_trunc('{grain}', order_date)"
    where = days("2025-12-10", "2026-01-20")
    expected = dict(
        truth(source, f"greatest(CAST({bucket} AS DATE), DATE '2025-12-10')::VARCHAR, {_REVENUE}", where, "GROUP BY 1")
    )
    points = [point["from"] for point in view["trend"]["points"]]
    found = {day: Decimal(text) for day, text in zip(points, view["trend"]["current"]["revenue"], strict=True)}
    assert found == {day: expected.get(day, 0) for day in points}
    assert set(expected) <= set(points)
    assert sum(map(Decimal, view["trend"]["previous"]["revenue"])) <= Decimal(view["cards"][0]["previous"])


@pytest.mark.parametrize(("measure", "amount"), [("revenue", _REVENUE), ("sales", "count(*)")])
def test_a_leaderboard_ranks_its_level_under_the_other_filters(
    shared_site: Site, source: duckdb.DuckDBPyConnection, measure: str, amount: str
) -> None:
    view = shared_site.view(f"range=last_quarter&measure={measure}&f.zone=North&f.category=Mice&more=category")
    board = next(one for one in view["leaderboards"] if one["level"] == "category")
    # Its own filter leaves no line out.
    where = f"m.zone = 'North' AND {days('2026-04-01', '2026-06-30')}"
    category = "coalesce(category, 'Unknown')"
    expected = truth(source, f"{category}, {amount}", where, "GROUP BY 1 ORDER BY 2 DESC, 1")
    assert [(line["name"], Decimal(line["value"])) for line in board["lines"]] == expected
    assert board["count"] == len(expected)
    assert [line["name"] for line in board["lines"] if line["selected"]] == ["Mice"]
    before = dict(
        truth(source, f"{category}, {amount}", f"m.zone = 'North' AND {days('2026-01-01', '2026-03-31')}", "GROUP BY 1")
    )
    assert {line["name"]: Decimal(line["previous"]) for line in board["lines"]} == {
        line["name"]: before.get(line["name"], 0) for line in board["lines"]
    }
    whole = sum(value for _, value in expected)
    assert [Decimal(line["share"]) for line in board["lines"]] == [
        (Decimal(value) / Decimal(whole)).quantize(Decimal("0.0001")) for _, value in expected
    ]


def test_a_leaderboard_shows_the_least_first_where_asked_and_always_what_is_chosen(shared_site: Site) -> None:
    view = shared_site.view("range=last_year&bottom=product_name&f.product_name=AQ Tide Monitor")
    lines = next(one for one in view["leaderboards"] if one["level"] == "product_name")["lines"]
    values = [Decimal(line["value"]) for line in lines]
    assert values == sorted(values)
    assert len(lines) == 7
    assert lines[6]["name"] == "AQ Tide Monitor"


@pytest.mark.parametrize("measure", ["revenue", "average_price"])
def test_a_leaderboard_is_ranked_by_change_where_asked(shared_site: Site, measure: str) -> None:
    query = f"range=last_quarter&measure={measure}&more=category"
    plain = shared_site.view(query)["leaderboards"][2]["lines"]
    lines = shared_site.view(f"{query}&change=category")["leaderboards"][2]["lines"]

    def change(line: dict[str, str]) -> Decimal:
        return (Decimal(line["value"]) - Decimal(line["previous"])) / abs(Decimal(line["previous"]))

    assert [line["name"] for line in lines] == [line["name"] for line in sorted(plain, key=change, reverse=True)]
    least = shared_site.view(f"{query}&change=category&bottom=category")["leaderboards"][2]["lines"]
    assert least == lines[::-1]


def test_a_price_has_no_share_of_a_whole_and_is_ranked_by_its_value(shared_site: Site) -> None:
    board = shared_site.view("range=last_year&measure=average_price&more=category")["leaderboards"][2]
    values = [Decimal(line["value"]) for line in board["lines"]]
    assert values == sorted(values, reverse=True)
    assert {line["share"] for line in board["lines"]} == {None}


def test_the_share_of_unknown_keys_is_told(shared_site: Site, source: duckdb.DuckDBPyConnection) -> None:
    view = shared_site.view("range=last_year")
    where = days("2025-01-01", "2025-12-31")
    (whole,), (unknown,) = (
        truth(source, _REVENUE, where)[0],
        truth(source, _REVENUE, f"{where} AND category IS NULL")[0],
    )
    assert view["unknown"][0] == {
        "level": "division", "title": "Division", "share": str((unknown / whole).quantize(Decimal("0.0001"))),
    }  # fmt: skip


def test_a_period_that_the_table_has_not_whole_is_compared_with_nothing(shared_site: Site) -> None:
    view = shared_site.view("range=custom&from=2023-07-10&to=2023-07-20")
    assert (view["previous"], view["year_before"]) == (None, None)
    assert view["trend"]["previous"] == {name: [] for name in ("revenue", "quantity", "sales", "average_price")}
    assert {line["previous"] for line in view["leaderboards"][0]["lines"]} == {None}


def test_a_period_without_rows_has_empty_leaderboards(shared_site: Site) -> None:
    view = shared_site.view("range=custom&from=2031-01-01&to=2031-01-31")
    assert [board["lines"] for board in view["leaderboards"]] == [[]] * 8
    assert view["cards"][3]["value"] is None
