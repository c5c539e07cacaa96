"""The environment in which the demo's Airflow runs: its configuration, connections and the platform's settings."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from local.demo.addresses import AIRFLOW_USER, HOST, REPOSITORY, Home, Ports, Secrets
from local.mysql_server import READER


def airflow_environment(
    home: Home,
    ports: Ports,
    secrets: Secrets,
    metadata_url: str,
    mysql_password: str,
    overrides: Mapping[str, str] | None = None,
    mysql_public_key: Path | None = None,
) -> dict[str, str]:
    """Environment variables for every Airflow component; values of the caller's own environment stay beneath them."""
    url = f"http://{HOST}:{ports.airflow}"
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "LAKEHOUSE_"))}
    kept = {key: value for key, value in os.environ.items() if key in {"LAKEHOUSE_DELTA_JARS", "LAKEHOUSE_CACHE"}}
    return {
        **inherited,
        **kept,
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "plugins"), str(REPOSITORY)]),
        "AIRFLOW_HOME": str(home.airflow),
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        # Else a DAG file without certain words is never found, without any message.
        "AIRFLOW__CORE__DAG_DISCOVERY_SAFE_MODE": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__FERNET_KEY": secrets.fernet_key,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{AIRFLOW_USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home.airflow / "passwords.json"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata_url,
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(ports.airflow),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": secrets.api_secret,
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.jwt_secret,
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
        "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
        # A task whose start the API server does not confirm in time is failed; on a busy machine it may need long.
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        # Without it a cleared Databricks task may find its old run id and end without running anything.
        "AIRFLOW__STATE_STORE__CLEAR_ON_SUCCESS": "True",
        "AIRFLOW_CONN_MYSQL_ONPREM": json.dumps(
            {
                "conn_type": "mysql",
                "host": HOST,
                "port": ports.mysql,
                "login": READER,
                "password": mysql_password,
                **({"extra": {"server_public_key": str(mysql_public_key)}} if mysql_public_key else {}),
            }
        ),
        "AIRFLOW_CONN_DATABRICKS_DEFAULT": json.dumps(
            {
                "conn_type": "databricks",
                "host": HOST,
                "schema": "http",
                "port": ports.databricks,
                "password": secrets.databricks_token,
            }
        ),
        "LAKEHOUSE_LAKE_ROOT": f"file://{home.lake}",
        "LAKEHOUSE_SPARK_LAKE_ROOT": str(home.lake),
        "LAKEHOUSE_CONTRACTS_ROOT": str(REPOSITORY / "contracts"),
        "LAKEHOUSE_SPARK_CONTRACTS_ROOT": str(REPOSITORY / "contracts"),
        "LAKEHOUSE_SPARK_CODE_ROOT": str(REPOSITORY / "spark_jobs"),
        "LAKEHOUSE_DATABRICKS_POLLING_SECONDS": "1",
        # Spark is slow on a machine of two cores; a task that is deferred goes on up to a quarter of a minute too late.
        "LAKEHOUSE_DATABRICKS_WORKER_WAIT_SECONDS": "300",
        # The demo's days lie in the past and are started by hand: the schedule itself must start no other day.
        "LAKEHOUSE_SCHEDULE_START": "2100-01-01",
        **(overrides or {}),
    }
