"""The functions that `bin/lakehouse governance` makes for row filters and masks, as Spark runs them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from cli.governance.predicates import Exempt
from cli.governance.statements import Place, statements
from lake_model.contracts.table_access import RoleRule
from lake_model.contracts.table_governance import GovernedColumn, GovernedTable

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
TYPES = ("string", "bigint", "decimal(14,2)", "double", "date", "timestamp", "boolean")
ODD = "Côte d'Or\\n\n"
SECRET = GovernedTable(
    "gold", "t", "s",
    (GovernedColumn("zone", "string"), *(GovernedColumn(kind[:4], kind, "secret") for kind in TYPES)),
    (RoleRule("all", frozenset({"secret"})), RoleRule("north", rows=(("zone", ("North", ODD)),))),
    ("All", "north"),
)  # fmt: skip


# What each call shows to a user in the group `north`.
CALLS: dict[str, object] = {
    "rows_gold_t('North')": True,
    "rows_gold_t('South')": False,
    "rows_gold_t(NULL)": False,
    r"rows_gold_t('Côte d\'Or\\n\n')": True,
    "mask_gold_t_stri('Surge Stores')": "***",
    "mask_gold_t_stri('')": "***",
    "mask_gold_t_stri(NULL)": None,
    "mask_gold_t_bigi(12)": None,
    "mask_gold_t_deci(12.34)": None,
    "mask_gold_t_doub(12.34)": None,
    "mask_gold_t_date(DATE'2026-11-20')": None,
    "mask_gold_t_time(TIMESTAMP'2026-11-20 01:02:03')": None,
    "mask_gold_t_bool(TRUE)": None,
}


def test_the_functions_show_what_a_role_may_see(spark: SparkSession) -> None:
    member = "is_account_group_member(name STRING) RETURNS BOOLEAN RETURN name = 'north'"
    spark.sql(f"CREATE OR REPLACE TEMPORARY FUNCTION {member}")
    for one in statements([SECRET], Place("lake", Exempt(("jobs",)))):
        if one.do.startswith("CREATE"):
            spark.sql(re.sub(r"OR REPLACE FUNCTION `lake`\.`operations`\.", "OR REPLACE TEMPORARY FUNCTION ", one.do))

    (shown,) = spark.sql(f"SELECT {', '.join(CALLS)}").collect()

    assert dict(zip(CALLS, shown, strict=True)) == CALLS
