"""arrow-odbc over MariaDB's ODBC driver."""

from __future__ import annotations

from pathlib import Path

from bench.peers.way import Source, Way, write_batches

_BATCH_ROWS = 16_384
_MOST_BYTES_OF_A_VALUE = 65_536


class Copy(Way):
    """`arrow_odbc.read_arrow_batches_from_odbc`, with a fetch in a second thread."""

    packages = ("arrow-odbc", "pyarrow")

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        import arrow_odbc

        self._read = arrow_odbc.read_arrow_batches_from_odbc

    def copy(self, table: str, folder: Path) -> None:
        source = self.source
        reader = self._read(
            query=source.select(table),
            connection_string=(
                f"Driver={source.tools['odbc_driver']};Server={source.host};Port={source.port};UID={source.user};"
                f"PWD={source.password};Database={source.schema};CharSet=utf8mb4;NO_CACHE=1;FORWARDONLY=1"
            ),
            batch_size=_BATCH_ROWS,
            max_text_size=_MOST_BYTES_OF_A_VALUE,
            max_binary_size=_MOST_BYTES_OF_A_VALUE,
        )
        write_batches(reader, folder)
