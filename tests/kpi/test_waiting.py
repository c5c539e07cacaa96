"""The rows that wait in quarantine beside a question's figures, against SQL over the source's rows."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kpi.shelf import BESIDE_SECONDS

from tests.kpi.conftest import Site
from tests.kpi.sample_lake import write_gold, write_quarantine
from tests.kpi.sample_silver import FAULTS, GOOD_ROW, was_before, write_dimensions

if TYPE_CHECKING:
    import duckdb

EditContract = Callable[[str, Callable[[dict[str, Any]], None]], None]
QUARTER = "order_date BETWEEN '2026-04-01' AND '2026-06-30'"
JOINED = (
    "transactions LEFT JOIN market m USING (market_code) LEFT JOIN product p USING (product_code) "
    "LEFT JOIN customer c USING (customer_code)"
)


def expected(source: duckdb.DuckDBPyConnection, where: str, value: str, is_known: str) -> dict[str, Any]:
    """What waits, from the source's raw rows."""
    figures = f"count(*), count(*) FILTER (WHERE {is_known}), sum({value}) FILTER (WHERE {is_known})"

    def ask(further: str) -> dict[str, Any]:
        with source.cursor() as cursor:
            ((rows, known, found),) = cursor.execute(
                f"SELECT {figures} FROM {JOINED} WHERE NOT ({GOOD_ROW}) AND {QUARTER} AND {where} AND {further}"
            ).fetchall()
        return {"rows": rows, "known": known, "value": None if found is None else str(found)}

    reasons = [{"reason": message, **ask(f"NOT ({good})")} for good, message, _ in FAULTS]
    ranked = sorted((one for one in reasons if one["rows"]), key=lambda one: (-one["rows"], one["reason"]))
    return {**ask("true"), "reasons": ranked, "undecided": 0, "undated": 0}


@pytest.mark.parametrize(
    ("filters", "where"),
    [
        ("", "true"),
        ("&f.zone=North", "zone = 'North'"),
        (
            "&f.zone=North&f.zone=South&f.customer_type=E-Commerce",
            "zone IN ('North', 'South') AND customer_type = 'E-Commerce'",
        ),
        ("&f.zone=(none)", "coalesce(zone, '') IN ('', '  ', 'nan')"),
        ("&f.category=Unknown", "trim(coalesce(p.category, '')) = ''"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("measure", "value", "is_known"),
    [
        ("revenue", "CAST(sales_amount * CASE replace(currency, chr(13), '') WHEN 'USD' THEN 75 ELSE 1 END "
         "AS DECIMAL(18,2))", "sales_amount > 0 AND currency <> 'EUR'"),
        ("quantity", "sales_qty", "sales_qty >= 1"),
        ("sales", "1", "true"),
    ],
)  # fmt: skip
def test_rows_and_money_wait_by_reason_under_the_filters(
    faulty_site: Site, faulty_source: duckdb.DuckDBPyConnection,
    filters: str, where: str, measure: str, value: str, is_known: str,
) -> None:  # fmt: skip
    told = faulty_site.view(f"range=last_quarter&measure={measure}{filters}")["quarantine"]
    assert told == expected(faulty_source, where, value, is_known)
    assert told["rows"] > 0


def test_what_is_no_sum_has_no_value_in_quarantine(faulty_site: Site) -> None:
    told = faulty_site.view("range=last_quarter&measure=average_price")["quarantine"]
    assert told["rows"] > 0
    assert {(one["known"], one["value"]) for one in [told, *told["reasons"]]} == {(0, None)}


def test_a_row_waits_where_its_dimensions_say_today(faulty_lake: Path, tmp_path: Path) -> None:
    import shutil

    lake = Path(shutil.copytree(faulty_lake, tmp_path / "lake"))
    was_before(lake, "market", "Mark004", [({"zone": "South", "market_name": "New Delhi"}, dt.date(2026, 6, 15))])
    rows = [site.view("range=last_quarter&f.market_name=Delhi")["quarantine"]["rows"] for site in
            (Site(faulty_lake, tmp_path / "one"), Site(lake, tmp_path / "two"))]  # fmt: skip
    assert rows[0] == rows[1] > 0
    assert Site(lake, tmp_path / "two").view("range=all&f.market_name=New%20Delhi")["quarantine"]["rows"] == 0


RAW = {
    "product_code": " Prod001", "customer_code": "Cus001 ", "market_code": "Mark004", "order_date": "2026-06-02",
    "sales_qty": 7, "sales_amount": 0.00, "currency": "INR\r",
}  # fmt: skip


def one_row(
    site: Site, raw: dict[str, Any] | str, column: str = "sales_amount", day: str | None = "2026-06-02"
) -> None:
    text = raw if isinstance(raw, str) else json.dumps(raw)
    write_quarantine(site.lake, [(day, "open", ["odd"])], [column], text)


def told(site: Site, query: str) -> tuple[Any, ...]:
    found = site.view(f"range=last_month&{query}")["quarantine"]
    return found["rows"], found["known"], found["value"], found["undecided"], found["undated"]


def test_a_landed_value_is_cleaned_as_the_contract_says(site: Site, source: duckdb.DuckDBPyConnection) -> None:
    write_dimensions(source, site.lake)
    amount = '"sales_amount": 123456789012.34, "currency": "usd\\r"'
    text = json.dumps(RAW).replace('"sales_amount": 0.0, "currency": "INR\\r"', amount)
    assert amount in text
    one_row(site, text, "sales_qty")
    assert told(site, "f.market_name=Delhi&f.zone=North") == (1, 1, str(Decimal("123456789012.34") * 75), 0, 0)
    assert told(site, "f.zone=South") == (0, 0, None, 0, 0)


@pytest.mark.parametrize(
    ("raw", "column"),
    [
        (RAW | {"market_code": None}, "sales_amount"),
        (RAW | {"market_code": "  "}, "sales_amount"),
        (RAW | {"market_code": "***"}, "sales_amount"),
        (RAW, "market_code"),
        ({}, "sales_amount"),
        ("", "sales_amount"),
    ],
)  # fmt: skip
def test_where_a_row_belongs_is_not_guessed(
    site: Site, source: duckdb.DuckDBPyConnection, raw: dict[str, Any] | str, column: str
) -> None:
    write_dimensions(source, site.lake)
    one_row(site, raw, column)
    assert told(site, "measure=sales") == (1, 1, "1", 0, 0)
    assert told(site, "measure=sales&f.zone=North") == (0, 0, "0", 1, 0)
    # What another filter leaves out for certain is not undecided.
    if raw:
        assert told(site, "measure=sales&f.zone=North&f.category=Monitors")[3] in {0, 1}
    # A reader of some rows alone sees none that may be another's.
    assert site.view("range=last_month", "north")["quarantine"]["rows"] == 0


def test_a_key_that_no_dimension_has_is_unknown_as_in_gold(site: Site, source: duckdb.DuckDBPyConnection) -> None:
    write_dimensions(source, site.lake)
    one_row(site, RAW | {"product_code": "Prod999"})
    assert told(site, "measure=quantity&f.category=Unknown") == (1, 1, "7", 0, 0)


def test_a_row_without_a_date_is_told_for_itself(site: Site, source: duckdb.DuckDBPyConnection) -> None:
    write_dimensions(source, site.lake)
    one_row(site, RAW, "order_date", None)
    assert told(site, "") == (0, 0, None, 0, 1)
    assert told(site, "f.zone=North") == (0, 0, None, 0, 1)
    assert told(site, "f.zone=South") == (0, 0, None, 0, 0)


def test_without_silvers_dimensions_rows_are_told_all_the_same(site: Site) -> None:
    one_row(site, RAW)
    assert told(site, "measure=quantity") == (1, 1, "7", 0, 0)


def test_an_expression_that_is_not_understood_here_makes_a_value_unknown_and_not_wrong(
    site: Site, source: duckdb.DuckDBPyConnection, contracts_folder: Path, edit_contract: EditContract
) -> None:
    def change(document: dict[str, Any]) -> None:
        columns = {one["name"]: one for one in document["schema"][0]["properties"]}
        columns["market_code"]["transformLogic"] = "regexp_replace(market_code, '^0+', '')"
        columns["revenue_inr"]["transformLogic"] = "cast(sales_amount * 75 / 75 as decimal(18,2))"

    edit_contract("transactions", change)
    site = Site(site.lake, site.models, contracts_folder.parent)
    write_dimensions(source, site.lake)
    one_row(site, RAW | {"sales_amount": 100.25}, "sales_qty")
    assert told(site, "measure=revenue") == (1, 0, None, 0, 0)
    assert told(site, "measure=sales&f.zone=North") == (0, 0, "0", 1, 0)
    assert told(site, "measure=sales&f.category=Keyboards") == (1, 1, "1", 0, 0)


def test_a_regions_readers_see_what_waits_of_their_region(
    faulty_site: Site, faulty_source: duckdb.DuckDBPyConnection
) -> None:
    north = faulty_site.view("range=last_quarter&measure=sales", "north")["quarantine"]
    assert north == expected(faulty_source, "zone = 'North'", "1", "true")
    assert faulty_site.view("range=last_quarter&f.zone=South", "north")["quarantine"]["rows"] == 0
    both = faulty_site.view("range=last_quarter&measure=sales", "both")["quarantine"]
    assert both == expected(faulty_source, "zone IN ('North', 'South')", "1", "true")


def test_what_was_read_is_kept_until_the_quarantine_or_gold_changes(
    site: Site, source: duckdb.DuckDBPyConnection
) -> None:
    write_dimensions(source, site.lake)
    one_row(site, RAW)

    def kept() -> Any:
        site.view()
        site.settle()
        return next(iter(site.shelf._entries.values())).shown.quarantine  # type: ignore[union-attr]

    first = kept()
    site.clock[0] += BESIDE_SECONDS
    kept()
    assert kept() is first
    write_gold(source, site.lake)
    site.clock[0] += BESIDE_SECONDS
    kept()
    assert kept() is not first
