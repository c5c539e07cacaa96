"""Reads what was landed: the manifest, and of its files just the rows that it says are current."""

from __future__ import annotations

import datetime as dt
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from lake_model import bronze_manifest
from lake_model.bronze_manifest import ALL, UNDATED, Latest, Slice
from lake_model.contracts.contract_rules import KEPT_SOURCE_PREFIX
from lake_model.errors import ManifestError
from lake_model.lake_layout import LATEST_NAME, date_folder_name, folder_of_name, manifest_name, name_of_folder
from medallion.errors import BronzeError
from medallion.lake.date_values import is_one_of
from medallion.lake.landed_columns import check_columns
from medallion.lake.small_frames import local_frame
from medallion.lake.sql_text import identifier
from medallion.lake.storage import file_sizes, list_folder, read_text

RecordT = TypeVar("RecordT", bronze_manifest.Manifest, Latest)

# A source may have any columns, so that the names of ours are kept for them.
SLICE = f"{KEPT_SOURCE_PREFIX}slice"
_FILE = f"{KEPT_SOURCE_PREFIX}file"
_DATE_FOLDER = re.compile(r"business_date=(\d{4}-\d{2}-\d{2})")
_SPARK_TYPES: Mapping[str, T.DataType] = {
    "int8": T.ByteType(),
    "int16": T.ShortType(),
    "int32": T.IntegerType(),
    "int64": T.LongType(),
    "float": T.FloatType(),
    "double": T.DoubleType(),
    "bool": T.BooleanType(),
    "string": T.StringType(),
    "binary": T.BinaryType(),
    "date32[day]": T.DateType(),
    "timestamp[us]": T.TimestampNTZType(),
    "timestamp[us, tz=UTC]": T.TimestampType(),
}
# A pushed-down list of dates lets Parquet skip row groups; a long list costs more than it saves.
_MAX_PUSHED_DATES = 64


@dataclass(frozen=True)
class Manifest:
    """A complete index of a landed table.

    Attributes:
        uri: where the manifest was read, for messages.
        folder: URI of the table's folder, which the files' names are relative to.
        columns: the Spark schema of the rows.
        newest_date: the newest business date that was landed, which this manifest need not be of.
        files: size in bytes of each file, by its name.
        run_id, copied_at: the copy that published it, and the instant (ISO 8601) of what it saw of the source.
        digest: differs where columns or rows do.
    """

    uri: str
    folder: str
    business_date: dt.date
    columns: T.StructType
    slices: Mapping[str, Slice]
    newest_date: dt.date
    run_id: str
    copied_at: str
    files: Mapping[str, int]
    digest: str

    @property
    def fingerprint(self) -> str:
        """Changes exactly when the rows do."""
        return ";".join(sorted(f"{one.slice}={one.fingerprint}" for one in self.slices.values()))

    def landed(self, measures: Iterable[str]) -> dict[str, object]:
        """For the ledger: which publication this is, and what it says of the source, slice by slice.

        A later one may replace it at any moment, so a run can be held against what it read by its own row alone.
        """
        return bronze_manifest.publication(
            self.run_id, self.business_date.isoformat(), self.copied_at, self.slices.values(), measures
        )


def table_folder(lake_root: str, schema: str, table: str) -> str:
    """URI of a bronze table's folder."""
    return f"{lake_root}/bronze/{folder_of_name(schema)}/{folder_of_name(table)}"


def read_latest_manifest(spark: SparkSession, lake_root: str, schema: str, table: str) -> Manifest:
    """The newest manifest of a table, by its pointer.

    Raises:
        BronzeError: nothing was landed yet, or the pointer or manifest cannot be read.
    """
    folder = table_folder(lake_root, schema, table)
    uri = f"{folder}/{LATEST_NAME}"
    text = read_text(spark, uri)
    if text is None:
        raise BronzeError(f"{uri}: nothing was landed for {schema}.{table}; run copy_to_bronze for it first")
    latest = _checked(Latest, text, uri, folder)
    manifest_text = read_text(spark, f"{folder}/{latest.manifest}")
    if manifest_text is None:
        raise BronzeError(f"{uri}: manifest: '{latest.manifest}': there is no such file; {_mend(folder)}")
    manifest = parse_manifest(f"{folder}/{latest.manifest}", folder, manifest_text)
    return replace(manifest, newest_date=dt.date.fromisoformat(latest.newest_business_date))


def read_snapshot_manifest(
    spark: SparkSession, lake_root: str, schema: str, table: str, business_date: dt.date
) -> Manifest | None:
    """The manifest that the run of a business date landed; None when it landed none.

    Raises:
        BronzeError: it cannot be read.
    """
    folder = table_folder(lake_root, schema, table)
    uri = f"{folder}/{manifest_name(business_date)}"
    text = read_text(spark, uri)
    return None if text is None else parse_manifest(uri, folder, text)


def landed_dates(spark: SparkSession, lake_root: str, schema: str, table: str) -> list[dt.date]:
    """The business dates that have a folder in bronze, in order; one may be without a manifest.

    Raises:
        BronzeError: the table's folder cannot be listed.
    """
    names = list_folder(spark, table_folder(lake_root, schema, table))
    found = [_DATE_FOLDER.fullmatch(name) for name in names]
    return [dt.date.fromisoformat(match.group(1)) for match in found if match]


def parse_manifest(uri: str, folder: str, text: str) -> Manifest:
    """Reads a manifest's JSON.

    Raises:
        BronzeError: it is not a manifest of version 1.
    """
    index = _checked(bronze_manifest.Manifest, text, uri, folder)
    fields = [T.StructField(one.name, _spark_type(uri, one)) for one in index.columns]
    _check_names(uri, fields)
    day = dt.date.fromisoformat(index.business_date)
    return Manifest(
        uri,
        folder,
        day,
        T.StructType(fields),
        {one.slice: one for one in index.slices},
        newest_date=day,
        run_id=index.run_id,
        copied_at=index.copied_at,
        files={name: file.bytes for name, file in index.files.items()},
        digest=index.digest,
    )


def read_slices(spark: SparkSession, manifest: Manifest, names: Iterable[str], date_source: str) -> DataFrame:
    """The rows of some slices of a dated table: all its columns and ``SLICE``.

    A file may hold rows of other slices, and rows of a slice that a later file replaced: a row counts only if the
    manifest lists its file for its date.

    Raises:
        BronzeError: files were copied before the columns changed.
    """
    wanted = [manifest.slices[name] for name in names]
    pairs = [(file, one.slice) for one in wanted for file in one.files]
    if not pairs:
        return spark.createDataFrame([], manifest.columns).withColumn(SLICE, F.lit(None).cast("string"))
    day = F.col(identifier(date_source)).cast("date")
    files = {file for file, _ in pairs}
    # What the index's own copy wrote has its columns.
    own = f"{date_folder_name(manifest.business_date)}/"
    check_columns(spark, manifest.uri, manifest.folder, manifest.columns, [one for one in files if own not in one])
    rows = _read_files(spark, manifest, files)
    rows = rows.withColumn(_FILE, _file_name(rows))
    dates = sorted(one.slice for one in wanted)
    if len(dates) <= _MAX_PUSHED_DATES and UNDATED not in dates:
        rows = rows.where(is_one_of(f"CAST({identifier(date_source)} AS DATE)", map(dt.date.fromisoformat, dates)))
    rows = rows.withColumn(SLICE, F.coalesce(day.cast("string"), F.lit(UNDATED)))
    current = F.broadcast(local_frame(spark, ((_FILE, "string"), (SLICE, "string")), pairs))
    return rows.join(current, [_FILE, SLICE], "left_semi").drop(_FILE)


def read_snapshot(spark: SparkSession, manifest: Manifest) -> DataFrame:
    """All rows of a snapshot: its columns and ``SLICE`` (always ``all``)."""
    files = {file for one in manifest.slices.values() for file in one.files}
    rows = _read_files(spark, manifest, files) if files else spark.createDataFrame([], manifest.columns)
    return rows.withColumn(SLICE, F.lit(ALL))


def _read_files(spark: SparkSession, manifest: Manifest, files: set[str]) -> DataFrame:
    """The rows of some files.

    Raises:
        BronzeError: one is not there, or is not of its size: Spark would fail on it in words of its own, or read what
            is there.
    """
    sizes = file_sizes(spark, manifest.folder, files)
    wrong = sorted(name for name in files if sizes.get(name) != manifest.files.get(name))
    if wrong:
        found = sizes.get(wrong[0])
        problem = "is gone" if found is None else f"has {found} bytes, not {manifest.files.get(wrong[0])}"
        raise BronzeError(
            f"{manifest.uri}: files: {len(wrong)} are lost or damaged, first {wrong[0]}, which {problem}; clear "
            "copy_to_bronze of the newest date, which copies their rows again; an older snapshot can only be restored"
        )
    return spark.read.schema(manifest.columns).parquet(*[f"{manifest.folder}/{file}" for file in sorted(files)])


def _file_name(rows: DataFrame) -> Column:
    # Not by its name, which a column of the source may have too.
    path = rows.metadataColumn("_metadata")["file_path"]
    return F.regexp_extract(path, "(business_date=[^/]*/[^/]*)$", 1)


def _mend(folder: str) -> str:
    """What to do about an index that cannot be read: a copy refuses to go on from it."""
    schema, table = (shlex.quote(name_of_folder(name)) for name in folder.split("/")[-2:])
    return f"make it again from the table's manifests: bin/lakehouse repair {table} --schema {schema}"


def _checked(kind: type[RecordT], text: str, uri: str, folder: str) -> RecordT:
    try:
        return kind.from_json(text, uri)
    except ManifestError as error:
        raise BronzeError(f"{error}; {_mend(folder)}") from error


def _check_names(uri: str, fields: Iterable[T.StructField]) -> None:
    for name in [one.name for one in fields if one.name.lower().startswith(KEPT_SOURCE_PREFIX)]:
        raise BronzeError(
            f"{uri}: columns: '{name}': names that begin with {KEPT_SOURCE_PREFIX} are kept for the jobs; rename "
            "the column at the source, or copy a view that names it otherwise"
        )


def _spark_type(uri: str, column: bronze_manifest.Column) -> T.DataType:
    arrow_type = column.arrow_type
    decimal = re.fullmatch(r"decimal128\((\d+), ?(\d+)\)", arrow_type)
    if decimal:
        return T.DecimalType(int(decimal.group(1)), int(decimal.group(2)))
    if arrow_type not in _SPARK_TYPES:
        raise BronzeError(f"{uri}: columns: {column.name}: '{arrow_type}': Spark has no such type")
    return _SPARK_TYPES[arrow_type]
