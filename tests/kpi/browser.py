"""Debian's Chromium, steered as a person would use it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Generator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@contextlib.contextmanager
def chromium() -> Generator[Browser]:
    """A browser without a window; the test is skipped where none is installed."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium")
    if program is None:
        pytest.skip("there is no chromium: bin/test installs it as root")
    with sync_playwright() as started:
        # Chromium keeps its own sandbox from root; it opens this test's pages alone.
        options = ["--no-sandbox"] if os.getuid() == 0 else []
        browser = started.chromium.launch(executable_path=program, args=options)
        with browser:
            yield browser


@contextlib.contextmanager
def window(browser: Browser, address: str, login: str = "admin") -> Generator[Page]:
    """A reader's window, logged in; whatever goes wrong in it fails the test, as does a request to another host."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-IN", timezone_id="UTC")
    context.add_cookies([{"name": "login", "value": login, "url": address}])
    opened = context.new_page()
    wrong: list[str] = []
    asked: set[str] = set()
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    opened.on("request", lambda request: asked.add(request.url.partition("/kpi/")[0]))
    try:
        yield opened
        assert [text for text in wrong if "status of" not in text] == []
        assert {host for host in asked if not host.startswith("data:")} <= {address.removesuffix("/kpi/")}
    finally:
        context.close()


def tabled(page: Page) -> list[list[str]]:
    """The table's lines, with their exact figures."""
    page.wait_for_selector("#pivot:not(.waiting) .foot span")
    cells = "[...line.children].map((cell) => (cell.querySelector('[title]')?.title || '').replace('Filter by ', ''))"
    found: list[list[str]] = page.evaluate(f"[...document.querySelectorAll('#pivot tbody tr')].map((line) => {cells})")
    return found


def shown(page: Page, address: str) -> None:
    """Turns to an address and waits for its figures."""
    page.goto(address)
    settled(page)


def settled(page: Page) -> None:
    """Waits until the figures are those of the address."""
    page.wait_for_selector("#content:not([hidden])")
    page.wait_for_selector("#figures:not(.waiting)")


def card(page: Page, measure: str) -> Decimal:
    """The exact value of a card, as who hovers over it reads it."""
    text = page.locator(f'.card[data-measure="{measure}"] .value').get_attribute("title")
    assert text
    return Decimal(re.sub(r"[^0-9.-]", "", text))


def line(page: Page, level: str, name: str) -> Any:
    """A line of a leaderboard."""
    return page.locator(f'[data-key="{level}={name}"]')
