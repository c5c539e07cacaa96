"""What a value of a level was before, and who is told of it."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.kpi.conftest import Site
from tests.kpi.sample_silver import was_before, write_dimensions

if TYPE_CHECKING:
    import duckdb

EARLIER, DAY = dt.date(2025, 1, 1), dt.date(2026, 6, 1)


@pytest.fixture(scope="session")
def told_lake(shared_lake: Path, source: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake whose dimensions changed; no test changes it further."""
    lake = Path(shutil.copytree(shared_lake, tmp_path_factory.mktemp("told") / "lake"))
    write_dimensions(source, lake)
    older = {"customer_name": "Amber & Sons", "customer_type": "E-Commerce"}
    was_before(lake, "customer", "Cus001", [(older, EARLIER), ({"customer_name": "Amber Trading"}, DAY)])
    was_before(lake, "market", "Mark004", [({"zone": "South"}, DAY)])
    was_before(lake, "market", "Mark001", [({"zone": "North"}, DAY)])
    return lake


@pytest.fixture(scope="session")
def told_site(told_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The page over that lake."""
    return Site(told_lake, tmp_path_factory.mktemp("told_models"))


def versions(site: Site, level: str, value: str, login: str = "admin") -> Any:
    answer = site.client(login).get("/api/versions", params={"level": level, "value": value})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_customer_was_called_otherwise_until_a_day(told_site: Site) -> None:
    assert versions(told_site, "customer_name", "Amberline Stores") == {
        "level": "customer_name",
        "value": "Amberline Stores",
        "columns": [{"name": "customer_name", "title": "Customer"}, {"name": "customer_type", "title": "Channel"}],
        "members": [
            {
                "key": "Cus001",
                "versions": [
                    {"from": "2023-07-01", "to": "2024-12-31", "values": ["Amber & Sons", "E-Commerce"]},
                    {"from": "2025-01-01", "to": "2026-05-31", "values": ["Amber Trading", "Brick & Mortar"]},
                    {"from": "2026-06-01", "to": None, "values": ["Amberline Stores", "Brick & Mortar"]},
                ],
            }
        ],
        "changed": 1,
        "unchanged": 0,
    }


def test_a_wide_value_names_what_changed_and_counts_what_did_not(told_site: Site) -> None:
    found = versions(told_site, "zone", "North")
    assert [member["key"] for member in found["members"]] == ["Mark001", "Mark004"]
    assert found["members"][1]["versions"] == [
        {"from": "2023-07-01", "to": "2026-05-31", "values": ["Delhi", "South"]},
        {"from": "2026-06-01", "to": None, "values": ["Delhi", "North"]},
    ]
    assert (found["changed"], found["unchanged"]) == (2, 6)


def test_what_never_changed_says_since_when(told_site: Site) -> None:
    found = versions(told_site, "market_name", "Kochi")
    assert found["members"] == [
        {"key": "Mark010", "versions": [{"from": "2023-07-01", "to": None, "values": ["Kochi", "South"]}]}
    ]


def test_a_value_that_no_key_has_or_had_has_no_versions(told_site: Site) -> None:
    for value in ("Unknown", "' OR '1'='1"):
        found = versions(told_site, "zone", value)
        assert (found["members"], found["changed"], found["unchanged"]) == ([], 0, 0)


def test_a_change_of_a_hidden_column_is_not_told(told_site: Site) -> None:
    found = versions(told_site, "customer_type", "Brick & Mortar", "viewer")
    assert [column["name"] for column in found["columns"]] == ["customer_type"]
    (member,) = found["members"]
    assert member["versions"] == [
        {"from": "2023-07-01", "to": "2024-12-31", "values": ["E-Commerce"]},
        {"from": "2025-01-01", "to": None, "values": ["Brick & Mortar"]},
    ]
    assert "Amber" not in str(found)
    answer = told_site.client("viewer").get("/api/versions?level=customer_name&value=Amberline%20Stores")
    assert answer.status_code == 422
    assert "customer_name" not in answer.text


def test_a_regions_readers_are_told_of_their_regions_members_alone(told_site: Site) -> None:
    found = versions(told_site, "zone", "North", "north")
    assert [member["key"] for member in found["members"]] == ["Mark004"]
    assert versions(told_site, "market_name", "Kochi", "north")["members"] == []


def test_a_dimension_whose_key_is_confidential_tells_no_key(
    told_lake: Path, tmp_path: Path, contracts_folder: Path, edit_contract: Any
) -> None:
    def classify(document: dict[str, Any]) -> None:
        document["schema"][0]["properties"][0]["classification"] = "confidential"

    edit_contract("market", classify)
    site = Site(told_lake, tmp_path / "models", contracts_folder.parent)
    assert {one["key"] for one in versions(site, "zone", "North", "viewer")["members"]} == {None}
    assert {one["key"] for one in versions(site, "zone", "North", "steward")["members"]} == {"Mark001", "Mark004"}


def test_the_page_says_of_which_levels_there_is_a_history(told_site: Site, contracts_folder: Path) -> None:
    assert told_site.view()["versioned"] == [
        "division", "segment", "category", "product_name", "zone", "market_name", "customer_name", "customer_type",
    ]  # fmt: skip
    assert "customer_name" not in told_site.view(login="viewer")["versioned"]


def test_a_level_without_a_history_says_so(
    told_lake: Path, tmp_path: Path, contracts_folder: Path, edit_contract: Any
) -> None:
    def change(document: dict[str, Any]) -> None:
        properties = document["schema"][0]["customProperties"]
        document["schema"][0]["customProperties"] = [
            one | {"value": 1} if one["property"] == "scdType" else one
            for one in properties
            if one["property"] != "trackedColumns"
        ]

    edit_contract("market", change)
    site = Site(told_lake, tmp_path / "models", contracts_folder.parent)
    assert "zone" not in site.view()["versioned"]
    answer = site.client().get("/api/versions?level=zone&value=North")
    assert (answer.status_code, answer.json()["detail"]) == (422, "of zone no history is kept")


def test_before_the_dimension_is_in_silver_the_page_says_so(shared_site: Site) -> None:
    answer = shared_site.client().get("/api/versions?level=zone&value=North")
    assert (answer.status_code, answer.json()["detail"]) == (
        503, "silver has no market yet: run the DAG atliqsale_daily",
    )  # fmt: skip
