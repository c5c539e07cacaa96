"""This project's copy at its default settings: snapshot, fingerprint, copy, verification, manifest."""

from __future__ import annotations

import importlib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from bench.peers.way import Source, Way

BUSINESS_DATE = date(2026, 11, 20)
LARGE_TABLE = "sales"
_DATE_COLUMN = "order_date"


class Copy(Way):
    """`CopyRun`, which is what the task of one table runs; the large table by its date, the others whole."""

    packages = ("mysqlclient", "pyarrow")

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        from lakehouse import settings
        from lakehouse.bronze import copy_run
        from lakehouse.source import source_connection

        from lake_model.contracts import copy_spec

        # A copy imports it when it runs, which is timed.
        importlib.import_module("lakehouse.bronze.table_copy")
        self._run: Any = copy_run.CopyRun
        self._spec = copy_spec.CopySpec
        self._load_settings = settings.load_settings
        self._info = source_connection.ConnectionInfo(
            "bench", source.host, source.port, source.user, source.password, server_public_key=source.public_key
        )

    def copy(self, table: str, folder: Path) -> None:
        self.copy_on(BUSINESS_DATE, table, folder)

    def copy_on(self, business_date: date, table: str, folder: Path) -> None:
        """Copy as the run of a business date."""
        spec = self._spec(self.source.schema, table, date_column=_DATE_COLUMN if table == LARGE_TABLE else None)
        settings = self._load_settings({"LAKEHOUSE_LAKE_ROOT": folder.as_uri()})
        name = f"run-{business_date}"
        self._run(folder, spec, business_date, name, settings, lambda: self._info, lambda: datetime.now(UTC)).execute()
