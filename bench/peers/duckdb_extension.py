"""DuckDB with its MySQL extension."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from bench.peers.way import COMPRESSION_LEVEL, ROW_GROUP_ROWS, Source, Way


class Copy(Way):
    """`ATTACH` the schema and `COPY` the table."""

    packages = ("duckdb", "duckdb-extension-mysql-scanner")

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        import duckdb

        self._connect = duckdb.connect
        self._extension = (
            files("duckdb_extension_mysql_scanner") / f"extensions/v{duckdb.__version__}/mysql_scanner.duckdb_extension"
        )

    def copy(self, table: str, folder: Path) -> None:
        with self._attached() as connection:
            self._copy(connection, table, folder)

    def copy_all(self, tables: Sequence[str], folder: Path) -> None:
        """All tables in one session: loading the extension takes longer than a small table."""
        with self._attached() as connection:
            for table in tables:
                self._copy(connection, table, folder / table)

    def _attached(self) -> Any:
        source = self.source
        connection = self._connect()
        connection.execute(f"LOAD '{self._extension}'")
        connection.execute(
            f"ATTACH 'host={source.host} port={source.port} user={source.user} password={source.password} "
            f"database={source.schema}' AS source (TYPE mysql, READ_ONLY)"
        )
        return connection

    def _copy(self, connection: Any, table: str, folder: Path) -> None:
        folder.mkdir(parents=True)
        connection.execute(
            f'COPY (SELECT * FROM source."{self.source.schema}"."{table}") TO \'{folder / "part.parquet"}\' '
            f"(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {COMPRESSION_LEVEL}, "
            f"ROW_GROUP_SIZE {ROW_GROUP_ROWS})"
        )
