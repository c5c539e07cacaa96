"""DuckDB with its MySQL extension."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

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
        source = self.source
        folder.mkdir(parents=True)
        with self._connect() as connection:
            connection.execute(f"LOAD '{self._extension}'")
            connection.execute(
                f"ATTACH 'host={source.host} port={source.port} user={source.user} password={source.password} "
                f"database={source.schema}' AS source (TYPE mysql, READ_ONLY)"
            )
            connection.execute(
                f'COPY (SELECT * FROM source."{source.schema}"."{table}") TO \'{folder / "part.parquet"}\' '
                f"(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {COMPRESSION_LEVEL}, "
                f"ROW_GROUP_SIZE {ROW_GROUP_ROWS})"
            )
