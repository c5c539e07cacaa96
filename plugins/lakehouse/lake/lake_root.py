"""The lake of a run, as Airflow reaches it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import ObjectStoragePath

    from lakehouse.settings import Settings


def lake_root(settings: Settings) -> ObjectStoragePath:
    """The lake's root; a cloud path without a connection of its own takes the one of the settings."""
    return lake_at(settings.lake_root, settings.lake_conn_id)


def lake_at(uri: str, conn_id: str) -> ObjectStoragePath:
    """The lake at an address in the form of the setting `lake_root`; `conn_id` serves one that names no connection."""
    from airflow.sdk import ObjectStoragePath

    # The storage account's client would write every request and its headers to the task's log.
    logging.getLogger("azure.core.pipeline.policies.http_logging_policy").setLevel(logging.WARNING)
    if uri.startswith("file://") or "@" in uri:
        return ObjectStoragePath(uri)
    return ObjectStoragePath(uri, conn_id=conn_id)
