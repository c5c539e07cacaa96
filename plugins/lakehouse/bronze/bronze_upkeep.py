"""Removing from bronze what no reader can come to: what failed copies left, and replaced indexes of facts.

A file is visible only through a manifest. Snapshots of tables without a date column stay for ever, whatever their date,
because the source no longer has them. Indexes of dated tables hold the whole table, so only the one that the pointer
names is read; older ones stay for the grace period, and with them the files that they name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from lake_model.bronze_manifest import Manifest
from lake_model.lake_layout import DRAFT_NAME, LATEST_NAME, bronze_root, name_of_folder
from lakehouse.bronze.manifest import read_manifest, read_visible
from lakehouse.errors import LakehouseError, SettingError
from lakehouse.lake.lake_path import (
    PARTIAL_SUFFIX,
    TIME_PREFIX,
    LakeFile,
    LakePath,
    files_below,
    remove,
    state,
    store_time,
)

# A copy is stopped after hours; what it has written stays out of reach of the sweep for longer than any copy lasts.
SHORTEST_GRACE = timedelta(days=1)
# A reader that read an index before it was replaced may still be reading its files.
_READERS = timedelta(hours=3)
_MANIFEST = re.compile(r"business_date=\d{4}-\d{2}-\d{2}/_manifest\.json")
_PART = re.compile(r"business_date=\d{4}-\d{2}-\d{2}/part-.+\.parquet")


@dataclass(frozen=True)
class TableSweep:
    """What a sweep did with one table.

    Attributes:
        removed: files, relative to the table's folder, by name; with `dry_run` those that would have gone.
        bytes: their size.
        left: why the table was left for the next sweep, or None.
        problem: what is wrong with its index, so that nothing was removed, or None.
    """

    schema: str
    table: str
    removed: tuple[str, ...] = ()
    bytes: int = 0
    left: str | None = None
    problem: str | None = None

    def __str__(self) -> str:
        outcome = self.problem or self.left or f"{len(self.removed):,} files removed, {self.bytes:,} bytes"
        return f"{self.schema}.{self.table}: {outcome}"


def sweep_bronze(root: LakePath, now: datetime, grace: timedelta, dry_run: bool = False) -> list[TableSweep]:
    """Sweep every table of bronze; a table that is damaged is left as it is, and the others are swept.

    Args:
        root: the folder of bronze.
        now: the instant from which ages are counted, with a time zone: by the clock that gave the files their times.
        grace: how old a file must be to go; no copy may last as long.
        dry_run: remove nothing, and show what would go.

    Raises:
        SettingError: the grace period is shorter than `SHORTEST_GRACE`.
        StorageError: bronze cannot be listed.
    """
    if grace < SHORTEST_GRACE:
        raise SettingError(
            f"a grace period of {grace} is too short: a copy that runs may have written files {SHORTEST_GRACE} ago; "
            "give one day or more"
        )
    swept = []
    for (schema, table), files in _by_table(files_below(root)):
        folder = root / schema / table
        names = (name_of_folder(schema), name_of_folder(table))
        try:
            swept.append(_sweep_table(folder, names, files, now, grace, dry_run))
        except LakehouseError as error:
            swept.append(TableSweep(*names, problem=str(error)))
    return swept


def sweep_lake(lake: LakePath, grace_days: int, show: Callable[[str], object], *, dry_run: bool = False) -> list[str]:
    """Sweep the bronze of a lake, `show` one line per table, and give a line for each table that is damaged.

    Raises:
        SettingError: the grace period is too short.
        StorageError: bronze cannot be listed or written.
    """
    root = bronze_root(lake)
    # Not by this machine's clock: were it ahead, files that a copy has just written would be old.
    swept = sweep_bronze(root, store_time(root), timedelta(days=grace_days), dry_run)
    for table in swept:
        show(str(table))
    files, size = sum(len(table.removed) for table in swept), sum(table.bytes for table in swept)
    show(f"{len(swept):,} tables: {files:,} files {'would be ' if dry_run else ''}removed, {size:,} bytes")
    return [str(table) for table in swept if table.problem]


def _by_table(files: Sequence[LakeFile]) -> Iterator[tuple[tuple[str, str], list[LakeFile]]]:
    inside = [(file.name.split("/", 2), file) for file in files]
    placed = [((parts[0], parts[1]), parts[2], file) for parts, file in inside if len(parts) == 3]
    for place, group in groupby(sorted(placed, key=lambda item: item[:2]), key=lambda item: item[0]):
        yield place, [LakeFile(name, file.bytes, file.modified) for _, name, file in group]


def _sweep_table(
    folder: LakePath, names: tuple[str, str], files: Sequence[LakeFile], now: datetime, grace: timedelta, dry_run: bool
) -> TableSweep:
    indexes = [file for file in files if file.name == LATEST_NAME or _MANIFEST.fullmatch(file.name)]
    visible = read_visible(folder)
    # The listing is older: an index that was published since is not in it, though it may name old files. Each
    # publication writes the pointer, so that of the pointer counts. What is published from here on names files
    # of the index that was read here, and young ones.
    pointer = state(folder / LATEST_NAME)
    published = max((file.modified for file in [*indexes, *([pointer] if pointer else [])]), default=None)
    if published is not None and now - published < _READERS:
        moment = f"{published:%Y-%m-%d %H:%M:%S %Z}"
        return TableSweep(*names, left=f"published at {moment}, and may still be read as it was before")
    manifests = {
        file.name: manifest
        for file in indexes
        if file.name != LATEST_NAME and (manifest := read_manifest(folder, file.name)) is not None
    }
    gone = removable(files, manifests, visible[0].manifest if visible else None, now - grace)
    # Indexes first: were the sweep stopped half-way, none would name a file that is gone.
    for file in sorted(gone, key=lambda file: file.name not in manifests):
        if not dry_run:
            remove(folder / file.name)
    return TableSweep(*names, tuple(sorted(file.name for file in gone)), sum(file.bytes for file in gone))


def removable(
    files: Sequence[LakeFile], manifests: dict[str, Manifest], visible: str | None, before: datetime
) -> list[LakeFile]:
    """Which files of a table may go.

    Args:
        files: all of the table's files.
        manifests: its manifests by name.
        visible: the name of the manifest that the pointer names, if there is a pointer.
        before: files written at this instant or later stay.

    Returns:
        Files that bronze itself wrote and that nothing names any more; what has another form of name stays.
    """
    old = [file for file in files if file.modified < before]
    replaced = {
        file.name
        for file in old
        if file.name in manifests and file.name != visible and manifests[file.name].date_column is not None
    }
    named = {name for key, manifest in manifests.items() if key not in replaced for name in manifest.files}
    return [
        file
        for file in old
        if file.name in replaced
        or (_PART.fullmatch(file.name) and file.name not in named)
        or file.name == DRAFT_NAME
        or file.name.endswith(PARTIAL_SUFFIX)
        or file.name.startswith(TIME_PREFIX)
    ]
