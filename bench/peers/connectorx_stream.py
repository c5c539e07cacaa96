"""connectorx, streaming Arrow batches."""

from __future__ import annotations

from pathlib import Path

from bench.peers.way import Source, Way, write_batches

_BATCH_ROWS = 4_096


class Copy(Way):
    """`connectorx.read_sql` with `arrow_stream`, in the small batches in which it is fastest."""

    packages = ("connectorx", "pyarrow")

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        import connectorx

        self._read_sql = connectorx.read_sql

    def copy(self, table: str, folder: Path) -> None:
        reader = self._read_sql(
            self.source.uri(), self.source.select(table), return_type="arrow_stream", batch_size=_BATCH_ROWS
        )
        write_batches(reader, folder)
