"""The page as a screen reader and a keyboard meet it, judged by axe-core: nothing serious in any state of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.errors import NpmError
from local.npm_packages import installed_packages
from tests.kpi.conftest import Site
from tests.kpi.sample_lake import write_quarantine
from tests.kpi.sample_silver import was_before, write_dimensions
from tests.kpi.screenshots import THEMES, WIDTHS
from tests.lakehouse.traced_lake import write_traced_lake

if TYPE_CHECKING:
    import duckdb
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

Serve = Callable[[Any], AbstractContextManager[str]]
_SERIOUS = ("serious", "critical")
_RUN = "async () => (await axe.run({resultTypes: ['violations']})).violations"


@pytest.fixture(scope="module")
def axe() -> str:
    """The program that judges."""
    try:
        folder = installed_packages(Path(__file__).with_name("axe"), "axe")
    except NpmError as error:
        pytest.skip(f"axe-core is not to be had: {error}")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()


def serious(page: Page, axe: str) -> list[str]:
    """What hinders people, with where it stands."""
    page.evaluate(f"{axe}; null")
    found = page.evaluate(_RUN)
    return [
        f"{one['id']}: {node['html'][:160]} ({node['failureSummary'][:200]})"
        for one in found
        if one["impact"] in _SERIOUS
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", THEMES)
def test_nothing_serious_is_found_in_any_theme_and_width(
    browser: Browser, site: Site, source: duckdb.DuckDBPyConnection, serve: Serve, axe: str, width: int, theme: str
) -> None:
    write_quarantine(site.lake, [("2026-06-30", "open", ["The amount is nothing."])])
    write_traced_lake(site.lake)
    write_dimensions(source, site.lake)
    was_before(site.lake, "market", "Mark004", [({"zone": "South"}, dt.date(2026, 6, 1))])
    with serve(site.app) as address:
        # The page's own policy lets no script of others in.
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=theme,  # type: ignore[arg-type]
            bypass_csp=True,
            reduced_motion="reduce",
        )
        context.add_cookies([{"name": "login", "value": "admin", "url": address}])
        page = context.new_page()
        page.goto(address + "?f.zone=North&f.zone=South&detail=1&rows=category&versions=zone:North")
        page.wait_for_selector("#versions table")
        page.wait_for_selector("#rows:not(.waiting) table")
        page.wait_for_selector("#figures:not(.waiting)")
        page.locator("#rows tbody th button").first.click()
        page.wait_for_selector(".way h3")
        assert serious(page, axe) == []
        page.goto(address + "?measure=profit")
        page.get_by_text("This address makes no sense").wait_for()
        assert serious(page, axe) == []
        context.close()
