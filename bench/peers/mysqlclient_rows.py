"""mysqlclient with its own converters: rows fetched in Python, turned into Arrow tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.peers.way import Source, Way, write_batches

_BATCH_ROWS = 16_384


class Copy(Way):
    """`SSCursor.fetchmany` and `pyarrow.array`, the script that one would write by hand."""

    packages = ("mysqlclient", "pyarrow")

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        import MySQLdb
        import MySQLdb.cursors
        import pyarrow

        self._mysql: Any = MySQLdb
        self._cursor_class = MySQLdb.cursors.SSCursor
        self._arrow: Any = pyarrow

    def copy(self, table: str, folder: Path) -> None:
        source = self.source
        connection = self._mysql.connect(
            host=source.host,
            port=source.port,
            user=source.user,
            password=source.password,
            database=source.schema,
            charset="utf8mb4",
            cursorclass=self._cursor_class,
        )
        try:
            cursor = connection.cursor()
            cursor.execute(source.select(table))
            write_batches(self._tables(cursor), folder)
            cursor.close()
        finally:
            connection.close()

    def _tables(self, cursor: Any) -> Iterator[Any]:
        names = [column[0] for column in cursor.description]
        schema: Any = None
        while rows := cursor.fetchmany(_BATCH_ROWS):
            columns = zip(*rows, strict=True)
            if schema is None:
                arrays = [self._arrow.array(column) for column in columns]
                # Wide enough for the decimals of the batches to come.
                schema = self._arrow.schema(
                    [(name, self._widened(array.type)) for name, array in zip(names, arrays, strict=True)]
                )
                yield self._arrow.table(arrays, names=names).cast(schema)
            else:
                arrays = [self._arrow.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
                yield self._arrow.table(arrays, schema=schema)

    def _widened(self, kind: Any) -> Any:
        return self._arrow.decimal128(38, kind.scale) if self._arrow.types.is_decimal128(kind) else kind
