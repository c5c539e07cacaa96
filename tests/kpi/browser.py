"""Debian's Chromium, steered as a person would use it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser


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
