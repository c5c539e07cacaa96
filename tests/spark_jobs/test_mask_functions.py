"""The functions of infra/databricks/functions.sql, which masks and row filters call, as Spark runs them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark
REPOSITORY = Path(__file__).parents[2]
SQL = (REPOSITORY / "infra" / "databricks" / "functions.sql").read_text()
GOVERNANCE = (REPOSITORY / "infra" / "terraform" / "modules" / "governance" / "main.tf").read_text()


@pytest.fixture(scope="module")
def functions(spark: SparkSession) -> SparkSession:
    """A session that has them, for itself alone."""
    text = re.sub(r"^--.*$", "", SQL, flags=re.MULTILINE)
    for statement in filter(str.strip, re.split(r";$", text, flags=re.MULTILINE)):
        spark.sql(statement.replace("OR REPLACE FUNCTION", "OR REPLACE TEMPORARY FUNCTION"))
    return spark


def test_there_is_a_function_for_each_kind_of_mask_and_for_the_filter() -> None:
    (kinds,) = re.findall(r"mask_of_type = \{ (.*) \}", GOVERNANCE)
    masks = {f"mask_{kind}" for kind in re.findall(r'"(\w+)"', kinds)}
    assert {*re.findall(r"FUNCTION (\w+)\(", SQL)} == {*masks, "is_listed"}
    assert 'function_name = "${var.functions_schema}.is_listed"' in GOVERNANCE


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        ("mask_text('Surge Stores')", "***"),
        ("mask_text('')", "***"),
        ("mask_text(NULL)", None),
        ("mask_number(12.34)", None),
        ("mask_date(DATE'2026-11-20')", None),
        ("mask_time(TIMESTAMP'2026-11-20 01:02:03')", None),
        ("mask_flag(TRUE)", None),
        ("""is_listed('North', '["North","South"]')""", True),
        ("""is_listed('West', '["North","South"]')""", False),
        ("""is_listed('North, East', '["North, East"]')""", True),
        ("""is_listed(NULL, '["North"]')""", False),
        ("is_listed('North', '[]')", False),
        ("is_listed('North', 'no list')", False),
    ],
)
def test_a_function_shows(call: str, shown: object, functions: SparkSession) -> None:
    assert functions.sql(f"SELECT {call}").collect()[0][0] == shown
