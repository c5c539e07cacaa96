"""What of gold has to be written again: the dates whose facts changed, and the rows whose dimension rows changed.

Rows are rewritten by the keys of a dimension where the table's layout lets a few rows of a file be replaced; in folders
by date, and where a key must not be named in the table's log, all dates that such rows lie in are.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lake_model.changed_rows import ChangedRows, KeyValues
from lake_model.contracts.silver_contract import Join, OneBigTableContract, SilverContract
from lake_model.table_state import TableVersion
from medallion.errors import SPARK_ERRORS
from medallion.gold import one_big_table
from medallion.gold.reflected import RECENT, Found, Reflected, Stored
from medallion.lake import delta_tables
from medallion.lake.delta_tables import Commit
from medallion.lake.small_frames import MAX_ROWS, Fetched, fetch_small, fetch_together
from medallion.lake.sql_text import identifier, text_literal
from medallion.lake.table_names import TableNames
from medallion.quality.cleaning import first_line
from medallion.quality.confidential import is_confidential

# A condition of more keys costs Spark more than it spares.
_MOST_KEYS = 1_000
_NAMED_IN_A_CONDITION = re.compile(r"string|date|tinyint|smallint|int|bigint|decimal\(.*")
# A version that VACUUM or the log's retention removed, a feed that was switched off, columns changed in between.
_CHANGES_ARE_GONE = re.compile(
    r"\[(?:DELTA_(?:MISSING_CHANGE_DATA|CHANGE_TABLE_FEED_DISABLED|CHANGE_DATA_FEED_INCOMPATIBLE_\w+|SCHEMA_CHANGED\w*"
    r"|FILE_NOT_FOUND|MISSING_FILES_UNEXPECTED_VERSION|LOG_FILE_NOT_FOUND|VERSION_NOT_FOUND|CANNOT_FIND_VERSION"
    r"|VERSIONS_NOT_CONTIGUOUS|NO_RECREATABLE_HISTORY_FOUND|TRUNCATED_TRANSACTION_LOG|UNSUPPORTED_TIME_TRAVEL_BEYOND_\w+)"
    r"|FAILED_READ_FILE[.\w]*)\]"
)


@dataclass(frozen=True)
class ChangedKeys:
    """Keys of one dimension whose rows changed.

    Attributes:
        in_fact: the fact's columns that hold a key.
        in_gold: the columns that show the same in gold.
        kinds: the types of those columns, in their order.
        values: of those columns, as text.
        stay_known: the dimension had a row for each of them before, and has one now.
    """

    dimension: str
    in_fact: tuple[str, ...]
    in_gold: tuple[str, ...]
    kinds: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    stay_known: bool = False


@dataclass(frozen=True)
class Plan:
    """What has to be rewritten: dates and rows by their keys, or everything (no ``dates``) for a reason."""

    dates: frozenset[dt.date] | None
    reason: str = ""
    keys: tuple[ChangedKeys, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing has to be written."""
        return self.dates is not None and not self.dates and not self.keys

    @property
    def rows(self) -> ChangedRows | None:
        """The same for the commit, so that who keeps a copy of the table reads no more than that; None: all rows."""
        if self.dates is None:
            return None
        return ChangedRows(self.dates, tuple(KeyValues(one.in_gold, frozenset(one.values)) for one in self.keys))

    def in_fact(self, date_column: str) -> str:
        """The condition for the fact's rows that gold's are made from."""
        return self._condition(date_column, [(one.in_fact, one) for one in self.keys])

    def in_gold(self, date_column: str) -> str:
        """The same condition for the rows of gold."""
        return self._condition(date_column, [(one.in_gold, one) for one in self.keys])

    def _condition(self, date_column: str, keys: Sequence[tuple[tuple[str, ...], ChangedKeys]]) -> str:
        parts = [delta_tables.dates_predicate(date_column, self.dates)] if self.dates else []
        for columns, changed in keys:
            names = [identifier(column) for column in columns]
            rows = [[_literal(*one) for one in zip(row, changed.kinds, strict=True)] for row in changed.values]
            if len(names) == 1:
                parts.append(f"{names[0]} IN ({', '.join(one for (one,) in rows)})")
            else:
                parts += [
                    f"({' AND '.join(f'{name} = {value}' for name, value in zip(names, row, strict=True))})"
                    for row in rows
                ]
        return " OR ".join(parts) or "FALSE"


def plan_refresh(
    spark: SparkSession, names: TableNames, contract: OneBigTableContract, silver: Mapping[str, SilverContract],
    stored: Stored, now: Reflected, types: Mapping[str, str], found: Mapping[str, Found],
    dimensions: Mapping[str, DataFrame],
) -> tuple[Plan, Mapping[str, DataFrame]]:  # fmt: skip
    """What has to be written so that gold reflects the silver versions of ``now``.

    Gives the dimensions too, local where their rows are few: several passes over the fact join them.

    Args:
        types: of gold's columns.
        found: the silver tables.
        dimensions: their latest rows now.
    """
    reason = _why_anew(spark, names, contract, stored, now, types)
    if reason:
        return _anew(spark, reason, dimensions)
    then = stored.reflects
    assert then is not None
    try:
        moved = {
            name for name, one in found.items()
            if _rows_changed(spark, names.silver(name), then.silver[name], now.silver[name], one.newest)
        }  # fmt: skip
        old: Mapping[str, DataFrame] = {
            join.dimension: one_big_table.latest_rows(then.read(spark, names, join.dimension), silver[join.dimension])
            for join in contract.joins
            if join.dimension in moved
        }
        local, before = _fetched(spark, dimensions, old)
        feed = _changed_facts(spark, names, contract, silver, then, now) if contract.fact in moved else []
        fact = now.read(spark, names, contract.fact)
        return _changed(spark, contract, silver, fact, feed, before, local), _frames(local)
    except SPARK_ERRORS as error:
        if not _CHANGES_ARE_GONE.search(str(error)):
            raise
        return _anew(spark, f"the changes cannot be read: {first_line(error)}", dimensions)


def _anew(
    spark: SparkSession, reason: str, dimensions: Mapping[str, DataFrame]
) -> tuple[Plan, Mapping[str, DataFrame]]:
    return Plan(None, reason), _frames(_fetched(spark, dimensions, {})[0])


def _why_anew(
    spark: SparkSession, names: TableNames, contract: OneBigTableContract, stored: Stored, now: Reflected,
    types: Mapping[str, str],
) -> str:  # fmt: skip
    """Why all of gold has to be written; empty where what changed since will do."""
    then = stored.reflects
    if stored.table is None:
        return "new"
    if then is None:
        return "no silver versions are stored"
    if then.contracts != now.contracts or then.silver.keys() != now.silver.keys():
        return "a contract changed"
    had = delta_tables.table_types(spark, names.gold(contract.name))
    if any(had.get(name, kind) != kind for name, kind in types.items()):
        return "an earlier version of the jobs gave columns other types"
    for name, version in now.silver.items():
        if version.id != then.silver[name].id or version.version < then.silver[name].version:
            return f"silver.{name} was made anew"
    return ""


def _fetched(
    spark: SparkSession, dimensions: Mapping[str, DataFrame], old: Mapping[str, DataFrame]
) -> tuple[Mapping[str, Fetched], Mapping[str, Fetched]]:
    """Both in one pass over the dimensions."""
    found = fetch_together(spark, [*dimensions.values(), *old.values()], (2 if old else 1) * MAX_ROWS)
    return dict(zip(dimensions, found, strict=False)), dict(zip(old, found[len(dimensions) :], strict=True))


def _frames(fetched: Mapping[str, Fetched]) -> Mapping[str, DataFrame]:
    return {name: one.frame for name, one in fetched.items()}


def _changed_facts(
    spark: SparkSession, names: TableNames, contract: OneBigTableContract, silver: Mapping[str, SilverContract],
    then: Reflected, now: Reflected,
) -> list[DataFrame]:  # fmt: skip
    feed = spark.read.option("readChangeFeed", "true")
    feed = feed.option("startingVersion", then.silver[contract.fact].version + 1)
    feed = feed.option("endingVersion", now.silver[contract.fact].version)
    day = identifier(silver[contract.fact].date_column)
    return [feed.table(names.silver(contract.fact)).select(F.col(day).alias("day"))]


def _changed(
    spark: SparkSession, contract: OneBigTableContract, silver: Mapping[str, SilverContract], fact: DataFrame,
    changed_facts: Sequence[DataFrame], old: Mapping[str, Fetched], new: Mapping[str, Fetched],
) -> Plan:  # fmt: skip
    """The dates of changed facts, and what shows a dimension's row that is not in ``old`` as it is in ``new``."""
    day = identifier(silver[contract.fact].date_column)
    parts, by_key = list(changed_facts), []
    for join in contract.joins:
        if join.dimension not in old:
            continue
        before, after = old[join.dimension], new[join.dimension]
        found = changed_keys(spark, before, after, contract, silver, join)
        if found is None:
            keys = _keys_of_changed_rows(before.frame, after.frame, join)
            on = [F.col(identifier(left)) == F.col(identifier(f"_key_{left}")) for left, _ in join.on]
            parts.append(fact.join(keys, on, "left_semi").select(F.col(day).alias("day")))
        elif found.values:
            by_key.append(found)
    return Plan(_distinct_days(parts), keys=tuple(by_key))


def _keys_of_changed_rows(before: DataFrame, after: DataFrame, join: Join) -> DataFrame:
    """The keys of rows that are in one of both alone, as ``_key_`` and the fact's column."""
    rows = before.exceptAll(after).unionByName(after.exceptAll(before))
    return rows.select(*[F.col(identifier(right)).alias(f"_key_{left}") for left, right in join.on]).distinct()


def _distinct_days(parts: Sequence[DataFrame]) -> frozenset[dt.date]:
    if not parts:
        return frozenset()
    union = parts[0]
    for part in parts[1:]:
        union = union.unionByName(part)
    return frozenset(row["day"] for row in union.distinct().collect())


def changed_keys(
    spark: SparkSession, before: Fetched, after: Fetched, contract: OneBigTableContract,
    silver: Mapping[str, SilverContract], join: Join,
) -> ChangedKeys | None:  # fmt: skip
    """The changed keys by which rows are found in gold; None where they are many, or not to be found or named."""
    in_fact, in_gold = tuple(left for left, _ in join.on), shown_in_gold(contract, silver, join)
    if not contract.clustered or in_gold is None:
        return None
    stay_known = False
    if before.table is not None and after.table is not None:
        # Compared as text: not every value can be found in a set, and a NaN would be found to differ from itself.
        then, now = ({repr(row): row for row in one.to_pylist()} for one in (before.table, after.table))
        changed = [row for text, row in (then | now).items() if (text in then) != (text in now)]
        values, old, new = (_keys(rows, join) for rows in (changed, then.values(), now.values()))
        stay_known = values <= old & new
    else:
        table = fetch_small(spark, _keys_of_changed_rows(before.frame, after.frame, join), _MOST_KEYS).table
        if table is None:
            return None
        values = {tuple(str(row[f"_key_{left}"]) for left in in_fact) for row in table.to_pylist()}
    if len(values) > _MOST_KEYS:
        return None
    types = {column.name: column.lake_type for column in silver[contract.fact].columns}
    return ChangedKeys(
        join.dimension,
        in_fact,
        in_gold,
        tuple(types[left] for left in in_fact),
        tuple(sorted(values)),
        stay_known,
    )


def _keys(rows: Iterable[Mapping[str, object]], join: Join) -> set[tuple[str, ...]]:
    return {tuple(str(row[right]) for _, right in join.on) for row in rows}


def shown_in_gold(
    contract: OneBigTableContract, silver: Mapping[str, SilverContract], join: Join
) -> tuple[str, ...] | None:
    """Gold's columns that show just what the fact's columns of a join hold; None where one is not there.

    Nor where one is confidential: the condition by which Delta replaces rows stands in the table's log.
    """
    fact = {column.name: column for column in silver[contract.fact].columns}
    keys = {column.name: column for column in silver[join.dimension].columns}
    found = []
    for left, right in join.on:
        kind = fact[left].lake_type
        hidden = is_confidential(fact[left]) or is_confidential(keys[right])
        if hidden or not _NAMED_IN_A_CONDITION.fullmatch(kind) or keys[right].lake_type != kind:
            return None
        wanted = {f"{contract.fact}.{left}", f"{contract.fact}.{identifier(left)}"}
        shown = [
            one.name for one in contract.columns if one.expression.strip() in wanted and one.lake_type in {None, kind}
        ]
        if not shown:
            return None
        found.append(shown[0])
    return tuple(found)


def _literal(value: str, kind: str) -> str:
    # Not `rules.literal`: a small decimal has an exponent as text, and Spark would read it as a double.
    text = text_literal(value)
    return text if kind == "string" else f"CAST({text} AS {kind})"


def _rows_changed(
    spark: SparkSession, table: str, then: TableVersion, now: TableVersion, newest: Sequence[Commit]
) -> bool:
    """Whether a table may have other rows; many commits to a dimension say only that a snapshot changed nothing."""
    between = now.version - then.version
    if not between:
        return False
    if len(newest) < between:
        # Silver may have gone on since its version was read: the newest commits need not be those in question.
        newest = delta_tables.history(spark, table, between + RECENT)
    asked = [one for one in newest if then.version < one.version <= now.version]
    return len(asked) < between or any(one.changes_rows for one in asked)
