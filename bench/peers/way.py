"""What a way of copying is, and the Parquet settings that all of them keep to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

ROW_GROUP_ROWS = 262_144
COMPRESSION = "zstd"
COMPRESSION_LEVEL = 1


@dataclass(frozen=True)
class Source:
    """Where the tables are; `tools` has the paths of what a way needs besides Python packages.

    `public_key` is the file with the key that the server's logins are encrypted by, where it has one.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    schema: str
    tools: Mapping[str, str] = field(default_factory=dict)
    public_key: str | None = None

    def uri(self, scheme: str = "mysql") -> str:
        """The source as a URI of the given scheme."""
        return f"{scheme}://{self.user}:{quote(self.password, safe='')}@{self.host}:{self.port}/{self.schema}"

    def select(self, table: str) -> str:
        """The statement that reads a whole table."""
        return f"SELECT * FROM `{self.schema}`.`{table}`"


class Way(ABC):
    """One way of copying tables to Parquet.

    Making one imports its packages and starts what a worker that lives longer than one copy has running already: none
    of that is timed. Connecting to the source is.
    """

    packages: Sequence[str] = ()

    def __init__(self, source: Source) -> None:
        self.source = source

    @abstractmethod
    def copy(self, table: str, folder: Path) -> None:
        """Copy a table into Parquet files somewhere under a new folder."""

    def copy_on(self, business_date: date, table: str, folder: Path) -> None:
        """Copy a table again on a later day; a way that knows nothing of days copies all of it."""
        self.copy(table, folder)

    def copy_all(self, tables: Sequence[str], folder: Path) -> None:
        """Copy many tables, each into a folder of its name."""
        for table in tables:
            self.copy(table, folder / table)


def write_batches(batches: Iterable[Any], folder: Path) -> None:
    """Write Arrow record batches or tables, which arrive one by one, as one Parquet file with full row groups."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True)
    writer: Any = None
    pending: list[Any] = []
    rows = 0

    def flush() -> None:
        writer.write_table(pa.concat_tables(pending), row_group_size=ROW_GROUP_ROWS)
        pending.clear()

    for batch in batches:
        table = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
        if writer is None:
            writer = pq.ParquetWriter(
                folder / "part.parquet", table.schema, compression=COMPRESSION, compression_level=COMPRESSION_LEVEL
            )
        while rows + table.num_rows >= ROW_GROUP_ROWS:
            fitting = ROW_GROUP_ROWS - rows
            pending.append(table.slice(0, fitting))
            flush()
            table, rows = table.slice(fitting), 0
        if table.num_rows:
            pending.append(table)
            rows += table.num_rows
    if pending:
        flush()
    if writer is not None:
        writer.close()
