"""The lake of a run, as Airflow reaches it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import ObjectStoragePath

    from lakehouse.settings import Settings


def lake_root(settings: Settings) -> ObjectStoragePath:
    """The lake's root; a cloud path without a connection of its own takes the one of the settings."""
    from airflow.sdk import ObjectStoragePath

    if settings.lake_root.startswith("file://") or "@" in settings.lake_root:
        return ObjectStoragePath(settings.lake_root)
    return ObjectStoragePath(settings.lake_root, conn_id=settings.lake_conn_id)
