"""Reading slices back from bronze, as every reader must: only rows whose date belongs to the slice."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from lakehouse.errors import ManifestError
from lakehouse.lake.lake_path import LakePath
from lakehouse.lake.storage_errors import storage_errors
from lakehouse.source.type_map import SourceColumn, arrow_schema, plan_column

from lake_model.bronze_manifest import ALL, UNDATED, Manifest


def read_slice(folder: LakePath, manifest: Manifest, name: str) -> pa.Table:
    """The rows of one slice, in the columns of the manifest; a column that a carried file lacks is NULL there.

    Args:
        folder: the table's folder.
        manifest: the index to read by.
        name: the slice; one that the index does not have is empty.

    Raises:
        ManifestError: the files do not hold the rows that the manifest says.
        StorageError: a file cannot be read.
    """
    plans = [plan_column(SourceColumn(column.name, column.mysql_type, column.nullable)) for column in manifest.columns]
    assert [str(plan.arrow_type) for plan in plans] == [column.arrow_type for column in manifest.columns]
    schema = arrow_schema(plans)
    slices = {item.slice: item for item in manifest.slices}
    if name not in slices:
        return schema.empty_table()
    tables = [_of_slice(_read(folder / file), manifest.date_column, name) for file in slices[name].files]
    rows = pa.concat_tables([_in_columns(table, schema) for table in tables]) if tables else schema.empty_table()
    if rows.num_rows != slices[name].rows:
        raise ManifestError(
            f"{folder}: slice {name} of business date {manifest.business_date} has {slices[name].rows} rows by its "
            f"manifest, but its files hold {rows.num_rows}: copy the table again"
        )
    return rows


def _read(path: LakePath) -> pa.Table:
    with storage_errors("read", path), path.open("rb") as stream:
        return pq.read_table(stream)


def _of_slice(rows: pa.Table, date_column: str | None, name: str) -> pa.Table:
    if name == ALL or date_column is None:
        return rows
    dates = rows[date_column].cast(pa.date32())
    wanted = pc.is_null(dates) if name == UNDATED else pc.equal(dates, pa.scalar(date.fromisoformat(name), pa.date32()))
    return rows.filter(wanted)


def _in_columns(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        rows[field.name].cast(field.type) if field.name in rows.column_names else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    # NULL is allowed everywhere: a carried file may lack a column that the source now forbids to be NULL.
    return pa.table(columns, pa.schema([field.with_nullable(True) for field in schema]))
