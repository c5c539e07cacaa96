"""Makes the container of the lake in the demo's storage account: `python -m local.compose.lake_container`.

Run once by `docker-compose.yml`; running it again changes nothing. An account of Azure's own has its containers by
Terraform.
"""

from __future__ import annotations

import os
import sys

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.blob import BlobServiceClient

from local.databricks_api.storage_account import VARIABLE

CONTAINER = "lake"


def make_container(connection_string: str) -> None:
    """Make the container, where there is none yet."""
    with BlobServiceClient.from_connection_string(connection_string) as service:
        try:
            service.create_container(CONTAINER)
        except ResourceExistsError:
            return


def main() -> int:
    """Make the container; gives the exit status."""
    try:
        make_container(os.environ[VARIABLE])
    except KeyError:
        print(f"error: {VARIABLE} must be set: a storage account's connection string", file=sys.stderr)
    except (AzureError, ValueError) as error:
        print(f"error: the storage account that {VARIABLE} names cannot be used: {error}", file=sys.stderr)
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
