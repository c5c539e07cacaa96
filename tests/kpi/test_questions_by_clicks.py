"""What people come to the page with, answered by clicks alone, against SQL over the source's raw rows."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.kpi.browser import card, line, settled, shown, window
from tests.kpi.conftest import Site
from tests.kpi.sample_silver import was_before

if TYPE_CHECKING:
    import duckdb
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

Serve = Callable[[Any], AbstractContextManager[str]]
_SALES = """
FROM (SELECT *, upper(trim(replace(currency, chr(13), ''))) AS money FROM transactions)
LEFT JOIN market USING (market_code) LEFT JOIN product USING (product_code) LEFT JOIN customer USING (customer_code)
WHERE zone = 'North' AND order_date BETWEEN '{}' AND '{}'"""
_QUARTER, _BEFORE = ("2026-04-01", "2026-06-30"), ("2026-01-01", "2026-03-31")
_RUPEES = "sum(sales_amount * CASE money WHEN 'USD' THEN 75 ELSE 1 END)"
_GOOD = "sales_amount > 0 AND sales_qty >= 1 AND money IN ('INR', 'USD')"


@pytest.fixture(scope="module")
def lake(faulty_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake in which a customer was called otherwise before."""
    lake = Path(shutil.copytree(faulty_lake, tmp_path_factory.mktemp("clicks") / "lake"))
    first = ({"customer_name": "Amber & Sons"}, dt.date(2025, 1, 1))
    was_before(lake, "customer", "Cus001", [first, ({"customer_name": "Amber"}, dt.date(2026, 6, 1))])
    return lake


@pytest.fixture(scope="module")
def address(lake: Path, tmp_path_factory: pytest.TempPathFactory, serve: Serve) -> Iterator[str]:
    """Where the page is."""
    with serve(Site(lake, tmp_path_factory.mktemp("clicks_models")).app) as found:
        yield found


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The window of someone who has never seen the page: its plain address, and no word of any other."""
    with window(browser, address) as opened:
        shown(opened, address)
        yield opened


def sold(
    source: duckdb.DuckDBPyConnection, name: str, days: tuple[str, str], where: str = "true"
) -> dict[str, Decimal]:
    """Revenue by a name; of rows equal in all that counts one counts."""
    once = "product_code, customer_code, market_code, order_date, sales_qty, sales_amount, money"
    rows = f"SELECT DISTINCT {once}, {name} AS name {_SALES.format(*days)} AND {_GOOD} AND {where}"
    with source.cursor() as cursor:
        return dict(cursor.execute(f"SELECT name, {_RUPEES} FROM ({rows}) GROUP BY 1").fetchall())


def test_which_category_grew_most_in_the_north_this_quarter_who_buys_it_and_how_much_of_it_waits(
    page: Page, faulty_source: duckdb.DuckDBPyConnection
) -> None:
    page.get_by_role("combobox", name="Time range").select_option("Quarter to date")
    settled(page)
    page.get_by_role("region", name="Revenue by Zone").get_by_role("button", name="North").click()
    settled(page)
    page.get_by_role("button", name="Category: rank by change").click()
    page.wait_for_url("**change=category**")
    settled(page)
    categories = page.get_by_role("region", name="Revenue by Category").locator(".line")
    grown = str(categories.first.locator(".name").inner_text())
    categories.first.click()
    page.wait_for_url("**f.category=**")
    settled(page)
    best = page.get_by_role("region", name="Revenue by Customer").locator(".line .name").all_inner_texts()[:5]
    page.get_by_role("button", name=re.compile(r"rows? in quarantine")).click()
    assert page.evaluate("document.activeElement.id") == "quarantine"
    waiting = page.get_by_role("region", name="Rows in quarantine")
    whole = waiting.locator("tfoot td")
    rows, money = int(whole.nth(0).inner_text()), whole.nth(1).locator("[title]").get_attribute("title")

    name = "coalesce(nullif(trim(category), ''), 'Unknown')"
    now, before = (sold(faulty_source, name, days) for days in (_QUARTER, _BEFORE))
    assert grown == max(now, key=lambda one: (now[one] - before[one]) / before[one])
    its = f"category = '{grown}'"
    customers = sold(faulty_source, "trim(customer_name)", _QUARTER, its)
    assert best == sorted(customers, key=lambda one: -customers[one])[:5]
    assert card(page, "revenue") == sum(customers.values())
    with faulty_source.cursor() as cursor:
        ((count, known),) = cursor.execute(
            f"SELECT count(*), {_RUPEES} FILTER (WHERE sales_amount > 0 AND money IN ('INR', 'USD')) "
            f"{_SALES.format(*_QUARTER)} AND NOT ({_GOOD}) AND {its}"
        ).fetchall()
    assert count > 0
    assert rows == count
    assert money is not None
    assert Decimal(re.sub(r"[^0-9.-]", "", money)) == known


def test_what_a_customer_was_called_and_until_when(page: Page) -> None:
    page.get_by_role("button", name="Customer: more lines").click()
    page.wait_for_url("**more=**")
    settled(page)
    line(page, "customer_name", "Amberline Stores").click()
    settled(page)
    page.get_by_role("button", name="History of Customer Amberline Stores").click()
    panel = page.get_by_role("region", name="Versions of a value")
    panel.get_by_text("Amberline Stores, now and before").wait_for()
    assert panel.locator("tbody tr").all_inner_texts() == [
        "Cus001\tsince 1 Jun 2026\tAmberline Stores\tBrick & Mortar",
        "\tJan 2025 – May 2026\tAmber\tBrick & Mortar",
        "\tuntil 31 Dec 2024\tAmber & Sons\tBrick & Mortar",
    ]
    # It is a part of the address, and goes with the filter that it is about.
    page.reload()
    panel.get_by_text("until 31 Dec 2024").wait_for()
    page.go_back()
    panel.wait_for(state="hidden")
    page.go_forward()
    panel.get_by_text("until 31 Dec 2024").wait_for()
    page.get_by_role("button", name="Remove the filter Customer: Amberline Stores").click()
    panel.wait_for(state="hidden")
    assert "versions" not in page.url


def test_a_wide_value_tells_which_of_its_members_changed(page: Page) -> None:
    line(page, "customer_type", "Brick & Mortar").click()
    settled(page)
    page.get_by_role("button", name="History of Channel Brick & Mortar").click()
    panel = page.get_by_role("region", name="Versions of a value")
    panel.get_by_text("17 more never changed.").wait_for()
    panel.get_by_role("button", name="Close the versions").click()
    panel.wait_for(state="hidden")
    line(page, "zone", "North").click()
    settled(page)
    page.get_by_role("button", name="History of Zone North").click()
    panel.get_by_text("Nothing of it has changed since its history began.").wait_for()


def test_an_error_of_the_versions_is_their_own(page: Page) -> None:
    line(page, "zone", "North").click()
    settled(page)
    page.route("**/api/versions?**", lambda route: route.fulfill(status=503, json={"detail": "not now"}))
    page.get_by_role("button", name="History of Zone North").click()
    panel = page.get_by_role("region", name="Versions of a value")
    panel.get_by_text("not now").wait_for()
    assert page.locator(".card").count() == 4
    page.unroute("**/api/versions?**")
    panel.get_by_role("button", name="Try again").click()
    panel.get_by_text("Nothing of it has changed").wait_for()
