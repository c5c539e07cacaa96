"""The text of the views of the measures; what they hold is tried where an engine runs them."""

from __future__ import annotations

from lake_model.contracts.kpi_contract import Aggregate, Hierarchy, KpiContract, Level, Measure
from lake_model.contracts.kpi_views import DATABRICKS, DUCKDB, kpi_views

CONTRACT = KpiContract(
    schema="shop",
    table="wide",
    title="Sales",
    date_column="sold on",
    measures=(
        Measure("takings", "Takings", Aggregate("sum", "a`b"), None, "money", "EUR"),
        Measure("price", "Price", Aggregate("sum", "a`b"), Aggregate("count")),
        Measure("buyers", "Buyers", Aggregate("count_distinct", "buyer")),
    ),
    hierarchies=(Hierarchy("shop", "Shop", (Level("zone", "Zone"), Level("town", "Town"))),),
)


def test_there_is_a_view_of_all_rows_and_one_for_each_hierarchy() -> None:
    whole, shops = kpi_views(CONTRACT)
    assert (whole.name, shops.name) == ("wide_kpis", "wide_kpis_by_shop")
    assert [name for name, _ in whole.columns] == ["period", "period_start", "takings", "price", "buyers"]
    assert dict(shops.columns)["grouped_by"] == "which of the next columns are filled: all, zone, town, zone/town"
    assert dict(shops.columns)["takings"] == "Takings, EUR"
    assert whole.comment == "Sales: the measures of its contract. Choose one period."
    assert shops.comment == "Sales by shop: the measures of its contract. Choose one period and one grouped_by."


def test_a_part_is_an_aggregation_of_rows_in_the_words_of_the_engine() -> None:
    whole, shops = kpi_views(CONTRACT)
    assert whole.select("c.gold.wide", DATABRICKS).split("\nUNION ALL\n")[2] == (
        "SELECT 'month' AS `period`, CAST(date_trunc('month', `sold on`) AS DATE) AS `period_start`, "
        "sum(`a``b`) AS `takings`, CAST(round(sum(`a``b`) / nullif(count(*), 0), 4) AS DECIMAL(38, 4)) AS `price`, "
        "count(DISTINCT `buyer`) AS `buyers` FROM c.gold.wide GROUP BY CAST(date_trunc('month', `sold on`) AS DATE)"
    )
    parts = shops.select("wide", DUCKDB).split("\nUNION ALL\n")
    assert len(parts) == 5 * 4
    assert parts[-2].startswith(
        'SELECT \'all\' AS "period", CAST(NULL AS DATE) AS "period_start", \'town\' AS "grouped_by", '
        'CAST(NULL AS VARCHAR) AS "zone", coalesce(CAST("town" AS VARCHAR), \'(none)\') AS "town", '
    )
    assert parts[-2].endswith(" FROM wide GROUP BY coalesce(CAST(\"town\" AS VARCHAR), '(none)')")
    assert parts[-4].endswith(" FROM wide")
