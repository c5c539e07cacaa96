"""A One Big Table's expressions are tried before anything is read or written."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.spark_jobs.bronze_lake import CONTRACTS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark


def test_wrong_expressions_are_told_with_their_lines(spark: SparkSession, tmp_path: Path) -> None:
    from medallion.errors import ContractError
    from medallion.gold.one_big_table import latest_rows
    from medallion.gold.one_big_table_refresh import check_columns

    from lake_model.contracts.table_contracts import read_one_big_table_contract, read_silver_contract

    folder = Path(shutil.copytree(CONTRACTS, tmp_path / "atliqsale"))
    path = folder / "sales_obt.odcs.yaml"
    text = path.read_text()
    # Names and functions are right, so that only Spark finds that the types do not fit.
    wrong = "market.zone = array(1)"
    assert "market.zone" in text
    path.write_text(text.replace("market.zone", wrong))
    contract = read_one_big_table_contract(folder, "sales_obt")
    silver = {
        name: read_silver_contract(folder, name) for name in ("transactions", *[j.dimension for j in contract.joins])
    }
    empty = {
        name: spark.createDataFrame([], ", ".join(f"`{column.name}` {column.lake_type}" for column in one.columns))
        for name, one in silver.items()
    }
    versions = {name: frame.selectExpr("*", "DATE'2026-11-20' AS valid_from") for name, frame in empty.items()}
    dimensions = {
        join.dimension: latest_rows(versions[join.dimension], silver[join.dimension]) for join in contract.joins
    }

    with pytest.raises(ContractError) as caught:
        check_columns(empty["transactions"], dimensions, contract)

    line = next(number for number, one in enumerate(path.read_text().splitlines(), 1) if wrong in one)
    assert str(caught.value).startswith(
        f"sales_obt.odcs.yaml line {line}: properties.zone.transformLogic: '{wrong}': it is not a valid "
        "expression over the joined tables: "
    )
    assert len(str(caught.value).splitlines()) == 1
