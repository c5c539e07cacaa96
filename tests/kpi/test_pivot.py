"""The table of one dimension by another, against SQL over the gold rows; and its files."""

from __future__ import annotations

import csv
import datetime as dt
import io
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.kpi.conftest import Site
from tests.kpi.test_web_app import _OTHER_CONTRACT

if TYPE_CHECKING:
    import duckdb

QUARTER = "order_date BETWEEN '2026-04-01' AND '2026-06-30'"


def pivot(site: Site, query: str, login: str = "admin") -> Any:
    answer = site.client(login).get(f"/api/pivot?range=last_quarter&{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def asked(source: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    with source.cursor() as cursor:
        return cursor.execute(sql).fetchall()


def exact(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def expected_cells(
    source: duckdb.DuckDBPyConnection, rows: str, columns: str, where: str = "true"
) -> dict[tuple[str, str], Decimal]:
    sql = f"""SELECT {rows}, coalesce({columns}, '(none)'), sum(revenue_inr) FROM gold
      WHERE {QUARTER} AND {where} GROUP BY 1, 2"""
    return {(row, column): value for row, column, value in asked(source, sql)}


@pytest.mark.parametrize("where", ["true", "customer_type = 'E-Commerce'"])
def test_a_table_shows_one_level_by_another_with_totals(
    shared_site: Site, source: duckdb.DuckDBPyConnection, where: str
) -> None:
    found = pivot(
        shared_site, "rows=division&columns=zone" + ("&f.customer_type=E-Commerce" if where != "true" else "")
    )
    expected = expected_cells(source, "division", "zone", where)
    zones = [head["name"] for head in found["heads"]][1:]
    assert found["heads"][0] == {"key": "total", "name": "", "measure": "revenue"}
    assert {
        (line["name"], zone): exact(value)
        for line in found["lines"]
        for zone, value in zip(zones, line["values"][1:], strict=True)
        if value is not None
    } == expected
    by_line = {line["name"]: exact(line["values"][0]) for line in found["lines"]}
    assert by_line == {
        name: sum(value for (row, _), value in expected.items() if row == name) for name in {row for row, _ in expected}
    }
    assert list(by_line.values()) == sorted(by_line.values(), reverse=True)  # type: ignore[type-var]
    assert exact(found["totals"][0]) == sum(expected.values())
    assert [exact(value) for value in found["totals"][1:]] == [
        sum(value for (_, column), value in expected.items() if column == zone) for zone in zones
    ]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("name", "product_name"),
        ("-name", "product_name DESC"),
        ("total", "sum(revenue_inr), product_name"),
        ("-of:South", "sum(revenue_inr) FILTER (WHERE zone = 'South') DESC NULLS LAST, product_name"),
        ("of:no such zone", "product_name"),
    ],
)
def test_it_sorts_searches_and_pages_over_all_rows(
    shared_site: Site, source: duckdb.DuckDBPyConnection, sort: str, order: str
) -> None:
    sql = f"SELECT product_name FROM gold WHERE {QUARTER} AND product_name ILIKE '%aq%' GROUP BY 1 ORDER BY {order}"
    names = [name for (name,) in asked(source, sql)]
    found: list[str] = []
    for page in (1, 2, 3):
        answer = pivot(shared_site, f"rows=product_name&columns=zone&search=Aq&sort={sort}&page={page}")
        found += [line["name"] for line in answer["lines"]]
        assert answer["count"] == (len(names) if answer["lines"] else 0)
    assert found == names[:75]
    assert len(names) > 25


def test_many_columns_are_the_greatest_and_the_others_together(
    shared_site: Site, source: duckdb.DuckDBPyConnection
) -> None:
    found = pivot(shared_site, "rows=zone&columns=product_name")
    sql = f"SELECT product_name FROM gold WHERE {QUARTER} GROUP BY 1 ORDER BY sum(revenue_inr) DESC LIMIT 12"
    greatest = [name for (name,) in asked(source, sql)]
    assert [head["name"] for head in found["heads"][1:-1]] == greatest
    assert found["heads"][-1] == {"key": "others", "name": "", "measure": "revenue"}
    listed = ", ".join(f"'{name}'" for name in greatest)
    sql = f"SELECT zone, sum(revenue_inr) FROM gold WHERE {QUARTER} AND product_name NOT IN ({listed}) GROUP BY ALL"
    others = {zone or "(none)": value for zone, value in asked(source, sql)}
    assert {line["name"]: exact(line["values"][-1]) for line in found["lines"]} == others
    assert exact(found["totals"][-1]) == sum(others.values())


def test_the_columns_of_time_are_the_newest_in_their_order(
    shared_site: Site, source: duckdb.DuckDBPyConnection
) -> None:
    found = pivot(shared_site, "rows=division&columns=time&grain=month&measure=average_price")
    assert [head["name"] for head in found["heads"][1:]] == ["2026-04-01", "2026-05-01", "2026-06-01"]
    sql = f"""SELECT division, sum(revenue_inr), sum(sales_qty) FROM gold
      WHERE {QUARTER} AND order_date >= '2026-06-01' GROUP BY 1"""
    june = {name: (Decimal(money) / pieces).quantize(Decimal("0.0001")) for name, money, pieces in asked(source, sql)}
    assert {line["name"]: exact(line["values"][-1]) for line in found["lines"]} == june
    days = pivot(shared_site, "rows=time&columns=measures&grain=day&page=4")
    assert [line["name"] for line in days["lines"]] == [f"2026-06-{day:02}" for day in range(15, 31)]


def test_without_another_dimension_every_measure_has_a_column(
    shared_site: Site, source: duckdb.DuckDBPyConnection
) -> None:
    found = pivot(shared_site, "rows=zone&columns=measures&sort=-of:quantity&measure=sales")
    assert [head["key"] for head in found["heads"]] == [
        "of:revenue", "of:quantity", "of:sales", "of:average_price",
    ]  # fmt: skip
    sql = f"""SELECT coalesce(zone, '(none)'), sum(revenue_inr), sum(sales_qty), count(*) FROM gold
      WHERE {QUARTER} GROUP BY 1 ORDER BY 3 DESC"""
    expected = [(name, *map(Decimal, row)) for name, *row in asked(source, sql)]
    assert [(line["name"], *map(exact, line["values"][:3])) for line in found["lines"]] == expected


def test_the_first_table_is_of_the_widest_levels_of_two_hierarchies(shared_site: Site) -> None:
    found = pivot(shared_site, "")
    assert (found["rows"], found["columns"], found["sort"], found["descending"]) == ("division", "zone", "total", True)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("rows=colour", "rows must be one of division, segment"),
        ("columns=colour", "columns must be one of division, segment"),
        ("rows=measures", "rows must be one of"),
        ("rows=zone&columns=zone", "columns must not be what rows are"),
        ("sort=colour", "sort must be name, total or of: with a column's name"),
        ("columns=measures&sort=of:profit", "sort must be name, total"),
        ("sort=of:" + "x" * 301, "sort must be name, total"),
        ("search=" + "x" * 301, "search must be a text of at most 300 letters"),
        ("page=0", "page must be a whole number from 1 to 100000"),
        ("page=-1", "page must be a whole number"),
        ("page=9999999999999", "page must be a whole number"),
        ("page=1&page=2", "page may stand there once"),
    ],
)
def test_nonsense_is_refused_with_what_may_stand_there(shared_site: Site, query: str, told: str) -> None:
    for path in ("pivot", "pivot/download"):
        answer = shared_site.client().get(f"/api/{path}?{query}")
        assert answer.status_code == 422
        assert answer.json()["detail"].startswith(told)


def test_values_are_bound_and_never_become_sql(shared_site: Site) -> None:
    for query in ("search=' OR 1=1 --", "sort=of:' OR 1=1 --", "search=%25"):
        assert shared_site.client().get(f"/api/pivot?{query}").status_code == 200
    assert pivot(shared_site, "search=%25")["lines"] == []


def test_it_is_downloaded_whole_as_csv_and_excel(shared_site: Site, source: duckdb.DuckDBPyConnection) -> None:
    query = "range=last_quarter&rows=product_name&columns=zone&page=2&search=aq&f.zone=North"
    answers = [shared_site.client().get(f"/api/pivot/download?{query}&format={kind}") for kind in ("csv", "xlsx")]
    assert [answer.headers["content-disposition"] for answer in answers] == [
        'attachment; filename="sales_obt-product_name-zone.csv"',
        'attachment; filename="sales_obt-product_name-zone.xlsx"',
    ]
    lines = list(csv.reader(answers[0].content.decode("utf-8-sig").splitlines()))
    assert lines[0] == ["Product", "Revenue", "North"]
    where = f"{QUARTER} AND zone = 'North'"
    sql = f"""SELECT product_name, sum(revenue_inr) FROM gold WHERE {where} AND product_name ILIKE '%aq%'
      GROUP BY 1 ORDER BY 2 DESC, 1"""
    expected = asked(source, sql)
    assert len(expected) > 25
    assert [(name, Decimal(total)) for name, total, _ in lines[1:-1]] == expected
    assert lines[-1][0] == "All"
    figures, about = excel(answers[1].content)
    assert figures[0] == tuple(lines[0])
    assert [row[0] for row in figures[1:]] == [line[0] for line in lines[1:]]
    assert [Decimal(str(row[1])) for row in figures[1:]] == [Decimal(line[1]) for line in lines[1:]]
    assert ("Zone", "North") in about
    assert ("Period", "2026-04-01 to 2026-06-30") in about
    assert ("Names with", "aq") in about


def excel(content: bytes) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    from openpyxl import load_workbook  # type: ignore[import-untyped]

    book = load_workbook(io.BytesIO(content))
    return tuple(list(book[name].iter_rows(values_only=True)) for name in ("Figures", "About"))  # type: ignore[return-value]


def test_a_leaderboard_is_an_excel_file_too(shared_site: Site) -> None:
    answer = shared_site.client().get("/api/download?level=category&format=xlsx&range=last_month")
    figures, _ = excel(answer.content)
    assert figures[0][0] == "Category"
    assert shared_site.client().get("/api/download?level=category&format=pdf").status_code == 422


def test_excel_gets_no_formula_no_forbidden_sign_and_no_rounded_number(tmp_path: Path) -> None:
    import pyarrow as pa
    from deltalake import write_deltalake
    from openpyxl import load_workbook

    folder = tmp_path / "contracts" / "shop"
    folder.mkdir(parents=True)
    (folder / "visits.odcs.yaml").write_text(
        _OTHER_CONTRACT.replace("levels: [lane]", "levels: [visitor]").replace(
            "logicalType: number", "logicalType: integer"
        )
    )
    names, large = ["=1+1", "@x", "bell\x07", "plain"], 9_007_199_254_740_993
    rows = {"day": [dt.date(2026, 1, 1)] * 4, "visitor": names, "minutes": [1, 2, 3, large]}
    write_deltalake(tmp_path / "lake" / "gold" / "visits", pa.table(rows))
    site = Site(tmp_path / "lake", tmp_path / "models", tmp_path / "contracts")
    query = "range=all&rows=visitor&columns=measures&sort=name&format=xlsx"
    book = load_workbook(io.BytesIO(site.client().get(f"/api/pivot/download?{query}").content))
    cells = [row[:3] for row in book["Figures"].iter_rows(min_row=2, max_row=5)]
    assert [(row[0].value, row[0].data_type) for row in cells] == [
        ("=1+1", "s"), ("@x", "s"), ("bell", "s"), ("plain", "s"),
    ]  # fmt: skip
    assert [row[2].value for row in cells] == [1, 2, 3, str(large)]


@pytest.mark.parametrize("path", ["pivot", "pivot/download"])
def test_what_a_reader_does_not_see_is_in_no_table(shared_site: Site, path: str) -> None:
    for query in ("rows=customer_name", "columns=customer_name"):
        answer = shared_site.client("viewer").get(f"/api/{path}?{query}")
        assert answer.status_code == 422
        assert "customer_name" not in answer.text
    text = shared_site.client("north").get(f"/api/{path}?range=all&rows=zone&columns=measures").text
    assert "North" in text
    assert [zone for zone in ("South", "Central", "(none)") if zone in text] == []
