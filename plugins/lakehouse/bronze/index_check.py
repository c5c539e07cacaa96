"""Whether the files that an index names are there as it says."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import IO

from lake_model.bronze_manifest import BronzeFile, Manifest
from lakehouse.lake.lake_path import LakePath, files_below, open_stream, state
from lakehouse.lake.storage_errors import storage_errors

_BLOCK_BYTES = 2**20
# To ask for each of a few files costs less than to list all that the table has.
_FEW_FILES = 4


@dataclass(frozen=True)
class Damage:
    """The slices of an index that need a damaged file, and what is wrong, in a sentence."""

    slices: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def damaged_files(folder: LakePath, files: Mapping[str, BronzeFile], with_content: bool) -> dict[str, str]:
    """Those of some files that are not as they were written, each with what is wrong with it.

    Args:
        folder: the table's folder.
        files: by name relative to it, as an index has them.
        with_content: read every byte, and hold it against the SHA-256; else only the size is.

    Raises:
        StorageError: the folder cannot be listed, or a file that is there cannot be read.
    """
    sizes = _sizes(folder, files)
    damaged = {}
    for name, file in files.items():
        if name not in sizes:
            damaged[name] = "is gone"
        elif sizes[name] != file.bytes:
            damaged[name] = f"has {sizes[name]:,} bytes, not {file.bytes:,}"
        elif with_content and _sha256_at(folder / name) != file.sha256:
            damaged[name] = "has other bytes than were written"
    return damaged


def find_damage(folder: LakePath, index: Manifest | None, with_content: bool = False) -> Damage:
    """What of an index cannot be read any more; see `damaged_files`.

    Raises:
        StorageError: the folder cannot be listed, or a file that is there cannot be read.
    """
    damaged = damaged_files(folder, index.files, with_content) if index is not None else {}
    if index is None or not damaged:
        return Damage()
    slices = frozenset(item.slice for item in index.slices if not set(damaged).isdisjoint(item.files))
    first = min(damaged)
    note = (
        f"{len(damaged):,} files that the index names are lost or damaged (first: {first} {damaged[first]}): the run "
        f"that looks at their {len(slices):,} slices copies them again"
    )
    return Damage(slices, (note,))


def sha256_of(stream: IO[bytes]) -> str:
    """The SHA-256 of what is left of a stream."""
    digest = hashlib.sha256()
    while block := stream.read(_BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()


def _sizes(folder: LakePath, names: Collection[str]) -> dict[str, int]:
    if len(names) <= _FEW_FILES:
        found = {name: state(folder / name) for name in names}
        return {name: file.bytes for name, file in found.items() if file is not None}
    return {file.name: file.bytes for file in files_below(folder)}


def _sha256_at(path: LakePath) -> str:
    with storage_errors("read", path), open_stream(path, "rb") as stream:
        return sha256_of(stream)
