"""Who sees what on the page: readers of several roles, in every answer that it gives."""

from __future__ import annotations

import csv
import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kpi.readers import Reader, RoleNames
from kpi.shelf import CHECK_SECONDS

from lake_model.contracts.table_access import WHOLE
from tests.kpi.conftest import Site
from tests.kpi.sample_lake import LAST_DATE, write_quarantine, write_reconciliation

if TYPE_CHECKING:
    import duckdb

EditContract = Callable[[str, Callable[[dict[str, Any]], None]], None]

ANSWERS = [
    "/api/tables", "/api/view?range=all", "/api/view?measure=profit", "/api/view?f.nothing=1", "/api/view?more=nothing",
    "/api/download?level=nothing", "/api/download?level=zone&range=all",
]  # fmt: skip


@pytest.mark.parametrize("path", ANSWERS)
@pytest.mark.parametrize("login", ["viewer", "north", "both"])
def test_without_a_role_for_it_no_answer_tells_a_confidential_column_or_its_values(
    shared_site: Site, source: duckdb.DuckDBPyConnection, path: str, login: str
) -> None:
    text = shared_site.client(login).get(path).text
    with source.cursor() as cursor:
        names = [name for (name,) in cursor.execute("SELECT DISTINCT customer_name FROM gold").fetchall()]
    assert [word for word in ("customer_name", "Customer", *names) if word in text and word != "Unknown"] == []
    for query in ("f.customer_name=Amberline Stores", "more=customer_name"):
        assert shared_site.client(login).get(f"/api/view?{query}").status_code == 422
    assert shared_site.client(login).get("/api/download?level=customer_name").status_code == 422


def test_a_role_that_names_the_classification_sees_the_column(shared_site: Site) -> None:
    for login in ("steward", "admin"):
        boards = [board["level"] for board in shared_site.view("range=all", login)["leaderboards"]]
        assert "customer_name" in boards
        assert shared_site.client(login).get("/api/download?level=customer_name").status_code == 200


@pytest.mark.parametrize(("login", "zones"), [("north", "'North'"), ("both", "'North', 'South'")])
def test_a_regions_readers_see_their_region_in_every_figure(
    shared_site: Site, source: duckdb.DuckDBPyConnection, login: str, zones: str
) -> None:
    view = shared_site.view("range=all&more=market_name,zone", login)
    with source.cursor() as cursor:
        ask = f"SELECT {{}} FROM gold WHERE zone IN ({zones}) {{}}"
        (total,) = cursor.execute(ask.format("sum(revenue_inr), count(*)", "")).fetchall()
        markets = cursor.execute(ask.format("market_name, sum(revenue_inr)", "GROUP BY 1 ORDER BY 2 DESC")).fetchall()
        years = cursor.execute(ask.format("year(order_date), sum(revenue_inr)", "GROUP BY 1 ORDER BY 1")).fetchall()
    cards = {card["name"]: card["value"] for card in view["cards"]}
    assert (cards["revenue"], cards["sales"]) == (str(total[0]), str(total[1]))
    boards = {board["level"]: board["lines"] for board in view["leaderboards"]}
    assert [(line["name"], line["value"]) for line in boards["market_name"]] == [
        (name, str(value)) for name, value in markets
    ]
    by_year = shared_site.view("range=all&grain=year", login)["trend"]
    assert by_year["current"]["revenue"] == [str(value) for _, value in years]
    assert [one["share"] for one in view["unknown"] if one["level"] == "zone"] == ["0.0000"]
    text = shared_site.client(login).get("/api/download?level=market_name&range=all").content.decode("utf-8-sig")
    assert [row[0] for row in csv.reader(text.splitlines())][1:] == [name for name, _ in markets]
    # A filter opens no other region: it only narrows.
    assert shared_site.view("range=all&f.zone=Central", login)["cards"][0]["value"] is None


def test_rows_are_told_apart_by_a_column_that_the_page_does_not_show(
    shared_lake: Path,
    tmp_path: Path,
    contracts_folder: Path,
    edit_contract: EditContract,
    source: duckdb.DuckDBPyConnection,
) -> None:
    def add(document: dict[str, Any]) -> None:
        rows = {"product_code": ["Prod001", "Prod002", "no such product"], "zone": ["South", "Central"]}
        properties = [{"property": "rows", "value": rows}]
        document["roles"].append({"role": "op", "access": "read", "customProperties": properties})

    edit_contract("sales_obt", add)
    site = Site(shared_lake, tmp_path / "models", contracts_folder.parent)
    where = "product_code IN ('Prod001', 'Prod002') AND zone IN ('South', 'Central')"
    with source.cursor() as cursor:
        (expected,) = cursor.execute(f"SELECT count(*) FROM gold WHERE {where}").fetchall()
    assert expected[0] > 0
    assert {card["name"]: card["value"] for card in site.view("range=all", "nobody")["cards"]}["sales"] == str(
        expected[0]
    )


@pytest.mark.parametrize("path", ["/api/tables", "/api/view", "/api/download?level=zone"])
def test_who_has_no_role_of_a_table_learns_nothing_of_it(shared_site: Site, path: str) -> None:
    answer = shared_site.client("nobody").get(path)
    assert answer.status_code == 403
    assert answer.json()["state"] == "forbidden"
    assert answer.json()["detail"].startswith("no table here is for one of your Airflow roles")
    assert "sales_obt" not in answer.text


def test_a_table_of_another_role_is_as_one_that_is_not_there(
    shared_lake: Path, tmp_path: Path, contracts_folder: Path, edit_contract: EditContract
) -> None:
    shutil.copy(contracts_folder / "sales_obt.odcs.yaml", contracts_folder / "secret_obt.odcs.yaml")

    def rename(document: dict[str, Any]) -> None:
        document["schema"][0]["name"] = "secret_obt"
        document["roles"] = [{"role": "board", "access": "read"}]

    edit_contract("secret_obt", rename)
    site = Site(shared_lake, tmp_path / "models", contracts_folder.parent)
    assert [table["name"] for table in site.client("viewer").get("/api/tables").json()] == ["atliqsale.sales_obt"]
    answers = [site.client("viewer").get(f"/api/view?table=atliqsale.{name}") for name in ("secret_obt", "nothing")]
    assert answers[0].json() == answers[1].json() == {
        "detail": "table must be one of atliqsale.sales_obt", "state": "nonsense",
    }  # fmt: skip


def test_what_stands_beside_the_figures_is_cut_too(
    site: Site, contracts_folder: Path, edit_contract: EditContract
) -> None:
    def classify(document: dict[str, Any]) -> None:
        columns = document["schema"][0]["properties"]
        next(one for one in columns if one["name"] == "sales_amount")["classification"] = "confidential"

    edit_contract("transactions", classify)
    site = Site(site.lake, site.models, contracts_folder.parent)
    write_quarantine(site.lake, [("2026-06-01", "open", ["sales_amount is not above 0"])])
    problem = "revenue_inr: source 500, gold 400"
    write_reconciliation(site.lake, business_date=LAST_DATE + dt.timedelta(days=1), problem=problem)
    told = {login: site.view(login=login) for login in ("steward", "viewer", "north")}
    reasons = {
        login: [(one["reason"], one["rows"]) for one in view["quarantine"]["reasons"]] for login, view in told.items()
    }
    assert reasons["steward"] == [("sales_amount is not above 0", 1)]
    assert reasons["viewer"] == [("something of a column that your role does not see", 1)]
    # Whose region a row without its market is of, nobody knows.
    assert (reasons["north"], told["north"]["quarantine"]["rows"]) == ([], 0)
    for login in ("steward", "viewer", "north"):
        assert told[login]["freshness"]["reconciliation"]["problem"] == "the figures differ"
    assert site.view()["freshness"]["reconciliation"]["problem"] == problem


def test_what_is_wrong_with_the_platform_is_told_to_who_sees_everything_alone(
    shared_lake: Path, tmp_path: Path, contracts_folder: Path, edit_contract: EditContract
) -> None:
    def rename(document: dict[str, Any]) -> None:
        next(one for one in document["schema"][0]["properties"] if one["name"] == "customer_name")["name"] = "buyer"
        hierarchies = next(one for one in document["schema"][0]["customProperties"] if one["property"] == "hierarchies")
        hierarchies["value"][1]["levels"] = ["zone", "buyer"]

    edit_contract("sales_obt", rename)
    site = Site(shared_lake, tmp_path / "models", contracts_folder.parent)
    admin, viewer = (site.client(login).get("/api/view") for login in ("admin", "viewer"))
    assert (admin.status_code, viewer.status_code) == (503, 503)
    assert "has no column buyer" in admin.json()["detail"]
    assert viewer.json()["detail"] == "this cannot be shown now: the API server's log has the reason"
    site.clock[0] += CHECK_SECONDS
    edit_contract("sales_obt", lambda document: document["roles"].append({"role": "x", "access": "buy"}))
    assert "roles[x].access" in site.client("admin").get("/api/view").json()["detail"]
    assert "roles" not in site.client("viewer").get("/api/view").text


def test_airflows_roles_are_those_of_the_contracts_by_setting_or_by_their_own_names() -> None:
    from types import SimpleNamespace

    from kpi.readers import reader_of

    class Fab:
        roles = (SimpleNamespace(name="Sales_North"), SimpleNamespace(name="Public"))

        def get_name(self) -> str:
            return "nora"

    names = RoleNames(["Admin"], {"Viewer": ["Sales_Analysts", "sales_south"]})
    contract: Any = SimpleNamespace(roles=())
    assert reader_of(Fab()) == Reader("nora", frozenset({"sales_north", "public"}))
    assert names.access(contract, Reader("anna", frozenset({"admin"}))) == WHOLE
    from lake_model.contracts.table_access import RoleRule

    contract.roles = (RoleRule("viewer"), RoleRule("sales_south", frozenset(), (("zone", ("South",)),)))
    found = names.access(contract, Reader("vik", frozenset({"viewer"})))
    # What the setting says of a role is all that it is.
    assert found
    assert found.rules == frozenset({(("zone", ("South",)),)})
    assert names.access(contract, Reader("nora", frozenset({"public"}))) is None
