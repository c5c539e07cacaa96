"""The page in a browser, used as a person uses it; its figures against SQL over the source's rows."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.kpi.browser import card, line, settled, shown, tabled, window
from tests.kpi.conftest import Site
from tests.kpi.sample_lake import LAST_DATE, write_quarantine, write_reconciliation
from tests.lakehouse.traced_lake import write_traced_lake

if TYPE_CHECKING:
    import duckdb
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

Serve = Callable[[Any], AbstractContextManager[str]]


@pytest.fixture(scope="module")
def address(shared_site: Site, serve: Serve) -> Iterator[str]:
    """Where the page is."""
    with serve(shared_site.app) as found:
        yield found


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A reader's window."""
    with window(browser, address) as opened:
        yield opened


def revenue(source: duckdb.DuckDBPyConnection, where: str) -> Decimal:
    """From the source's raw rows; what the business asks, without the platform."""
    sql = f"""
    SELECT sum(sales_amount * CASE replace(currency, chr(13), '') WHEN 'USD' THEN 75 ELSE 1 END) FROM (
      SELECT DISTINCT product_code, customer_code, market_code, order_date, sales_qty, sales_amount,
        replace(currency, chr(13), '') AS currency
      FROM transactions WHERE sales_amount > 0)
    LEFT JOIN market USING (market_code) LEFT JOIN product USING (product_code) LEFT JOIN customer USING (customer_code)
    WHERE {where}"""
    with source.cursor() as cursor:
        (row,) = cursor.execute(sql).fetchall()
    return Decimal(row[0])


def by_name(source: duckdb.DuckDBPyConnection, name: str, where: str) -> dict[str, Decimal]:
    """The same revenue by a name."""
    sql = f"""
    SELECT {name}, sum(sales_amount * CASE currency WHEN 'USD' THEN 75 ELSE 1 END) FROM (
      SELECT DISTINCT product_code, customer_code, market_code, order_date, sales_qty, sales_amount,
        replace(currency, chr(13), '') AS currency
      FROM transactions WHERE sales_amount > 0)
    LEFT JOIN market USING (market_code) LEFT JOIN product USING (product_code) LEFT JOIN customer USING (customer_code)
    WHERE {where} GROUP BY 1"""
    with source.cursor() as cursor:
        return {found: Decimal(value) for found, value in cursor.execute(sql).fetchall()}


JUNE = "order_date BETWEEN '2026-06-01' AND '2026-06-30'"


def test_clicks_filter_and_take_the_filter_back(page: Page, address: str, source: duckdb.DuckDBPyConnection) -> None:
    shown(page, address)
    assert card(page, "revenue") == revenue(source, JUNE)
    line(page, "zone", "North").click()
    settled(page)
    assert card(page, "revenue") == revenue(source, f"{JUNE} AND zone = 'North'")
    line(page, "category", "Workstations").click()
    settled(page)
    assert card(page, "revenue") == revenue(source, f"{JUNE} AND zone = 'North' AND category = 'Workstations'")
    assert page.url.endswith("?f.zone=North&f.category=Workstations")
    assert line(page, "zone", "North").get_attribute("aria-pressed") == "true"
    line(page, "zone", "South").click()
    settled(page)
    assert card(page, "revenue") == revenue(
        source, f"{JUNE} AND zone IN ('North', 'South') AND category = 'Workstations'"
    )
    page.get_by_role("button", name="Remove the filter Category: Workstations").click()
    settled(page)
    line(page, "zone", "South").click()
    settled(page)
    line(page, "zone", "North").click()
    settled(page)
    assert card(page, "revenue") == revenue(source, JUNE)
    assert page.url == address


def test_back_and_forward_and_a_shared_address_show_the_same(page: Page, address: str) -> None:
    shown(page, address)
    whole = card(page, "revenue")
    line(page, "zone", "North").click()
    settled(page)
    north, kept = card(page, "revenue"), page.url
    page.go_back()
    page.wait_for_selector("#filters", state="hidden")
    settled(page)
    assert card(page, "revenue") == whole
    page.go_forward()
    page.wait_for_selector("#filters:not([hidden])")
    settled(page)
    assert card(page, "revenue") == north
    page.goto("about:blank")
    shown(page, kept)
    assert card(page, "revenue") == north


def test_a_range_is_chosen_by_name_by_days_and_by_dragging(
    page: Page, address: str, source: duckdb.DuckDBPyConnection
) -> None:
    shown(page, address)
    page.get_by_role("combobox", name="Time range").select_option("last_quarter")
    settled(page)
    assert card(page, "revenue") == revenue(source, "order_date BETWEEN '2026-04-01' AND '2026-06-30'")
    page.locator("#from").fill("2026-06-10")
    page.locator("#from").dispatch_event("change")
    settled(page)
    assert card(page, "revenue") == revenue(source, "order_date BETWEEN '2026-06-10' AND '2026-06-30'")
    box = page.locator(".chart").bounding_box()
    assert box
    page.mouse.move(box["x"] + 66, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100, steps=4)
    page.mouse.up()
    page.wait_for_url("**from=2026-06-10&to=2026-06-20**")
    settled(page)
    assert card(page, "revenue") == revenue(source, "order_date BETWEEN '2026-06-10' AND '2026-06-20'")


def test_keys_alone_read_the_trend_and_filter(page: Page, address: str, source: duckdb.DuckDBPyConnection) -> None:
    shown(page, address)
    page.locator(".chart").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert "3 Jun 2026" in page.locator(".tip").inner_text()
    page.keyboard.press("Enter")
    page.wait_for_url("**from=2026-06-01&to=2026-06-03**")
    settled(page)
    line(page, "zone", "North").focus()
    page.keyboard.press("Space")
    page.wait_for_url("**f.zone=North**")
    settled(page)
    assert card(page, "revenue") == revenue(
        source, "order_date BETWEEN '2026-06-01' AND '2026-06-03' AND zone = 'North'"
    )
    assert page.evaluate("document.activeElement.dataset.key") == "zone=North"


def test_another_measure_ranks_the_leaderboards(page: Page, address: str) -> None:
    shown(page, address)
    page.locator('.card[data-measure="average_price"]').click()
    settled(page)
    assert page.locator('.board[data-level="category"] .heads').inner_text().split("\n")[0] == "Average price"
    assert page.locator('.card[aria-pressed="true"] .name').inner_text() == "Average price"


def test_a_board_turns_round_and_shows_more(page: Page, address: str) -> None:
    shown(page, address)
    board = page.locator('.board[data-level="category"]')
    assert board.locator(".line").count() == 6
    board.get_by_role("button", name="more lines").click()
    settled(page)
    names = board.locator(".line .name").all_inner_texts()
    assert len(names) == 13
    board.get_by_role("button", name="turn round").click()
    page.wait_for_url("**bottom=category**")
    settled(page)
    assert board.locator(".line .name").all_inner_texts() == names[::-1]


def test_a_board_is_downloaded_and_what_waits_in_quarantine_is_seen(browser: Browser, site: Site, serve: Serve) -> None:
    write_quarantine(site.lake, [("2026-06-02", "open", ["The amount is nothing."]), ("2026-06-03", "open", ["Odd."])])
    with serve(site.app) as address:
        context = browser.new_context(locale="en-IN")
        context.add_cookies([{"name": "login", "value": "admin", "url": address}])
        page = context.new_page()
        shown(page, address + "?f.zone=North")
        board = page.get_by_role("region", name="Rows in quarantine")
        assert board.get_by_text("No row of Jun 2026 waits in quarantine").count() == 1
        assert board.get_by_text("2 rows more may belong here").count() == 1
        page.get_by_role("button", name="Remove the filter Zone: North").click()
        settled(page)
        assert board.locator("tbody tr").all_inner_texts() == [
            "Odd.\t1\tnot known", "The amount is nothing.\t1\tnot known",
        ]  # fmt: skip
        with page.expect_download() as download:
            page.get_by_role("link", name="Category: download all as CSV").click()
        assert download.value.suggested_filename == "sales_obt-category-revenue.csv"
        assert "Workstations" in download.value.path().read_text(encoding="utf-8-sig")
        context.close()


def test_the_table_is_laid_out_sorted_searched_paged_and_downloaded(
    page: Page, address: str, source: duckdb.DuckDBPyConnection
) -> None:
    shown(page, address)
    page.get_by_role("combobox", name="Rows").select_option("product_name")
    page.wait_for_url("**rows=product_name**")
    page.get_by_role("combobox", name="Columns").select_option("customer_type")
    page.wait_for_url("**columns=customer_type**")
    page.locator("#pivot").get_by_role("button", name="E-Commerce").click()
    page.wait_for_url("**sort=-of%3AE-Commerce**")
    page.get_by_label("Search the table's rows").fill("laptop")
    page.wait_for_url("**search=laptop**")
    sold = by_name(source, "trim(product_name)", f"{JUNE} AND trim(customer_type) = 'E-Commerce'")
    best = sorted((name for name in sold if name and "Laptop" in name), key=lambda name: -sold[name])
    foot = page.locator("#pivot .foot")
    foot.get_by_text(re.compile(r"^1–\d+ of 1?\d$")).wait_for()
    names = [line[0] for line in tabled(page)]
    assert names[: len(best)] == best
    with page.expect_download() as download:
        page.get_by_role("link", name="Table: download all as Excel").click()
    assert download.value.suggested_filename == "sales_obt-product_name-customer_type.xlsx"
    # The rest of the page was not asked again, and going back turns to the table of before.
    assert card(page, "revenue") == revenue(source, JUNE)
    page.get_by_label("Search the table's rows").fill("")
    foot.get_by_text(re.compile(r"^1–25 of \d+$")).wait_for()
    page.get_by_role("button", name="Table: next page").click()
    page.wait_for_url("**page=2**")
    foot.get_by_text(re.compile(r"^26–50 of")).wait_for()
    page.go_back()
    foot.get_by_text(re.compile(r"^1–25 of")).wait_for()
    # A line's name filters all of the page.
    page.locator("#pivot tbody th button").nth(1).click()
    settled(page)
    assert page.locator(".chip").inner_text().startswith("Product:")


def test_a_figure_leads_to_its_rows_and_a_row_to_where_it_comes_from(
    browser: Browser, site: Site, serve: Serve, source: duckdb.DuckDBPyConnection
) -> None:
    write_traced_lake(site.lake)
    with serve(site.app) as address:
        context = browser.new_context(locale="en-IN")
        context.add_cookies([{"name": "login", "value": "admin", "url": address}])
        page = context.new_page()
        shown(page, f"{address}?rows=zone&columns=time&grain=day&from=2026-06-29&to=2026-06-30&sort=name")
        figure = page.locator("#pivot tbody tr", has_text="North").get_by_role("button", name="show its rows").nth(2)
        exact = figure.locator("[title]").get_attribute("title")
        figure.click()
        page.wait_for_url("**from=2026-06-30&to=2026-06-30**f.zone=North**detail=1**")
        settled(page)
        where = "order_date = '2026-06-30' AND zone = 'North'"
        assert exact
        assert Decimal(re.sub(r"[^0-9.]", "", exact)) == card(page, "revenue") == revenue(source, where)
        rows = page.locator("#rows tbody tr")
        assert rows.count() == card(page, "sales")
        rows.first.get_by_role("button", name="30 Jun 2026: where does this row come from?").click()
        way = page.get_by_role("region", name="Where the rows come from")
        way.get_by_text("binlog.000008:15").wait_for()
        assert way.locator("h4").all_inner_texts() == ["Gold", "Silver", "Bronze", "Source"]
        assert "transactions.odcs.yaml, version 1.0.0" in way.inner_text()
        page.get_by_role("button", name="Close").first.click()
        page.get_by_role("button", name="Show the rows").wait_for()
        assert "detail" not in page.url
        context.close()


def test_an_error_of_the_table_is_its_own(page: Page, address: str) -> None:
    shown(page, address)
    page.route("**/api/pivot?**", lambda route: route.fulfill(status=503, json={"detail": "not now"}))
    page.get_by_role("combobox", name="Rows").select_option("zone")
    page.locator("#pivot").get_by_text("not now").wait_for()
    assert page.locator(".card").count() == 4
    page.unroute("**/api/pivot?**")
    page.locator("#pivot").get_by_role("button", name="Try again").click()
    page.locator("#pivot tbody").get_by_text("North").wait_for()


@pytest.mark.parametrize("width", [1440, 1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_the_window_in_both_themes(browser: Browser, address: str, width: int, theme: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=theme)  # type: ignore[arg-type]
    context.add_cookies([{"name": "login", "value": "admin", "url": address}])
    page = context.new_page()
    shown(page, address + "?f.zone=North&range=last_quarter")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    # What Airflow's own switch says wins.
    other = "light" if theme == "dark" else "dark"
    page.evaluate(f"localStorage.setItem('theme', '{other}')")
    page.reload()
    settled(page)
    assert page.evaluate("document.documentElement.dataset.theme") == other
    cut = page.evaluate(
        "[...document.querySelectorAll('.line .amount, .line .change, .card .value')]"
        ".filter((one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== 'inline').length"
    )
    assert cut == 0
    context.close()


def test_a_first_visit_is_light(page: Page, address: str) -> None:
    shown(page, address)
    sizes = page.evaluate("performance.getEntriesByType('resource').map((one) => one.decodedBodySize)")
    assert sum(sizes) < 100_000


def test_nothing_in_the_data_becomes_markup(page: Page, address: str) -> None:
    shown(page, address + "?f.zone=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E")
    assert page.locator(".chip b").inner_text() == "<img src=x onerror=alert(1)>"
    assert page.locator("main img, header img").count() == 0
    assert page.locator(".board .nothing").count() == 7


def test_an_address_without_sense_offers_a_fresh_start(page: Page, address: str) -> None:
    page.goto(address + "?measure=profit")
    page.get_by_text("This address makes no sense").wait_for()
    page.get_by_role("button", name="Start afresh").click()
    settled(page)
    assert page.url == address


def test_who_is_not_logged_in_is_led_to_the_login(page: Page, address: str) -> None:
    shown(page, address)
    page.context.clear_cookies()
    line(page, "zone", "North").click()
    page.get_by_text("Your login has ended").wait_for()
    assert page.get_by_role("link", name="Log in").get_attribute("href") == "../auth/login"


def test_before_the_first_run_and_after_it(browser: Browser, site: Site, serve: Serve) -> None:
    from kpi.shelf import CHECK_SECONDS

    shutil.move(site.lake / "gold", site.lake / "later")
    with serve(site.app) as address:
        context = browser.new_context()
        context.add_cookies([{"name": "login", "value": "admin", "url": address}])
        page = context.new_page()
        page.goto(address)
        page.get_by_text("Nothing to see yet").wait_for()
        assert "run the DAG atliqsale_daily once" in page.locator("#message").inner_text()
        shutil.move(site.lake / "later", site.lake / "gold")
        day = LAST_DATE + timedelta(days=1)
        write_reconciliation(site.lake, business_date=day, problem="source 5 rows, gold 4")
        site.clock[0] += CHECK_SECONDS
        page.get_by_role("button", name="Try again").click()
        settled(page)
        assert "differs from the source: source 5 rows, gold 4" in page.locator("#freshness").inner_text()
        context.close()
