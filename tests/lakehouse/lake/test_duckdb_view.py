"""What keeps a table of the lake from being read is the error, also where DuckDB was reading it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from lakehouse.errors import OvertakenError, StorageError
from lakehouse.lake.delta_table import FolderTable, delta_state
from lakehouse.lake.duckdb_view import stored_in


@pytest.fixture
def table(tmp_path: Path) -> FolderTable:
    """A table of two rows."""
    from deltalake import write_deltalake

    write_deltalake(tmp_path, pa.table({"a": [1, 2]}))
    found = delta_state(tmp_path)
    assert found
    return found


def test_the_answer_is_there_for_as_long_as_it_is_asked_for(table: FolderTable) -> None:
    import duckdb

    with duckdb.connect() as session:
        with stored_in(session, table, "SELECT a FROM stored WHERE a > 1"):
            assert session.execute("SELECT * FROM stored").fetchall() == [(2,)]
        with pytest.raises(duckdb.CatalogException):
            session.execute("SELECT * FROM stored")


def test_a_file_that_is_gone_is_an_error_of_the_lake(table: FolderTable, tmp_path: Path) -> None:
    import duckdb

    for file in tmp_path.glob("*.parquet"):
        file.unlink()
    with (
        duckdb.connect() as session,
        pytest.raises(StorageError, match=r"^a table of the lake could not be read: "),
        stored_in(session, table, "SELECT * FROM stored"),
    ):
        session.execute("SELECT * FROM stored").fetchall()


def test_an_error_of_the_lakes_own_stays_as_it_is(table: FolderTable, monkeypatch: pytest.MonkeyPatch) -> None:
    import duckdb

    def overtaken(_table: FolderTable, _sql: str) -> pa.RecordBatchReader:
        def batches() -> Iterator[pa.RecordBatch]:
            yield pa.record_batch({"a": [1]})
            raise OvertakenError("it was written while it was read")

        return pa.RecordBatchReader.from_batches(pa.schema([("a", pa.int64())]), batches())

    monkeypatch.setattr(FolderTable, "batches", overtaken)
    with (
        duckdb.connect() as session,
        pytest.raises(OvertakenError, match=r"^it was written while it was read$"),
        stored_in(session, table, ""),
    ):
        session.execute("SELECT * FROM stored").fetchall()


def test_an_error_of_the_question_stays_duckdbs(table: FolderTable) -> None:
    import duckdb

    with (
        duckdb.connect() as session,
        pytest.raises(duckdb.BinderException),
        stored_in(session, table, "SELECT * FROM stored"),
    ):
        session.execute("SELECT nothing FROM stored")
