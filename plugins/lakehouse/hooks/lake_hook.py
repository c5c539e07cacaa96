"""The lake by its Airflow connection."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

if TYPE_CHECKING:
    from airflow.sdk import ObjectStoragePath


class LakeHook(BaseHook):
    """The lake as Airflow reaches it.

    Args:
        lake_root: where it is, in the form of the setting of this name.
        lake_conn_id: the Airflow connection of a storage account whose address names none.
    """

    conn_name_attr = "lake_conn_id"
    default_conn_name = "adls_gen2"
    hook_name = "Lake"

    def __init__(self, lake_root: str, lake_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lake_root = lake_root
        self.lake_conn_id = lake_conn_id

    def get_conn(self) -> ObjectStoragePath:
        """The lake's root."""
        from lakehouse.lake.lake_root import lake_at

        return lake_at(self.lake_root, self.lake_conn_id)

    def test_connection(self) -> tuple[bool, str]:
        """Whether a file can be written to the lake, read and removed; if not, which right is missing."""
        from lakehouse.errors import StorageError
        from lakehouse.lake.lake_path import publish, read, remove

        try:
            probe = self.get_conn() / f"_connection_test_{secrets.token_hex(6)}"
            publish(probe, b"written by a test of the connection\n")
            read(probe)
            remove(probe)
        except StorageError as error:
            return False, str(error)
        return True, f"{self.lake_root} can be written and read"
