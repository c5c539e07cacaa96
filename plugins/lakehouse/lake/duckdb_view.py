"""Rows of a table of the lake inside a session of DuckDB."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

from lakehouse.errors import LakehouseError, StorageError
from lakehouse.lake.tables import DeltaState

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


@contextlib.contextmanager
def stored_in(session: duckdb.DuckDBPyConnection, state: DeltaState, sql: str) -> Generator[None]:
    """Has the answer of a query as the view `stored`, to be read once.

    What keeps the table from being read stays the error that it is: DuckDB would make one of its own of it.

    Raises:
        StorageError: the table cannot be read.
    """
    import duckdb
    import pyarrow as pa

    answer, faults = state.batches(sql), list[Exception]()

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield from answer
        except Exception as error:
            faults.append(error)
            raise

    session.register("stored", pa.RecordBatchReader.from_batches(answer.schema, batches()))
    try:
        yield
    except duckdb.Error:
        for fault in faults:
            if isinstance(fault, LakehouseError):
                raise fault from None
            raise StorageError(f"a table of the lake could not be read: {str(fault).partition(chr(10))[0]}") from fault
        raise
    finally:
        session.unregister("stored")
