"""This project's reading and decoding alone: no fingerprint, no verification, no manifest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.peers.way import Source, Way, write_batches

_BATCH_BYTES = 8 * 2**20
_BATCH_ROWS = 4_096


class Copy(Way):
    """The stream of `MySqlSource` through `type_map`, written in the same thread."""

    packages = ("mysqlclient", "pyarrow")

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        from lakehouse.source import fingerprint, type_map
        from lakehouse.source.mysql_source import MySqlSource
        from lakehouse.source.source_connection import ConnectionInfo

        self._info = ConnectionInfo("bench", source.host, source.port, source.user, source.password)
        self._open: Any = MySqlSource
        self._types: Any = type_map
        self._select_sql: Any = fingerprint.select_sql

    def copy(self, table: str, folder: Path) -> None:
        with self._open(self._info) as source:
            write_batches(self._batches(source, table), folder)

    def _batches(self, source: Any, table: str) -> Iterator[Any]:
        import pyarrow as pa

        types, schema_name = self._types, self.source.schema
        plans = tuple(types.plan_column(column) for column in source.columns(schema_name, table))
        schema = types.arrow_schema(plans)
        for batch in source.stream(self._select_sql(schema_name, table, plans), _BATCH_ROWS, _BATCH_BYTES):
            decoded = [types.decode_column(plan, column)[0] for plan, column in zip(plans, batch, strict=True)]
            yield pa.RecordBatch.from_arrays(decoded, schema=schema)
