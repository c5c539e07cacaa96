"""Takes the page's pictures on the demo's sales, in both themes and three widths, without a running demo.

python -m tests.kpi.screenshots FOLDER [ADDRESS'S QUERY]
"""

from __future__ import annotations

import datetime as dt
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.kpi.browser import chromium
from tests.kpi.conftest import Site, serving
from tests.kpi.sample_lake import demo_rows, source_tables, write_gold, write_reconciliation
from tests.kpi.sample_silver import plant_faults, was_before, write_dimensions, write_refused

WIDTHS = (1440, 1280, 390)
THEMES = ("light", "dark")
_TABLE = "range=last_quarter&grain=month&rows=category&columns=time"
_BESIDE = "range=last_quarter&f.zone=North&f.customer_name=Amberline%20Stores&versions=customer_name:Amberline%20Stores"


def main(arguments: Sequence[str]) -> int:
    """Writes `kpi_page-<width>-<theme>.png`, and of its parts `kpi_table-…`, `kpi_history-…`, `kpi_quarantine-…`."""
    folder, query = Path(arguments[0]), "".join(arguments[1:2])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lakehouse-kpi-pictures-") as made:
        lake = Path(made) / "lake"
        source = source_tables(demo_rows(), plant_faults)
        write_gold(source, lake)
        write_reconciliation(lake)
        write_dimensions(source, lake)
        was_before(lake, "customer", "Cus001", [({"customer_name": "Amber Trading"}, dt.date(2026, 6, 1))])
        write_refused(source, lake)
        with serving(Site(lake, Path(made) / "models").app) as address, chromium() as browser:
            for width in WIDTHS:
                for theme in THEMES:
                    context = browser.new_context(
                        viewport={"width": width, "height": 900},
                        color_scheme=theme,  # type: ignore[arg-type]
                        bypass_csp=True,
                        locale="en-IN",
                        timezone_id="UTC",
                    )
                    context.add_cookies([{"name": "login", "value": "admin", "url": address}])
                    page = context.new_page()
                    page.goto(f"{address}?{query}")
                    page.wait_for_selector("#figures:not(.waiting)")
                    page.wait_for_selector("#pivot:not(.waiting) table")
                    page.screenshot(path=folder / f"kpi_page-{width}-{theme}.png", full_page=True)
                    page.goto(f"{address}?{_TABLE}")
                    page.wait_for_selector("#figures:not(.waiting)")
                    page.wait_for_selector("#pivot:not(.waiting) table")
                    # What stays at the top of the window would cover the table.
                    page.add_style_tag(content="header { position: static !important }")
                    page.locator("#pivot").screenshot(path=folder / f"kpi_table-{width}-{theme}.png")
                    page.goto(f"{address}?{_BESIDE}")
                    page.wait_for_selector("#figures:not(.waiting)")
                    for part, place in (("history", "#versions table"), ("quarantine", "#quarantine table")):
                        page.wait_for_selector(place)
                        page.locator(place.split()[0]).screenshot(path=folder / f"kpi_{part}-{width}-{theme}.png")
                    context.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
