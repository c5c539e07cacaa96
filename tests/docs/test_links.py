"""Every link of a page to a file, or to a heading, leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import PROJECT

PAGES = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors_of(page: Path) -> set[str]:
    """The headings of a page, as GitHub names them in a link."""
    found: dict[str, int] = {}
    for heading in re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text()), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
        name = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        found[f"{name}-{found[name]}" if name in found else name] = 1
    return set(found)


def broken_links(page: Path) -> list[str]:
    """The links of a page that lead nowhere; those to other sites are not tried."""
    broken = []
    for link in _LINK.findall(_FENCE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_each_link_leads_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_a_link_to_nothing_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A week's plan\n[a](#a-weeks-plan) [b](other.md) [c](#no) [d](https://example.com)\n")
    assert broken_links(page) == ["other.md", "#no"]


def test_the_page_of_the_factory_has_a_row_for_each_of_its_parts() -> None:
    page = (PROJECT / "docs" / "guides" / "from_adf.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    for part in (
        "Lookup", "ForEach", "Copy activity", "fault tolerance", "consistency verification", "watermark",
        "self-hosted integration runtime", "linked services", "datasets", "pipeline `", "trigger", "backfill",
        "monitoring",
        "containers bronze", "resource group", "Key Vault", "metastore", "fine-grained access", "lineage",
        "bronze → silver", "silver → gold", "insert records", "KPI dashboard", "quality checks",
    ):  # fmt: skip
        assert any(part in row.split("|")[1] for row in rows), part
