"""The fingerprints that the source would give for what bronze holds, of slices it was never asked about."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from lake_model.bronze_manifest import Manifest, Slice
from lakehouse.bronze.bronze_reader import stored_checksums
from lakehouse.bronze.content_checksum import can_be_checked
from lakehouse.lake.lake_path import LakePath
from lakehouse.source.fingerprint import SourceSlice, fingerprint_of, slices_of
from lakehouse.source.mysql_source import MySqlSource
from lakehouse.source.type_map import ColumnPlan

# Rows and digest; those of today name the algorithm in between.
_PARTS_OF_EARLIER = 2


def without_earlier(index: Manifest) -> Manifest:
    """The index, as though the source had never been asked for the fingerprints of SHA-1 that version 0.1.0 made."""
    return replace(index, slices=tuple(map(_without_earlier, index.slices)))


def _without_earlier(item: Slice) -> Slice:
    is_earlier = item.source_fingerprint is not None and item.source_fingerprint.count(":") + 1 == _PARTS_OF_EARLIER
    return replace(item, source_fingerprint=None) if is_earlier else item


def with_stored_fingerprints(
    folder: LakePath, index: Manifest, names: Collection[str], plans: Sequence[ColumnPlan]
) -> dict[str, Slice]:
    """Slices of an index that have no source fingerprint, with the one that their files say they would have.

    Args:
        folder: the table's folder.
        index: names the slices and their files.
        names: the slices that are asked for.
        plans: the source's columns; where bronze does not give the server's text of one, no slice is given.

    Raises:
        StorageError: a file cannot be read.
    """
    unknown = {item.slice: item for item in index.slices if item.slice in names and item.source_fingerprint is None}
    if not unknown or not all(map(can_be_checked, plans)):
        return {}
    checksums = stored_checksums(folder, index, list(unknown), plans)
    return {
        name: replace(unknown[name], source_fingerprint=fingerprint_of(SourceSlice(name, rows, checksum, {}), plans))
        for name, (rows, checksum) in checksums.items()
    }


def asked_beside_stored(
    source: MySqlSource,
    statement: str,
    folder: LakePath,
    index: Manifest | None,
    names: Collection[str],
    plans: Sequence[ColumnPlan],
    dated: bool,
) -> tuple[dict[str, SourceSlice], dict[str, Slice]]:
    """Ask the source for fingerprints, and compute meanwhile those that the index lacks.

    Returns:
        The source's slices, and those of the index that got a fingerprint.

    Raises:
        SourceError: the source refuses, or the connection is lost.
        StorageError: a file cannot be read.
    """
    with ThreadPoolExecutor(1, "stored-checksums") as pool:
        stored = pool.submit(with_stored_fingerprints, folder, index, names, plans) if index is not None else None
        rows = source.rows(statement)
        return slices_of(rows, plans, dated), stored.result() if stored is not None else {}


def unchanged_slices(
    index: Manifest, stored: Mapping[str, Slice], found: Mapping[str, SourceSlice], plans: Sequence[ColumnPlan]
) -> dict[str, Slice]:
    """The slices of an index whose content is the source's.

    Args:
        index: names the slices.
        stored: those of them that got a fingerprint from their files.
        found: what the source holds, with checksums.
        plans: the source's columns.
    """
    known = [stored.get(item.slice, item) for item in index.slices if item.slice in found]
    return {
        item.slice: item
        for item in known
        if item.source_fingerprint is not None and item.source_fingerprint == fingerprint_of(found[item.slice], plans)
    }
