"""polars, over connectorx: the whole table as one frame."""

from __future__ import annotations

import importlib
from pathlib import Path

from bench.peers.way import COMPRESSION_LEVEL, ROW_GROUP_ROWS, Source, Way


class Copy(Way):
    """`polars.read_database_uri` and `write_parquet`."""

    packages = ("polars", "connectorx")

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        import polars

        # polars imports it at the first read, which is timed.
        importlib.import_module("connectorx")
        self._polars = polars

    def copy(self, table: str, folder: Path) -> None:
        frame = self._polars.read_database_uri(self.source.select(table), self.source.uri(), engine="connectorx")
        folder.mkdir(parents=True)
        frame.write_parquet(
            folder / "part.parquet",
            compression="zstd",
            compression_level=COMPRESSION_LEVEL,
            row_group_size=ROW_GROUP_ROWS,
        )
