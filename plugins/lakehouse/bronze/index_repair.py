"""Making a table's pointer again from its manifests, and telling which files of the index are damaged."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from lake_model.bronze_manifest import UNDATED, Manifest
from lake_model.lake_layout import LATEST_NAME
from lakehouse.bronze.index_check import damaged_files
from lakehouse.bronze.manifest import pointer_to, read_manifest, read_visible
from lakehouse.errors import ManifestError
from lakehouse.lake.lake_path import LakePath, folders_in, publish, read, read_state

_DATE_FOLDER = re.compile(r"business_date=\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Repair:
    """What was found and done.

    Attributes:
        done: sentences; that all is well is one too.
        damaged: files of the index that are not as they were written, each with what is wrong.
    """

    done: tuple[str, ...]
    damaged: tuple[str, ...]


def repair_index(folder: LakePath) -> Repair:
    """Make a table's pointer again where it, or the manifest that it names, cannot be read; then read every file.

    Args:
        folder: the table's folder.

    Raises:
        ManifestError: there is no manifest that can be read.
        OvertakenError: a copy published the table meanwhile.
        StorageError: the lake cannot be read or written.
    """
    seen = read_state(folder / LATEST_NAME)
    done: list[str] = []
    try:
        visible = read_visible(folder)
        why = f"{folder / LATEST_NAME} is missing"
    except ManifestError as error:
        visible, why = None, str(error)
    if visible is None:
        found, unreadable = _manifests(folder)
        done += [f"left out: {problem}" for problem in unreadable]
        if not found:
            raise ManifestError(
                f"{folder}: no manifest can be read, so that there is nothing to make the pointer from: remove the "
                "table's bronze folder and copy the table afresh"
            )
        name, manifest = found[-1]
        newest = newest_business_date(found)
        pointer = pointer_to(name, read(folder / name) or b"", newest)
        publish(folder / LATEST_NAME, pointer.to_json().encode(), seen)
        done.append(f"{why.partition('; make it again')[0]}: now {LATEST_NAME} names {name}, newest date {newest}")
    else:
        manifest = visible[1]
        done.append(f"{folder / LATEST_NAME}: whole, and so is the manifest that it names, {visible[0].manifest}")
    damaged = damaged_files(folder, manifest.files, with_content=True)
    return Repair(tuple(done), tuple(f"{name} {problem}" for name, problem in sorted(damaged.items())))


def newest_business_date(found: Sequence[tuple[str, Manifest]]) -> date:
    """The newest business date ever landed, as far as manifests say: those of before the field know less.

    Upkeep removes replaced indexes of facts, so that the newest run's need not be among them; its slices are.
    """
    named: set[str] = set()
    for _, manifest in found:
        named |= {manifest.business_date, manifest.newest_business_date or manifest.business_date}
        named |= {item.copied_business_date for item in manifest.slices}
        if manifest.date_column is not None:
            named |= {item.slice for item in manifest.slices if item.slice != UNDATED}
    return date.fromisoformat(max(named))


def _manifests(folder: LakePath) -> tuple[list[tuple[str, Manifest]], list[str]]:
    """Those that can be read, in the order in which they were published, and what is wrong with the others."""
    found, unreadable = [], []
    for name in folders_in(folder):
        if not _DATE_FOLDER.fullmatch(name):
            continue
        path = f"{name}/_manifest.json"
        try:
            manifest = read_manifest(folder, path)
        except ManifestError as error:
            unreadable.append(str(error))
            continue
        if manifest is not None:
            found.append((path, manifest))
    # A snapshot is only ever published as the newest; of facts a backfill publishes an index of an older date.
    return sorted(found, key=lambda one: (one[1].date_column is not None and one[1].copied_at, one[0])), unreadable
