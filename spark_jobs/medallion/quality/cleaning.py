"""Applies a contract's cleaning expressions and converts each value to its lake type."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pyspark.errors import PySparkException
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from lake_model.contracts.silver_contract import SilverContract
from medallion.errors import ContractError
from medallion.lake import bronze
from medallion.lake.sql_text import identifier
from medallion.quality.conversion import converted
from medallion.quality.rules import violation

SLICE = "_slice"
RAW = "_raw"
UNCONVERTED = "_unconverted"


def clean(rows: DataFrame, contract: SilverContract) -> DataFrame:
    """The lake's columns of bronze rows.

    Gives ``_slice``, ``_raw`` (the row as it was landed), the contract's columns, and ``_unconverted`` (names of
    columns whose cleaned value does not fit the lake's type and is NULL for that).
    """
    source_names = [name for name in rows.columns if name != bronze.SLICE]
    values = rows.select(
        F.col(bronze.SLICE).alias(SLICE),
        F.struct(*[identifier(name) for name in source_names]).alias(RAW),
        *[F.expr(column.expression).alias(f"_value_{column.name}") for column in contract.columns],
    )
    given = dict(values.dtypes)
    selected: list[SparkColumn] = [F.col(SLICE), F.col(RAW)]
    failed: list[SparkColumn] = []
    for column in contract.columns:
        value = F.col(f"_value_{column.name}")
        if given[f"_value_{column.name}"] == column.lake_type:
            selected.append(value.alias(column.name))
            continue
        if column.name == contract.date_column:
            # Of a fact that is dated by a time, the day is asked for.
            fitting = value.try_cast(column.lake_type)
        else:
            fitting = converted(value, given[f"_value_{column.name}"], column.lake_type)
        selected.append(fitting.alias(column.name))
        failed.append(F.when(value.isNotNull() & fitting.isNull(), F.lit(column.name)))
    unconverted = F.array_compact(F.array(*failed)) if failed else F.array().cast("array<string>")
    return values.select(*selected, unconverted.alias(UNCONVERTED))


def check_expressions(spark: SparkSession, contract: SilverContract, source: T.StructType, source_uri: str) -> None:
    """Analyses every expression of a contract against an empty table of the source's columns; touches no data.

    Raises:
        ContractError: a source column is missing, or an expression is not valid; names each with its line.
    """
    known = {name.lower() for name in source.names}
    missing = [column for column in contract.columns if column.source and column.source.lower() not in known]
    faults = [
        f"{_at(contract, f'properties.{column.name}')}: '{column.source}': {source_uri} has no such column; "
        f"it has {', '.join(source.names)}: correct physicalName, or copy the table again if the source has it now"
        for column in missing
    ]
    empty = spark.createDataFrame([], source)
    cleaning = {
        f"properties.{column.name}.transformLogic": f"CAST(({column.expression}) AS {column.lake_type})"
        for column in contract.columns
        if column not in missing
    }
    faults += _faults(empty, cleaning, contract)
    if not faults:
        nulls = [f"CAST(NULL AS {column.lake_type}) AS {identifier(column.name)}" for column in contract.columns]
        judged = empty.selectExpr(f"CAST(NULL AS array<string>) AS {UNCONVERTED}", *nulls)
        rules = {
            f"quality.{rule.name}": f"CAST(({sql}) AS BOOLEAN)"
            for rule in (*contract.rules, *contract.counted)
            if (sql := violation(rule))
        }
        faults += _faults(judged, rules, contract)
    if faults:
        raise ContractError("\n".join(faults))


def _at(contract: SilverContract, place: str) -> str:
    """A place of the contract as people find it: by file and line."""
    line = contract.lines.get(place)
    return f"{contract.file}{f' line {line}' if line else ''}: {place}"


def _faults(empty: DataFrame, expressions: Mapping[str, str], contract: SilverContract) -> list[str]:
    """What is wrong with each expression; all are analysed at once, and one by one only where that fails."""
    if _error(empty, list(expressions.values())) is None:
        return []
    known = ", ".join(name for name in empty.columns if name != UNCONVERTED)
    return [
        f"{_at(contract, place)}: '{expression}': it is not a valid expression over {known}: {first_line(error)}"
        for place, expression in expressions.items()
        if (error := _error(empty, [expression]))
    ]


def _error(empty: DataFrame, expressions: list[str]) -> PySparkException | None:
    try:
        _ = empty.selectExpr(*expressions).schema
    except PySparkException as error:
        return error
    return None


def first_line(error: Exception) -> str:
    """The gist of a Spark error."""
    return re.split(r"; line \d+ pos", str(error).strip().splitlines()[0])[0]
