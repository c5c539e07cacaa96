"""`connections`: whether the source, the lake, Databricks and a SQL warehouse let the pipeline do its work."""

from __future__ import annotations

import argparse
import os

from cli.commands.command import DONE, FOUND_WRONG, Command
from cli.commands.source_arguments import add_schema_argument

_DESCRIPTION = """Tries the connections of the source, of the lake, of Databricks with the deployed jobs that the
settings name, and of the SQL warehouse where one is set, as the pipeline uses them: reads nothing of each table, and
writes and removes one small file. What is missing is shown with its cure, such as a grant."""


def run(arguments: argparse.Namespace) -> int:
    """Try them, and print a line for each, or what is wrong with it."""
    from airflow.providers.databricks.hooks.databricks import DatabricksHook
    from lakehouse.daily_run.databricks_runs import STAGES, job_name
    from lakehouse.hooks.deployed_jobs import try_databricks
    from lakehouse.hooks.lake_hook import LakeHook
    from lakehouse.hooks.mysql_source_hook import MySqlSourceHook
    from lakehouse.settings import setting_value

    source = MySqlSourceHook(setting_value("mysql_conn_id", os.environ))
    lake = LakeHook(setting_value("lake_root", os.environ), setting_value("lake_conn_id", os.environ))
    databricks = setting_value("databricks_conn_id", os.environ)
    pattern = setting_value("databricks_jobs", os.environ)
    found = [
        source.test_connection(arguments.schema),
        lake.test_connection(),
        try_databricks(DatabricksHook(databricks), [job_name(pattern, stage) for stage in STAGES if pattern]),
    ]
    if warehouse := setting_value("warehouse", os.environ):
        from lakehouse.hooks.sql_warehouse_hook import SqlWarehouseHook

        asked = SqlWarehouseHook(databricks, warehouse)
        found.append(asked.test_connection(setting_value("catalog", os.environ)))
    for works, message in found:
        print(f"{'ok' if works else 'WRONG'}: {message}")
    return DONE if all(works for works, _ in found) else FOUND_WRONG


COMMAND = Command(
    ("connections",),
    "try the connections of source, lake, Databricks and SQL warehouse",
    _DESCRIPTION,
    add_schema_argument,
    run,
)
