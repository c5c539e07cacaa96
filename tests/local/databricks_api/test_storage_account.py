"""A lake on a storage account: the settings that Spark gets for it, and a job that writes to it."""

from __future__ import annotations

import pytest
from databricks.sdk import WorkspaceClient

from local.azurite_server import ACCOUNT
from local.compose.lake_container import CONTAINER
from local.databricks_api.errors import StartError
from local.databricks_api.storage_account import StorageAccount
from tests.local.databricks_api.conftest import TOKEN, RunningServer
from tests.local.databricks_api.test_with_databricks_sdk import ended_run, python_task, submit, task_ids


def test_of_azures_own_account_spark_is_told_the_key_alone() -> None:
    account = StorageAccount.of("DefaultEndpointsProtocol=https;AccountName=sales;AccountKey=a2V5PQ==;EndpointSuffix=x")
    assert account.spark_settings == {"fs.azure.account.key.sales.dfs.core.windows.net": "a2V5PQ=="}


def test_of_azurite_spark_is_told_where_it_is_and_what_it_has_not() -> None:
    account = StorageAccount.of("AccountName=a;AccountKey=b;BlobEndpoint=http://127.0.0.1:10000/a;")
    assert account.spark_settings == {
        "fs.azure.account.key.a.dfs.core.windows.net": "b",
        "fs.azure.abfs.endpoint": "127.0.0.1:10000",
        "fs.azure.always.use.https": "false",
        "fs.azure.account.hns.enabled": "false",
        "fs.azure.fns.account.service.type": "BLOB",
    }


def test_what_is_no_connection_string_is_refused_without_its_text() -> None:
    with pytest.raises(StartError, match=r"^LAKEHOUSE_DATABRICKS_STORAGE is no connection string") as refused:
        StorageAccount.of("AccountKey=secret")
    assert "secret" not in str(refused.value)


@pytest.mark.spark
def test_a_job_has_its_lake_there_and_the_key_stands_on_no_command_line(
    server: RunningServer, scripts: dict[str, str]
) -> None:
    workspace = WorkspaceClient(host=server.url, token=TOKEN, auth_type="pat")
    root = f"abfs://{CONTAINER}@{ACCOUNT}.dfs.core.windows.net/some/lake"
    run = ended_run(workspace, submit(workspace, python_task(scripts["cloud"], root)))
    assert workspace.jobs.get_run_output(task_ids(run)["main"]).logs == (
        "counted 3\nread written\nlisted ['note.txt', 'table/']\nmissing True\n"
    )
    properties = server.home / "spark.properties"
    assert properties.stat().st_mode & 0o777 == 0o600
    key = StorageAccount.of(server.storage).key
    assert key in properties.read_text()
    assert not [line for line in server.command_lines if key in line]
