"""A Delta table in a folder of the lake, read without Spark."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lake_model.changed_rows import ChangedRows
from lakehouse.errors import StorageError
from lakehouse.lake.delta_log import changed_rows
from lakehouse.lake.lake_path import LakePath, folders_in, local_path
from lakehouse.lake.storage_errors import storage_errors
from lakehouse.lake.tables import Lake

if TYPE_CHECKING:
    from deltalake import DeltaTable


@dataclass(frozen=True)
class FolderTable:
    """A Delta table in a folder of the lake."""

    table: DeltaTable
    place: LakePath
    id: str
    version: int
    committed_at: dt.datetime
    types: dict[str, str]

    def commits(self, most: int) -> list[dict[str, Any]]:
        """See ``tables.DeltaState``."""
        return list(self.table.history(most))

    def changed_since(self, version: int) -> ChangedRows | None:
        """See ``tables.DeltaState``."""
        return changed_rows(self.place, version, self.version)

    def batches(self, sql: str) -> Any:
        """See ``tables.DeltaState``."""
        import pyarrow as pa
        from deltalake import QueryBuilder

        # Not by `to_pyarrow_dataset`, which knows no deletion vectors.
        return pa.RecordBatchReader.from_stream(QueryBuilder().register("stored", self.table).execute(sql))


def delta_state(place: LakePath) -> FolderTable | None:
    """The newest version of a table of the lake; None where there is none yet.

    Raises:
        StorageError: the lake cannot be read.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import TableNotFoundError

    local = local_path(place)
    address, options = (str(local), None) if local is not None else _of_store(place)
    with storage_errors("read the table", place):
        try:
            table = DeltaTable(address, storage_options=options)
        except TableNotFoundError:
            return None
        newest = table.history(1)[0]
    fields = {field.name: str(getattr(field.type, "type", "")) for field in table.schema().fields}
    committed = dt.datetime.fromtimestamp(newest["timestamp"] / 1000, dt.UTC)
    return FolderTable(table, place, str(table.metadata().id), table.version(), committed, fields)


def _of_store(place: Any) -> tuple[str, dict[str, str]]:
    """Address and login of a table in a storage account, as the connection of the lake has them."""
    store = place.fs
    given = dict(part.split("=", 1) for part in (store.connection_string or "").split(";") if "=" in part)
    options = {
        "account_name": store.account_name or given.get("AccountName"),
        "account_key": store.account_key or given.get("AccountKey"),
        "sas_token": store.sas_token or given.get("SharedAccessSignature"),
        "client_id": store.client_id,
        "client_secret": store.client_secret,
        "tenant_id": store.tenant_id,
        "endpoint": given.get("BlobEndpoint"),
    }
    found = {name: str(value) for name, value in options.items() if value}
    if "account_name" not in found:
        raise StorageError(f"cannot read {place}: the connection of the storage account names no account")
    if found.get("endpoint", "").startswith("http://"):
        found["allow_http"] = "true"
    return f"az://{str(place.path).strip('/')}", found


def folder_lake(root: LakePath) -> Lake:
    """A lake whose tables lie in its folders."""
    return Lake(root, lambda layer, name: delta_state(root / layer / name), lambda layer: folders_in(root / layer))
