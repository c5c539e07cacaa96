"""Reads and publishes bronze's indexes: the pointer of a table, and the manifests of its business dates."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass, replace
from datetime import date

from lake_model.bronze_manifest import Latest, Manifest
from lake_model.lake_layout import LATEST_NAME, manifest_name, name_of_folder
from lakehouse.errors import ManifestError
from lakehouse.lake.lake_path import FileState, LakePath, publish, read, read_state


def read_latest(folder: LakePath) -> Latest | None:
    """The pointer of a table, or None where nothing was ever landed.

    Raises:
        ManifestError: the pointer is damaged.
        StorageError: it cannot be read.
    """
    path = folder / LATEST_NAME
    content = read(path)
    return None if content is None else Latest.from_json(content, path)


def read_manifest(folder: LakePath, name: str) -> Manifest | None:
    """A manifest by its name relative to the table's folder, or None where there is none.

    Raises:
        ManifestError: the manifest is damaged.
        StorageError: it cannot be read.
    """
    path = folder / name
    content = read(path)
    return None if content is None else Manifest.from_json(content, path)


def read_visible(folder: LakePath) -> tuple[Latest, Manifest] | None:
    """The pointer and the manifest that it names, or None where nothing was ever landed.

    Raises:
        ManifestError: either is damaged, or the manifest is gone.
        StorageError: either cannot be read.
    """
    try:
        latest = read_latest(folder)
        if latest is None:
            return None
        manifest = read_manifest(folder, latest.manifest)
        if manifest is None:
            raise ManifestError(f"{folder / LATEST_NAME}: manifest names {latest.manifest}, which does not exist")
    except ManifestError as error:
        schema, table = map(name_of_folder, str(folder).rstrip("/").split("/")[-2:])
        command = f"bin/lakehouse repair {shlex.quote(table)} --schema {shlex.quote(schema)}"
        raise ManifestError(f"{error}; make it again from the table's manifests: {command}") from error
    return latest, manifest


@dataclass(frozen=True)
class IndexState:
    """The pointer, and a business date's manifest, as they were when a run began; either may have been missing."""

    pointer: FileState
    manifest: FileState


def read_index_state(folder: LakePath, business_date: date) -> IndexState:
    """Look at what the run of a business date will replace.

    Raises:
        StorageError: it cannot be read.
    """
    return IndexState(read_state(folder / LATEST_NAME), read_state(folder / manifest_name(business_date)))


def pointer_to(name: str, content: bytes, newest: date) -> Latest:
    """The pointer to a manifest.

    Args:
        name: the manifest's, relative to the table's folder.
        content: its bytes.
        newest: the newest business date ever landed.
    """
    return Latest(name, newest.isoformat(), hashlib.sha256(content).hexdigest())


def publish_manifest(folder: LakePath, manifest: Manifest, newest: date, seen: IndexState) -> None:
    """Make a manifest visible: the manifest first, then the pointer to it, each only over what was seen there.

    So of two runs that began from the same index one is refused, at the manifest when they are of one business date, at
    the pointer otherwise.

    Where the pointer names the manifest of this business date already, as in a rerun of the newest date, the manifest
    is visible as soon as it is written; its files must be kept even when this raises.

    Raises:
        OvertakenError: another run published meanwhile.
        StorageError: either cannot be written; readers see the old index or the new one, each of them whole.
    """
    name = manifest_name(date.fromisoformat(manifest.business_date))
    content = replace(manifest, newest_business_date=newest.isoformat()).to_json().encode()
    publish(folder / name, content, seen.manifest)
    publish(folder / LATEST_NAME, pointer_to(name, content, newest).to_json().encode(), seen.pointer)
