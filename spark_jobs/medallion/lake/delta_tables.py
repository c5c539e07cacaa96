"""Delta tables by SQL and DataFrame writer only, so that all of it runs over Spark Connect too."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, DataFrameWriter, SparkSession

from medallion.errors import SPARK_ERRORS, ConcurrentWriteError, is_conflict
from medallion.lake.sql_text import identifier
from medallion.lake.storage import remove_empty_file

_DELETION_VECTORS = "delta.enableDeletionVectors"
# Written out, because Databricks switches some of them on by itself: readers outside Spark know none of them.
_PROPERTIES = {
    _DELETION_VECTORS: "false",
    "delta.enableRowTracking": "false",
    "delta.columnMapping.mode": "none",
    "delta.checkpointPolicy": "classic",
}
_HALF_MADE = "[DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION]"
_FIRST_COMMIT = "_delta_log/00000000000000000000.json"
_BY_FOLDER = re.compile(r"delta\.`(.+)`")
_CREATE_TRIES = 20
_FIRST_RUNTIME_OF_REPLACE_ON = (18, 2)
_UPKEEP = {"OPTIMIZE", "VACUUM START", "VACUUM END", "SET TBLPROPERTIES", "CLUSTER BY"}
_NO_OPTIONS: Mapping[str, str] = {}
_MISSING = {
    "DELTA_MISSING_DELTA_TABLE",
    "DELTA_TABLE_NOT_FOUND",
    "DELTA_PATH_DOES_NOT_EXIST",
    "PATH_NOT_FOUND",
    "TABLE_OR_VIEW_NOT_FOUND",
}


@dataclass(frozen=True)
class Commit:
    """One version of a table, with what its writer stored beside it.

    Attributes:
        rows_written: rows of its new files, without those that were copied because they stood beside others.
        bytes_written: size of its new files.
        changes_rows: FALSE for a commit that is known to have left all rows as they were.
    """

    version: int
    user_metadata: str | None
    rows_written: int
    bytes_written: int
    changes_rows: bool


def exists(spark: SparkSession, table: str) -> bool:
    """Whether the table was created."""
    try:
        return spark.catalog.tableExists(table)
    except AnalysisException as error:
        # A table named by its folder is asked for in the folder's log, and a missing log is an error there.
        if (error.getCondition() or "") in _MISSING:
            return False
        raise


def create(
    spark: SparkSession,
    table: str,
    columns: Sequence[tuple[str, str]],
    *,
    partitioned_by: str | None = None,
    change_feed: bool = False,
    deletion_vectors: bool = False,
    statistics_of: Sequence[str] = (),
) -> dict[str, str]:
    """Creates an empty table of (name, type) columns, unless it is there; gives the columns that it has.

    With deletion vectors a replaced row is marked in a small file beside its own, whose other rows are not written
    again. Not every reader outside Spark knows them.

    Raises:
        ConcurrentWriteError: the table is there, and cannot be read.
    """
    fields = ", ".join(f"{identifier(name)} {lake_type}" for name, lake_type in columns)
    properties = _PROPERTIES | ({"delta.enableChangeDataFeed": "true"} if change_feed else {})
    properties |= {_DELETION_VECTORS: "true"} if deletion_vectors else {}
    properties |= {"delta.dataSkippingStatsColumns": ",".join(statistics_of)} if statistics_of else {}
    listed = ", ".join(f"'{name}' = '{value}'" for name, value in properties.items())
    layout = f"PARTITIONED BY ({identifier(partitioned_by)})" if partitioned_by else ""
    statement = f"CREATE TABLE IF NOT EXISTS {table} ({fields}) USING delta {layout} TBLPROPERTIES ({listed})"

    def commit_first() -> None:
        # Not from an empty list, which a classic session sends through Python worker processes.
        none = spark.range(0).selectExpr(*[f"CAST(NULL AS {kind}) AS {identifier(name)}" for name, kind in columns])
        rows = none.write.format("delta").mode("append").options(**properties)
        _commit_first(rows.partitionBy(partitioned_by) if partitioned_by else rows, table)

    made = _make(spark, table, statement, commit_first)
    if made is not None:
        return made
    try:
        return table_types(spark, table)
    except SPARK_ERRORS as error:
        raise ConcurrentWriteError(
            f"{table}: is there, and cannot be read, as while another run makes it; run this one again when the other "
            f"is done, and if it stays so, see that the table's folder is whole: {error}"
        ) from error


def use_deletion_vectors(spark: SparkSession, table: str) -> None:
    """Has a table mark the rows that are replaced from now on, as ``create`` says, unless it does."""
    (row,) = spark.sql(f"SHOW TBLPROPERTIES {table} ('{_DELETION_VECTORS}')").collect()
    if row["value"] != "true":
        spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ('{_DELETION_VECTORS}' = 'true')")


def _make(spark: SparkSession, table: str, statement: str, commit_first: Callable[[], None]) -> dict[str, str] | None:
    for tries_left in reversed(range(_CREATE_TRIES)):
        # Asking is a fifth of the cost of a CREATE that finds the table.
        try:
            if (found := types_if_there(spark, table)) is not None:
                return found
        except SPARK_ERRORS:
            # A machine that lost its power, or a full disk, may leave the first commit's name and none of its bytes.
            if (folder := _BY_FOLDER.fullmatch(table)) is None or not remove_empty_file(
                spark, folder[1], _FIRST_COMMIT
            ):
                raise
        try:
            spark.sql(statement)
            if (found := types_if_there(spark, table)) is not None:
                return found
        except SPARK_ERRORS as error:
            # Another run is making it at the same moment: it has won, or its folder is there and its log is not yet.
            if not tries_left or not (is_conflict(error) or _HALF_MADE in str(error)):
                raise
            if is_conflict(error):
                continue
        # Whoever is making it just now has made it by the second look.
        if tries_left < _CREATE_TRIES - 1:
            commit_first()
    return None


def _commit_first(rows: DataFrameWriter, table: str) -> None:
    """Makes a table in a folder that a run left behind when it ended before its first commit.

    CREATE refuses such a folder, or takes it for the table and does nothing. A run that is making the table just now is
    refused its first commit in turn, and finds this one.
    """
    folder = _BY_FOLDER.fullmatch(table)
    if folder is None:
        return
    try:
        rows.save(folder[1])
    except SPARK_ERRORS as error:
        if not is_conflict(error):
            raise


def types_if_there(spark: SparkSession, table: str) -> dict[str, str] | None:
    """The columns of a table and their types; None where there is none that can be read, as while a run makes it."""
    try:
        return table_types(spark, table)
    except SPARK_ERRORS as error:
        if not any(f"[{name}]" in str(error) for name in _MISSING):
            raise
        return None


def table_types(spark: SparkSession, table: str) -> dict[str, str]:
    """The columns of a table and their types."""
    return dict(spark.table(table).dtypes)


def create_whole(
    spark: SparkSession, table: str, columns: Sequence[tuple[str, str]], statistics_of: Sequence[str] = ()
) -> None:
    """``create``; a table that an earlier version made gets those of the columns that it does not have, as NULL."""
    stored = create(spark, table, columns, statistics_of=statistics_of)
    missing = [f"{identifier(name)} {lake_type}" for name, lake_type in columns if name not in stored]
    if missing:
        spark.sql(f"ALTER TABLE {table} ADD COLUMNS ({', '.join(missing)})")


def overwrite(
    frame: DataFrame,
    table: str,
    *,
    partitioned_by: str | None = None,
    options: Mapping[str, str] = _NO_OPTIONS,
) -> None:
    """Replaces all rows, and the columns and folders if they differ, in one commit.

    With it the clustering of a table goes, which upkeep gives it again.
    """
    writer = frame.write.format("delta").mode("overwrite").option("overwriteSchema", "true").options(**options)
    if partitioned_by:
        writer = writer.partitionBy(partitioned_by)
    if folder := _BY_FOLDER.fullmatch(table):
        # By `saveAsTable` Delta refuses to put a table in folders that was clustered before.
        writer.save(folder[1])
    else:
        writer.saveAsTable(table)


def append(frame: DataFrame, table: str, *, options: Mapping[str, str] = _NO_OPTIONS) -> None:
    """Adds rows in one commit."""
    frame.write.format("delta").mode("append").options(**options).saveAsTable(table)


def replace_where(frame: DataFrame, table: str, predicate: str, *, options: Mapping[str, str] = _NO_OPTIONS) -> None:
    """Replaces the rows that satisfy a predicate, in one commit; Delta refuses new rows that do not."""
    writer = frame.write.format("delta").mode("overwrite").option("replaceWhere", predicate).options(**options)
    writer.saveAsTable(table)


def replace_on(frame: DataFrame, table: str, condition: str, *, options: Mapping[str, str] = _NO_OPTIONS) -> None:
    """Replaces the rows that match a new one by a condition over ``_stored`` and ``_new``, in one commit.

    To be asked only where ``knows_replace_on``.
    """
    writer = frame.alias("_new").write.format("delta").mode("overwrite").options(**options)
    writer.option("targetAlias", "_stored").option("replaceOn", condition).saveAsTable(table)


def knows_replace_on(databricks_runtime: str | None) -> bool:
    """Whether the writer takes ``replaceOn``; a runtime that does not know the option would overwrite the table.

    Delta 4.4 knows it, and Databricks from 18.2 on, says its documentation of selective overwrites. What carries no
    number of a runtime, as serverless compute, is newer.
    """
    numbers = re.match(r"(\d+)\.(\d+)", databricks_runtime or "")
    return numbers is None or (int(numbers[1]), int(numbers[2])) >= _FIRST_RUNTIME_OF_REPLACE_ON


def at_version(spark: SparkSession, table: str, version: int) -> DataFrame:
    """A table as one of its commits left it."""
    return spark.read.option("versionAsOf", version).table(table)


def history(spark: SparkSession, table: str, limit: int) -> list[Commit]:
    """The newest commits, newest first."""
    # All columns: in a classic session a narrower SELECT over what the command gave is a Spark job of its own.
    rows = spark.sql(f"DESCRIBE HISTORY {table} LIMIT {limit}").collect()
    return [
        _commit(row["version"], row["userMetadata"], row["operation"], row["operationMetrics"] or {}) for row in rows
    ]


def _commit(version: int, user_metadata: str | None, operation: str, metrics: Mapping[str, str]) -> Commit:
    def metric(*names: str) -> int:
        return next((int(metrics[name]) for name in names if name in metrics), 0)

    nothing = operation == "WRITE" and not metric("numFiles") and not metric("numRemovedFiles", "numDeletedRows")
    nothing = nothing or operation in _UPKEEP
    return Commit(
        version=version,
        user_metadata=user_metadata,
        # With deletion vectors the rows of a file that they mark count as written and as copied, and are neither.
        rows_written=metric("numOutputRows") - metric("numCopiedRows"),
        bytes_written=metric("numOutputBytes", "numTargetBytesAdded"),
        changes_rows=not nothing,
    )


def identity(spark: SparkSession, table: str) -> str:
    """Differs between a table and one that was made anew in its place."""
    return identity_and_size(spark, table)[0]


def identity_and_size(spark: SparkSession, table: str) -> tuple[str, int]:
    """Its identity, and the bytes of its data files."""
    (row,) = spark.sql(f"DESCRIBE DETAIL {table}").collect()
    return str(row["id"]), int(row["sizeInBytes"])


def dates_predicate(column: str, dates: Iterable[dt.date], *, with_null: bool = False) -> str:
    """A predicate that just these dates (and NULL, if asked for) satisfy; runs of days become ranges."""
    # Not BETWEEN: Delta 4.4 leaves it unresolved in a predicate over partitions; Spark 4.1 then fails (INTERNAL_ERROR).
    name = identifier(column)
    ranges: list[list[dt.date]] = []
    for day in sorted(set(dates)):
        if ranges and day - ranges[-1][1] == dt.timedelta(days=1):
            ranges[-1][1] = day
        else:
            ranges.append([day, day])
    parts = [
        f"{name} = DATE'{first}'" if first == last else f"({name} >= DATE'{first}' AND {name} <= DATE'{last}')"
        for first, last in ranges
    ]
    if with_null:
        parts.append(f"{name} IS NULL")
    return " OR ".join(parts) if parts else "FALSE"
