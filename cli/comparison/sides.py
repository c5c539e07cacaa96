"""What is compared: the files of bronze's index of a business date, and the Parquet files of the other tool."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from lakehouse.bronze.manifest import read_manifest
from lakehouse.errors import LakehouseError
from lakehouse.lake.lake_path import LakePath, files_below, local_path, open_stream
from lakehouse.lake.storage_errors import storage_errors

from lake_model.bronze_manifest import Manifest
from lake_model.lake_layout import bronze_root, manifest_name, table_folder

_PARQUET = ".parquet"


class CompareError(LakehouseError):
    """Nothing can be compared: one of the sides is not there, or cannot be read."""


@dataclass(frozen=True)
class BronzeSide:
    """Bronze as the run of a business date left it.

    Attributes:
        manifest: its index.
        files: on this machine, with the slices whose rows they hold; a file may hold rows of others too.
    """

    manifest: Manifest
    files: Mapping[Path, frozenset[str]]


def bronze_side(lake: Any, schema: str, table: str, day: date, scratch: Path, only: str | None) -> BronzeSide:
    """The side of bronze.

    Args:
        lake: its root.
        schema: at the source.
        table: at the source.
        day: the business date whose run left the index.
        scratch: folder for the files of a storage account, which are read there.
        only: the one slice that is wanted; None: all.

    Raises:
        CompareError: no run of that date landed the table.
    """
    folder = table_folder(bronze_root(lake), schema, table)
    manifest = read_manifest(folder, manifest_name(day))
    if manifest is None:
        raise CompareError(
            f"no run of {day} landed {schema}.{table}: {folder / manifest_name(day)} is not there; run that date first"
        )
    slices: dict[str, set[str]] = {}
    for one in manifest.slices:
        if only is None or one.slice == only:
            for name in one.files:
                slices.setdefault(name, set()).add(one.slice)
    files = {_here(folder / name, scratch / "bronze" / name): frozenset(found) for name, found in slices.items()}
    return BronzeSide(manifest, files)


def other_side(places: Iterable[str], conn_id: str, scratch: Path) -> list[Path]:
    """The other tool's files on this machine: each place is a file, or a folder of them, also at a storage account.

    Raises:
        CompareError: there is no Parquet file at one of the places.
    """
    found: list[Path] = []
    for number, place in enumerate(places):
        root = _place(place, conn_id)
        local = local_path(root)
        if local is not None and local.is_file():
            found.append(local)
            continue
        names = [file.name for file in files_below(root) if file.name.lower().endswith(_PARQUET)]
        if not names and local is None and place.lower().endswith(_PARQUET):
            found.append(_here(root, scratch / str(number) / "one.parquet"))
            continue
        if not names:
            raise CompareError(f"there is no file {_PARQUET} at {place}: give a file, or the folder that holds them")
        found += [_here(root / name, scratch / str(number) / name) for name in sorted(names)]
    return found


def _place(place: str, conn_id: str) -> Any:
    from lakehouse.lake.lake_root import lake_at

    return lake_at(place, conn_id) if "://" in place else Path(place)


def _here(path: LakePath, copy: Path) -> Path:
    """The file itself where it lies on this machine, else a copy of it, in pieces."""
    local = local_path(path)
    with storage_errors("read", path):
        if local is not None:
            if not local.is_file():
                raise CompareError(f"{local} is not there: copy the table again, or give another file")
            return local
        copy.parent.mkdir(parents=True, exist_ok=True)
        with open_stream(path, "rb") as stream, copy.open("wb") as kept:
            shutil.copyfileobj(stream, kept, 1 << 22)
    return copy
