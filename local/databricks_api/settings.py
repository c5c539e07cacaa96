"""What the server is told at its start, and where it keeps its things."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from local.databricks_api.storage_account import StorageAccount


@dataclass(frozen=True)
class ServerSettings:
    """Settings of one server.

    `home` holds all state: runs, logs, the Spark warehouse. `port` 0 means any free port, `spark_port` likewise.
    `public_url` is where a browser finds the run pages (default: the address listened on).
    With `rehearse` the driver does what jobs do once, as soon as it is ready.
    With `storage` jobs can have their lake in a storage account.
    """

    home: Path
    token: str
    delta_jars: Path
    host: str = "127.0.0.1"
    port: int = 0
    spark_port: int = 0
    spark_memory: str = "2g"
    max_concurrent_tasks: int = 2
    public_url: str = ""
    rehearse: bool = False
    storage: StorageAccount | None = None

    @property
    def database(self) -> Path:
        """The SQLite file with all runs."""
        return self.home / "runs.sqlite3"

    @property
    def logs(self) -> Path:
        """Folder of the Spark driver's and the interpreters' own logs."""
        return self.home / "logs"

    @property
    def spark_properties(self) -> Path:
        """The driver's settings beside its command line."""
        return self.home / "spark.properties"

    @property
    def wheels(self) -> Path:
        """Folder in which wheels are unpacked, one folder per content."""
        return self.home / "wheels"

    def task_folder(self, run_id: int, task_run_id: int) -> Path:
        """Folder of one task run: its log, its result and its working directory."""
        return self.home / "runs" / str(run_id) / str(task_run_id)
