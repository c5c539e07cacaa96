"""The page's answers: who gets them, what they say, and what they refuse."""

from __future__ import annotations

import csv
import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kpi.guard import SECURITY_HEADERS
from kpi.shelf import BESIDE_SECONDS, CHECK_SECONDS

from tests.kpi.conftest import Site
from tests.kpi.sample_lake import LAST_DATE, write_gold, write_quarantine, write_reconciliation

if TYPE_CHECKING:
    import duckdb

EditContract = Callable[[str, Callable[[dict[str, Any]], None]], None]
PATHS = [
    "/",
    "/api/tables",
    "/api/view",
    "/api/download",
    "/static/page.js",
    "/static/page.css",
    "/static/",
    "/nothing",
    "/../x",
    "/docs",
]


@pytest.mark.parametrize("path", PATHS)
def test_every_path_asks_for_a_login(shared_site: Site, path: str) -> None:
    for login in (None, "stranger"):
        answer = shared_site.client(login).get(path)
        assert (answer.status_code, answer.json()) == (401, {"detail": "log in to Airflow to see this page"})
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_strict_policy(shared_site: Site, path: str) -> None:
    for login in (None, "admin"):
        headers = shared_site.client(login).get(path).headers
        assert {name: headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "unsafe" not in SECURITY_HEADERS["content-security-policy"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_the_page_is_only_read(shared_site: Site, method: str) -> None:
    assert shared_site.client().request(method, "/api/view").status_code == 405


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("table=atliqsale.nothing", "table must be one of atliqsale.sales_obt"),
        ("measure=profit", "measure must be one of revenue, quantity, sales, average_price"),
        ("range=yesterday", "range must be custom or one of last_month, month_to_date"),
        ("range=last_month&from=2026-01-01", "from and to belong to range=custom"),
        ("range=custom", "from must be a date such as 2026-11-20"),
        ("from=2026-01-01", "to must be a date such as 2026-11-20"),
        ("from=2026-02-30&to=2026-03-01", "from must be a date such as 2026-11-20"),
        ("from=2026-02-02&to=2026-02-01", "from must not be after to"),
        ("from=0001-01-01&to=9999-12-31", "from must be a date of the years 1900 to 2200"),
        ("grain=hour", "grain must be one of day, week, month, year"),
        ("f.revenue_inr=1", "f.… must be one of division, segment"),
        ("f.zone=" + "x" * 301, "f.zone must be a text of at most 300 letters"),
        ("f.zone=a%00b", "f.zone must be a text of at most 300 letters"),
        ("&".join(f"f.zone={number}" for number in range(201)), "f.zone may have 200 values at most"),
        ("bottom=colour", "bottom must name some of division, segment"),
        ("more=colour", "more must name some of division, segment"),
        ("measure=revenue&measure=sales", "measure may stand there once"),
        ("colour=red", "a parameter is not known; known are table, level"),
    ],
)
def test_nonsense_is_refused_with_what_may_stand_there(shared_site: Site, query: str, told: str) -> None:
    answer = shared_site.client().get(f"/api/view?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(told)


def test_a_refusal_never_repeats_what_was_asked(shared_site: Site) -> None:
    for query in ("measure=<script>", "table=<script>", "f.<script>=1", "<script>=1", "range=<script>"):
        assert "script" not in shared_site.client().get(f"/api/view?{query}").text


def test_a_days_grain_over_centuries_is_not_drawn_point_by_point(shared_site: Site) -> None:
    view = shared_site.view("from=1900-01-01&to=2200-12-31&grain=week")
    assert view["grain"] == "year"
    assert len(view["trend"]["points"]) == 301


def test_a_measure_of_a_confidential_column_is_for_the_same_roles(
    shared_lake: Path, tmp_path: Path, contracts_folder: Path, edit_contract: EditContract
) -> None:
    def classify(document: dict[str, Any]) -> None:
        columns = document["schema"][0]["properties"]
        next(one for one in columns if one["name"] == "revenue_inr")["classification"] = "restricted"

    edit_contract("sales_obt", classify)
    site = Site(shared_lake, tmp_path / "models", contracts_folder.parent)
    assert [card["name"] for card in site.view(login="viewer")["cards"]] == ["quantity", "sales"]
    assert site.view(login="admin")["cards"][0]["name"] == "revenue"
    assert site.client("viewer").get("/api/view?measure=average_price").status_code == 422


def test_the_page_says_how_fresh_and_how_reconciled_it_is(site: Site) -> None:
    write_reconciliation(site.lake, business_date=LAST_DATE - dt.timedelta(days=1), problem="an older run's trouble")
    told = site.view()["freshness"]
    assert told["last_date"] == "2026-06-30"
    assert told["reconciliation"] == {
        "business_date": "2026-06-30", "run_id": "manual-1", "holds": True,
        "ended_at": "2026-06-30T02:00:01+00:00", "problem": None,
    }  # fmt: skip


def test_a_difference_from_the_source_is_told(site: Site) -> None:
    day = LAST_DATE + dt.timedelta(days=1)
    write_reconciliation(site.lake, business_date=day, problem="transactions 2026-07-01: source 5 rows, gold 4")
    told = site.view()["freshness"]["reconciliation"]
    assert (told["holds"], told["problem"]) == (False, "transactions 2026-07-01: source 5 rows, gold 4")


def test_a_new_versions_reconciliation_is_looked_for_and_once_found_the_ledger_is_left_alone(site: Site) -> None:
    def after(seconds: float) -> Any:
        site.clock[0] += seconds
        site.view()
        site.settle()
        return site.view()["freshness"]["reconciliation"]["run_id"], site.view()["quarantine"]

    def reconciled(run: str) -> None:
        day = LAST_DATE + dt.timedelta(days=1)
        write_reconciliation(site.lake, business_date=day, run_id=run, ended_at=f"2099-01-01T00:00:0{run}+00:00")

    assert after(0) == ("manual-1", None)
    reconciled("1")
    write_quarantine(site.lake, [("2026-06-01", "open", ["odd"])])
    assert after(CHECK_SECONDS) == ("1", None)
    reconciled("2")
    assert after(CHECK_SECONDS) == ("1", None)
    run, waiting = after(BESIDE_SECONDS)
    assert (run, waiting["rows"]) == ("2", 1)


def test_without_a_ledger_the_figures_are_shown_all_the_same(site: Site) -> None:
    shutil.rmtree(site.lake / "ledger")
    assert site.view()["freshness"]["reconciliation"] is None


def test_rows_that_wait_in_quarantine_are_told_by_reason_for_the_period(site: Site) -> None:
    assert site.view()["quarantine"] is None
    write_quarantine(
        site.lake,
        [
            ("2026-06-01", "open", ["no amount", "no customer"]),
            ("2026-06-30", "open", ["no amount"]),
            ("2026-06-30", "corrected", ["no amount"]),
            ("2026-05-31", "open", ["no amount"]),
        ],
    )
    site.clock[0] += BESIDE_SECONDS
    site.view()
    site.settle()
    unknown = {"known": 0, "value": None}
    assert site.view("range=last_month")["quarantine"] == {
        "rows": 2, **unknown, "undecided": 0, "undated": 0,
        "reasons": [{"reason": "no amount", "rows": 2, **unknown}, {"reason": "no customer", "rows": 1, **unknown}],
    }  # fmt: skip
    assert site.view("range=last_year")["quarantine"] == {
        "rows": 0, **unknown, "undecided": 0, "undated": 0, "reasons": [],
    }  # fmt: skip


def test_a_leaderboard_is_downloaded_whole_under_its_filters(shared_site: Site) -> None:
    answer = shared_site.client().get("/api/download?level=category&f.zone=North&range=last_month")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="sales_obt-category-revenue.csv"'
    rows = list(csv.reader(answer.content.decode("utf-8-sig").splitlines()))
    assert rows[0] == [
        "Category", "Revenue 2026-06-01 to 2026-06-30", "Revenue 2026-05-01 to 2026-05-31", "Share",
    ]  # fmt: skip
    board = shared_site.view("f.zone=North&range=last_month&more=category")["leaderboards"][2]
    assert rows[1:] == [[line["name"], line["value"], line["previous"], line["share"]] for line in board["lines"]]
    assert shared_site.client().get("/api/download?level=colour").status_code == 422


def test_no_value_becomes_a_spreadsheets_formula(tmp_path: Path) -> None:
    import pyarrow as pa
    from deltalake import write_deltalake

    folder = tmp_path / "contracts" / "shop"
    folder.mkdir(parents=True)
    (folder / "visits.odcs.yaml").write_text(_OTHER_CONTRACT.replace("levels: [lane]", "levels: [visitor]"))
    names = ["=1+1", "@x", "-2", "+3", "plain"]
    rows = {"day": [dt.date(2026, 1, 1)] * 5, "visitor": names, "minutes": [1.0] * 5}
    write_deltalake(tmp_path / "lake" / "gold" / "visits", pa.table(rows))
    site = Site(tmp_path / "lake", tmp_path / "models", tmp_path / "contracts")
    text = site.client().get("/api/download?level=visitor&range=all").content.decode("utf-8-sig")
    assert sorted(row[0] for row in list(csv.reader(text.splitlines()))[1:]) == [
        "'+3", "'-2", "'=1+1", "'@x", "plain",
    ]  # fmt: skip


def test_before_the_first_run_the_page_says_so(site: Site, source: duckdb.DuckDBPyConnection) -> None:
    shutil.rmtree(site.lake / "gold")
    answer = site.client().get("/api/view")
    assert (answer.status_code, answer.json()) == (
        404, {"detail": "there is no gold table sales_obt yet: run the DAG atliqsale_daily once", "state": "empty"},
    )  # fmt: skip
    write_gold(source, site.lake, "false")
    site.clock[0] += CHECK_SECONDS
    answer = site.client().get("/api/view")
    assert (answer.status_code, answer.json()["detail"]) == (404, "gold table sales_obt has no rows yet")


def test_a_wrong_contract_is_told_to_who_looks(
    shared_lake: Path, tmp_path: Path, contracts_folder: Path, edit_contract: EditContract
) -> None:
    site = Site(shared_lake, tmp_path / "models", contracts_folder.parent)

    def spoil(document: dict[str, Any]) -> None:
        next(one for one in document["schema"][0]["customProperties"] if one["property"] == "kpis")["value"] = []

    edit_contract("sales_obt", spoil)
    answer = site.client().get("/api/tables")
    assert answer.status_code == 503
    assert "sales_obt.odcs.yaml" in answer.json()["detail"]


def test_another_schemas_table_has_its_page_by_its_contract_alone(tmp_path: Path) -> None:
    import pyarrow as pa
    from deltalake import write_deltalake

    folder = tmp_path / "contracts" / "shop"
    folder.mkdir(parents=True)
    (folder / "visits.odcs.yaml").write_text(_OTHER_CONTRACT)
    rows = pa.table(
        {
            "day": [dt.date(2026, 1, 1), dt.date(2026, 1, 2), dt.date(2026, 1, 2)],
            "lane": pa.array([1, 2, None], pa.int64()),
            "visitor": ["a", "b", "b"],
            "minutes": pa.array([1.5, 2.25, 0.5]),
        }
    )
    write_deltalake(tmp_path / "lake" / "gold" / "visits", rows)
    site = Site(tmp_path / "lake", tmp_path / "models", tmp_path / "contracts")
    view = site.view("range=all")
    assert view["table"] == "shop.visits"
    assert {card["name"]: card["value"] for card in view["cards"]} == {
        "visitors": "2",
        "longest": "2.25",
        "each": "2.1250",
    }
    assert [line["name"] for line in view["leaderboards"][0]["lines"]] == ["(none)", "1", "2"]


_OTHER_CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: shop-visits
version: 1.0.0
status: active
schema:
  - name: visits
    customProperties:
      - {property: tableKind, value: one_big_table}
      - {property: factTable, value: visit}
      - {property: partitionColumn, value: day}
      - property: kpis
        value:
          - {name: visitors, title: Visitors, expression: count(distinct visitor)}
          - {name: longest, title: Longest, expression: max(minutes), unit: min}
          - {name: each, title: Each, expression: sum(minutes) / count(distinct visitor)}
      - property: hierarchies
        value:
          - {name: place, title: Place, levels: [lane]}
    properties:
      - {name: day, logicalType: date}
      - {name: lane, logicalType: integer}
      - {name: visitor, logicalType: string}
      - {name: minutes, logicalType: number}
"""
