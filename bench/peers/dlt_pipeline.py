"""dlt: its `sql_database` source, extracted, normalized and loaded as Parquet into a folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.peers.way import COMPRESSION, ROW_GROUP_ROWS, Source, Way

_CHUNK_ROWS = 32_768


class Copy(Way):
    """A pipeline with dlt's pyarrow backend; of zstd it takes no level, so that is pyarrow's default."""

    packages: Sequence[str] = ("dlt", "sqlalchemy", "mysqlclient", "pyarrow")
    backend = "pyarrow"

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        os.environ.update(
            RUNTIME__DLTHUB_TELEMETRY="false",
            RUNTIME__LOG_LEVEL="ERROR",
            DATA_WRITER__COMPRESSION=COMPRESSION,
            DATA_WRITER__ROW_GROUP_SIZE=str(ROW_GROUP_ROWS),
            DATA_WRITER__BUFFER_MAX_ITEMS=str(ROW_GROUP_ROWS),
        )
        import dlt
        from dlt.sources.sql_database import sql_database

        self._dlt = dlt
        self._sql_database = sql_database

    def copy(self, table: str, folder: Path) -> None:
        self._run([table], folder)

    def copy_all(self, tables: Sequence[str], folder: Path) -> None:
        """All tables in one pipeline, which is how dlt does it best."""
        self._run(tables, folder)

    def _run(self, tables: Sequence[str], folder: Path) -> None:
        work = tempfile.mkdtemp(prefix="bench-dlt-")
        try:
            pipeline = self._dlt.pipeline(
                pipeline_name="bench",
                pipelines_dir=work,
                destination=self._dlt.destinations.filesystem(bucket_url=f"file://{folder}"),
                dataset_name="bench",
            )
            source = self._sql_database(
                credentials=self.source.uri("mysql+mysqldb") + "?charset=utf8mb4",
                schema=self.source.schema,
                table_names=list(tables),
                backend=self.backend,
                chunk_size=_CHUNK_ROWS,
                reflection_level="full_with_precision",
                backend_kwargs=self.backend_options_of(self.source),
            )
            pipeline.run(source, loader_file_format="parquet", write_disposition="replace").raise_on_failed_jobs()
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def backend_options_of(self, source: Source) -> dict[str, Any]:
        """What the backend is told besides."""
        return {}
