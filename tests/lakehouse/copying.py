"""What the tests of the copy share: a source, a bronze folder, and a copy of one table for a date."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
import pytest
from lakehouse.bronze.copy_outcome import CopyOutcome
from lakehouse.bronze.manifest import read_manifest, read_visible
from lakehouse.bronze.table_copy import CopyLimits, copy_table
from lakehouse.errors import SourceUnavailableError
from lakehouse.source.mysql_source import MySqlSource
from lakehouse.source.source_connection import ConnectionInfo
from lakehouse.source.source_load import SourceLoad

from lake_model.bronze_manifest import Manifest
from lake_model.contracts.copy_spec import CopySpec
from lake_model.lake_layout import manifest_name, table_folder
from local.mysql_server import MySqlServer
from tests.lakehouse.slice_rows import read_slice

NOW = datetime(2026, 11, 21, 2, 0, 5, 123456, UTC)


def info_of(server: MySqlServer, **changes: Any) -> ConnectionInfo:
    """The connection of the pipeline's account, or one that is wrong in some way."""
    values: dict[str, Any] = {
        "conn_id": "mysql_onprem",
        "host": server.host,
        "port": server.port,
        "user": "lakehouse",
        "password": server.credentials.lakehouse,
        "server_public_key": None if server.public_key is None else str(server.public_key),
    }
    return ConnectionInfo(**{**values, **changes})


def url_of(server: MySqlServer, schema: str) -> str:
    """The connection of the pipeline's account, as a URL."""
    address = f"mysql://lakehouse:{server.credentials.lakehouse}@{server.host}:{server.port}/{schema}"
    return address if server.public_key is None else f"{address}?{urlencode({'server_public_key': server.public_key})}"


@dataclass
class Bench:
    """One schema at the source and one bronze folder."""

    server: MySqlServer
    schema: str
    root: Path
    limits: CopyLimits = field(default_factory=CopyLimits)
    load: SourceLoad = field(default_factory=SourceLoad)
    # What of the connection differs from that of the pipeline's account.
    connection: Mapping[str, Any] = field(default_factory=dict)

    def sql(self, *statements: str, sql_mode: str = "") -> None:
        """Run statements at the source, as its owner."""
        connection = self.server.connect(self.schema)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET SESSION sql_mode=%s, time_zone='+00:00'", [sql_mode])
                for statement in statements:
                    cursor.execute(statement)
        finally:
            connection.close()

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the source something, as its owner."""
        connection = self.server.connect(self.schema)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET SESSION sql_mode='', time_zone='+00:00'")
                cursor.execute(statement)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def spec(self, table: str, date_column: str | None = None, **more: Any) -> CopySpec:
        """How a table is copied."""
        return CopySpec(self.schema, table, date_column=date_column, **more)

    def copy(self, spec: CopySpec, day: str, run_id: str = "run") -> CopyOutcome:
        """Copy a table as the run of a business date."""
        with MySqlSource(info_of(self.server, **self.connection), self.load) as source:
            return copy_table(source, self.root, spec, date.fromisoformat(day), run_id, lambda: NOW, self.limits)

    def fail(self, spec: CopySpec, statement: int, day: str = "2026-11-20", run_id: str = "failed") -> None:
        """A copy whose connection is lost in the stream of its so many-th statement."""
        with MySqlSource(info_of(self.server, **self.connection), self.load) as source:
            stream, streamed = source.stream, iter(range(1, 1000))

            def lost(*arguments: Any) -> Iterator[Any]:
                if next(streamed) == statement:
                    self.sql(f"KILL {source._thread_id}")
                return stream(*arguments)

            source.stream = lost  # type: ignore[method-assign, assignment]
            with pytest.raises(SourceUnavailableError):
                copy_table(source, self.root, spec, date.fromisoformat(day), run_id, lambda: NOW, self.limits)

    def folder(self, table: str) -> Path:
        """Where the table is in bronze."""
        return table_folder(self.root, self.schema, table)

    def visible(self, table: str) -> Manifest:
        """The index that readers of facts see."""
        found = read_visible(self.folder(table))
        assert found is not None
        return found[1]

    def landed(self, table: str, day: str) -> Manifest | None:
        """The index that readers of dimensions see."""
        return read_manifest(self.folder(table), manifest_name(date.fromisoformat(day)))

    def slice(self, table: str, name: str, manifest: Manifest | None = None) -> pa.Table:
        """The rows of one slice."""
        return read_slice(self.folder(table), manifest or self.visible(table), name)

    def rows(self, table: str, manifest: Manifest | None = None) -> list[tuple[Any, ...]]:
        """All rows that readers see, in order of their text, NULL last."""
        index = manifest or self.visible(table)
        found = [
            tuple(row.values()) for item in index.slices for row in self.slice(table, item.slice, index).to_pylist()
        ]
        return sorted(found, key=lambda row: [(value is None, str(value)) for value in row])

    def files(self, table: str) -> set[str]:
        """The names of all Parquet files of a table, visible or not."""
        return {path.name for path in self.folder(table).rglob("*.parquet")}


def slices(manifest: Manifest) -> Mapping[str, int]:
    """Rows by slice."""
    return {item.slice: item.rows for item in manifest.slices}


def dates_and_numbers(rows: Sequence[tuple[str, int]]) -> str:
    """An INSERT's values."""
    return ", ".join(f"('{day}', {number})" for day, number in rows)
