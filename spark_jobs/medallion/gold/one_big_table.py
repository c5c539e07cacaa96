"""The One Big Table as pure transforms: every row of a fact, left joined to the latest row of each dimension."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lake_model.contracts.silver_contract import Join, OneBigTableContract, SilverContract, WideColumn
from medallion.errors import ContractError
from medallion.lake.business_keys import BUSINESS_KEY, business_key
from medallion.lake.sql_text import identifier, text_literal
from medallion.quality.conversion import converted, is_lossless, refusal
from medallion.quality.rules import literal

_PRESENT = "_present"
UNKNOWN = "_unknown"


def check_joins(contract: OneBigTableContract, silver: Mapping[str, SilverContract]) -> None:
    """Makes sure that no join can multiply or lose rows of the fact.

    Raises:
        ContractError: a join is not on a dimension's whole key, or names a column that its table has not.
    """
    fact, faults = silver[contract.fact], []
    for join in contract.joins:
        dimension = silver[join.dimension]
        at = f"{contract.file}: customProperties.joins.{join.dimension}.on"
        if not dimension.key or sorted(right for _, right in join.on) != sorted(dimension.key):
            faults.append(f"{at}: join on the whole primary key of {dimension.file}: {', '.join(dimension.key)}")
        faults += [
            f"{at}: '{left}': {fact.file} has no such column" for left, _ in join.on if left not in fact.column_names
        ]
    if faults:
        raise ContractError("\n".join(faults))


def latest_rows(dimension: DataFrame, contract: SilverContract) -> DataFrame:
    """One row per business key: its newest version (of a key deleted at the source its last), with ``_present``."""
    names = contract.column_names
    if contract.scd_type == 1:
        return dimension.select(*map(identifier, names), F.lit(True).alias(_PRESENT))
    newest = dimension.groupBy(business_key(contract.key).alias(BUSINESS_KEY)).agg(
        F.max_by(F.struct(*map(identifier, names)), "valid_from").alias("latest")
    )
    return newest.select("latest.*", F.lit(True).alias(_PRESENT))


def build(fact: DataFrame, dimensions: Mapping[str, DataFrame], contract: OneBigTableContract) -> DataFrame:
    """The wide rows; ``dimensions`` are latest rows by name."""
    joined = fact.alias(contract.fact)
    for join in contract.joins:
        joined = joined.join(dimensions[join.dimension].alias(join.dimension), _condition(contract, join), "left")
    # The rows that a dimension has are told apart once more where their columns have their types.
    members = sorted({str(column.dimension) for column in contract.columns if column.unknown_member is not None})
    wide = joined.select(
        *[F.expr(column.expression).alias(column.name) for column in contract.columns],
        *[F.col(f"{identifier(name)}.{_PRESENT}").alias(_flag(name)) for name in members],
    )
    given = dict(wide.dtypes)
    return wide.select(*[_in_gold(column, given[column.name], contract) for column in contract.columns])


def with_unknown(fact: DataFrame, dimensions: Mapping[str, DataFrame], contract: OneBigTableContract) -> DataFrame:
    """The fact's rows, each once, and ``_unknown``: structs that name the dimensions that have no row for it."""
    joined = fact.alias(contract.fact)
    for join in contract.joins:
        # Distinct, so that this count of rows stands whatever the dimension holds.
        keys = dimensions[join.dimension].select(*[identifier(right) for _, right in join.on], _PRESENT).distinct()
        joined = joined.join(keys.alias(join.dimension), _condition(contract, join), "left")
    names = [join.dimension for join in contract.joins]
    missing = [
        f"IF({identifier(name)}.{_PRESENT} IS NULL, named_struct('name', {text_literal(name)}), NULL)" for name in names
    ]
    told = f"array_compact(array({', '.join(missing)}))" if missing else "CAST(NULL AS array<struct<name:string>>)"
    return joined.select(f"{identifier(contract.fact)}.*", F.expr(told).alias(UNKNOWN))


def _in_gold(column: WideColumn, given: str, contract: OneBigTableContract) -> Column:
    """A column in its type, with its unknown member where the dimension has no row.

    Reading a value of which a part would be lost fails, as every row must be in gold.
    """
    value, kind = F.col(identifier(column.name)), column.lake_type or given
    if kind != given:
        if not is_lossless(given, kind):
            place = f"properties.{column.name}"
            at = f"{contract.file} line {contract.lines[place]}" if place in contract.lines else contract.file
            told = (
                f"{at}: {place}.sparkType: '{kind}': a value ({given}) does not fit without losing part of it: cut it "
                "off on purpose in transformLogic, such as round(…, 2), or give a wider type"
            )
            fitting = converted(value, given, kind)
            value = F.when(value.isNotNull() & fitting.isNull(), refusal(told)).otherwise(fitting)
        value = value.cast(kind)
    if column.unknown_member is not None:
        missing = F.col(identifier(_flag(str(column.dimension)))).isNull()
        value = F.when(missing, _member(column.unknown_member, kind)).otherwise(value)
    return value.alias(column.name)


def _member(text: str, kind: str) -> Column:
    # Of the column's own type: beside a text Spark would make doubles of the column's decimals.
    if kind == "date" or kind.startswith("timestamp"):
        return F.expr(literal(text, kind))
    return F.lit(text) if kind in {"string", "void"} else F.lit(text).cast(kind)


def _flag(dimension: str) -> str:
    return f"{_PRESENT}_{dimension}"


def _condition(contract: OneBigTableContract, join: Join) -> Column:
    pairs = [
        F.col(f"{identifier(contract.fact)}.{identifier(left)}")
        == F.col(f"{identifier(join.dimension)}.{identifier(right)}")
        for left, right in join.on
    ]
    condition = pairs[0]
    for pair in pairs[1:]:
        condition &= pair
    return condition
