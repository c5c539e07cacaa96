"""The views of a One Big Table's measures in the catalog, made again only where they would differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession

from lake_model.contracts.kpi_views import DATABRICKS, KpiView, kpi_views
from lake_model.contracts.silver_contract import OneBigTableContract
from medallion.lake.sql_text import identifier, text_literal
from medallion.lake.table_names import TableNames

_MISSING = "TABLE_OR_VIEW_NOT_FOUND"
_NO_VIEWS = "MISSING_CATALOG_ABILITY.VIEWS"


def refresh(spark: SparkSession, names: TableNames, contract: OneBigTableContract, *, mode: str) -> Mapping[str, Any]:
    """Makes the views that are not there or say other than the contract does.

    Where the table was made in full, all of them: the types of its columns, which a view keeps, may have changed.

    Returns:
        Names of those that were made; None for them where the catalog knows no views.
    """
    if not names.catalog or not contract.kpis:
        return {}
    table = names.gold(contract.name)
    made = []
    for view in kpi_views(contract.kpis):
        name, text = names.gold(view.name), view.select(table, DATABRICKS)
        if mode == "full" or _stored(spark, name) != (dict(view.columns), _words(text)):
            try:
                spark.sql(_statement(name, view, text))
            except AnalysisException as error:
                if error.getCondition() != _NO_VIEWS:
                    raise
                return {"views_made": None}
            made.append(view.name)
    return {"views_made": made}


def _stored(spark: SparkSession, name: str) -> tuple[dict[str, str], str] | None:
    """The comments of a view's columns, and its text; None where there is no such view."""
    try:
        rows = spark.sql(f"DESCRIBE TABLE EXTENDED {name}").collect()
    except AnalysisException as error:
        if error.getCondition() != _MISSING:
            raise
        return None
    end = next((place for place, row in enumerate(rows) if not row["col_name"] or row["col_name"].startswith("#")), 0)
    text = next((row["data_type"] for row in rows[end:] if row["col_name"] == "View Text"), "")
    return {row["col_name"]: row["comment"] for row in rows[:end]}, _words(text)


def _words(text: str) -> str:
    return " ".join(text.split())


def _statement(name: str, view: KpiView, text: str) -> str:
    columns = ", ".join(f"{identifier(column)} COMMENT {text_literal(comment)}" for column, comment in view.columns)
    return f"CREATE OR REPLACE VIEW {name} ({columns}) COMMENT {text_literal(view.comment)} AS {text}"
