"""ClickHouse inside Python (chdb): its `mysql()` table function."""

from __future__ import annotations

from pathlib import Path

from bench.peers.way import COMPRESSION_LEVEL, ROW_GROUP_ROWS, Source, Way


class Copy(Way):
    """`INSERT INTO FUNCTION file(…) SELECT … FROM mysql(…)`."""

    packages = ("chdb", "chdb-core")

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        from chdb import query

        self._query = query

    def copy(self, table: str, folder: Path) -> None:
        source = self.source
        folder.mkdir(parents=True)
        self._query(
            f"INSERT INTO FUNCTION file('{folder / 'part.parquet'}', 'Parquet') "
            f"SELECT * FROM mysql('{source.host}:{source.port}', '{source.schema}', '{table}', "
            f"'{source.user}', '{source.password}') "
            "SETTINGS output_format_parquet_compression_method = 'zstd', "
            f"output_format_compression_level = {COMPRESSION_LEVEL}, "
            f"output_format_parquet_row_group_size = {ROW_GROUP_ROWS}, "
            # Else a batch is one row of the file's groups, and dates are written as bare numbers.
            "output_format_parquet_date_as_uint16 = 0"
        )
