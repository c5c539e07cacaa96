"""Command line: `python -m local.databricks_api --home DIR --port N --token T`.

With a storage account's connection string in LAKEHOUSE_DATABRICKS_STORAGE jobs can have their lake there.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.databricks_api.clock import system_clock
from local.databricks_api.errors import StartError
from local.databricks_api.server import run_server
from local.databricks_api.settings import ServerSettings
from local.databricks_api.storage_account import VARIABLE as STORAGE_VARIABLE
from local.databricks_api.storage_account import StorageAccount

TOKEN_VARIABLE = "LAKEHOUSE_DATABRICKS_TOKEN"
JARS_VARIABLE = "LAKEHOUSE_DELTA_JARS"
DEFAULT_JARS = "~/.cache/lakehouse/jars/delta-4.4.0-azure"


def parse_settings(arguments: Sequence[str], environment: Mapping[str, str]) -> ServerSettings:
    """Settings from the command line and the environment.

    Raises:
        StartError: no token was given, or a value cannot be used.
    """
    parser = argparse.ArgumentParser(
        prog="python -m local.databricks_api", description="The Databricks Jobs API on one machine."
    )
    parser.add_argument("--home", type=Path, required=True, help="folder for all state; made where it does not exist")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, required=True, help="port of the API; 0 for any free one")
    parser.add_argument("--token", default=environment.get(TOKEN_VARIABLE, ""), help=f"or {TOKEN_VARIABLE}")
    parser.add_argument("--public-url", default="", help="where a browser finds the run pages")
    parser.add_argument("--spark-port", type=int, default=0, help="port of Spark Connect; 0 for any free one (default)")
    parser.add_argument("--spark-memory", default="2g", help="heap of the Spark driver (default: 2g)")
    parser.add_argument("--max-concurrent-tasks", type=int, default=2, help="tasks that run at once (default: 2)")
    parser.add_argument(
        "--delta-jars",
        type=Path,
        default=Path(environment.get(JARS_VARIABLE, DEFAULT_JARS)),
        help=f"or {JARS_VARIABLE}",
    )
    parser.add_argument(
        "--rehearse",
        action="store_true",
        help="do what jobs do once, as soon as Spark is ready, for the first of them to be quicker",
    )
    given = parser.parse_args(arguments)
    if not given.token:
        raise StartError(f"No token: clients must prove who they are. Give --token or set {TOKEN_VARIABLE}.")
    if given.max_concurrent_tasks < 1:
        raise StartError(f"--max-concurrent-tasks {given.max_concurrent_tasks} must be at least 1.")
    return ServerSettings(
        home=given.home.expanduser().resolve(),
        token=given.token,
        delta_jars=given.delta_jars.expanduser().resolve(),
        host=given.host,
        port=given.port,
        spark_port=given.spark_port,
        spark_memory=given.spark_memory,
        max_concurrent_tasks=given.max_concurrent_tasks,
        public_url=given.public_url,
        rehearse=given.rehearse,
        storage=StorageAccount.of(environment[STORAGE_VARIABLE]) if environment.get(STORAGE_VARIABLE) else None,
    )


def main() -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    try:
        settings = parse_settings(sys.argv[1:], os.environ)
        run_server(settings, frozenset({TOKEN_VARIABLE}), system_clock)
    except StartError as error:
        print(f"The local Databricks API cannot start: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
