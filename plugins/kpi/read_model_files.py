"""The read models on disk: found by the version that they hold, made where there is none, removed when they are old.

A file is written beside the others and takes its name when it is whole; readers keep the one that they opened.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Generator
from pathlib import Path

from lakehouse.errors import StorageError
from lakehouse.lake.tables import DeltaState

from kpi.read_model import FORM, Limits, ReadModel, open_model
from kpi.read_model_making import make, refresh
from lake_model.contracts.kpi_contract import KpiContract


def model_path(folder: Path, contract: KpiContract, state: DeltaState) -> Path:
    """Where the read model of a version lies; every version and declaration has a file of its own."""
    return folder / _name(contract, state, state.version)


def _name(contract: KpiContract, state: DeltaState, version: int | str) -> str:
    return f"{contract.name}.{state.id[:8]}.{version}.{contract.digest}.{FORM}.duckdb"


def open_or_make(folder: Path, contract: KpiContract, state: DeltaState, limits: Limits) -> ReadModel:
    """The read model of a version: the one on disk, or a new one where there is none or it is damaged.

    Raises:
        StorageError: the gold table cannot be read, or the folder not written.
        LakehouseError: the table has not the columns that its contract declares.
    """
    path = model_path(folder, contract, state)
    if (found := open_model(path, limits)) is not None:
        return found
    with _alone_in(folder, contract):
        # Another process may have made it meanwhile.
        if (found := open_model(path, limits)) is not None:
            return found
        path.unlink(missing_ok=True)
        earlier = _earlier(folder, contract, state)
        if earlier is None or not refresh(path, earlier, contract, state, limits):
            make(path, contract, state, limits)
        _remove_others(folder, contract, path)
    made = open_model(path, limits)
    if made is None:
        raise StorageError(f"{path}: the page's read model cannot be opened just after it was made: see the disk")
    return made


@contextlib.contextmanager
def _alone_in(folder: Path, contract: KpiContract) -> Generator[None]:
    """One process at a time makes the read models of a table."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(folder / f"{contract.name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StorageError(
            f"{folder}: the page's read models cannot be written there ({error.strerror}): "
            "set LAKEHOUSE_KPI_FOLDER to a folder that the API server may write"
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _remove_others(folder: Path, contract: KpiContract, kept: Path) -> None:
    for path in folder.glob(f"{contract.name}.*.duckdb*"):
        # Who has an older one open reads on: its file goes when it is closed.
        if path.name != kept.name:
            path.unlink(missing_ok=True)


def _earlier(folder: Path, contract: KpiContract, state: DeltaState) -> Path | None:
    """The read model of the newest version before, of the same table and declaration."""
    before = f"{contract.name}.{state.id[:8]}."
    found = {
        path.name.removeprefix(before).partition(".")[0]: path for path in folder.glob(_name(contract, state, "*"))
    }
    versions = [int(one) for one in found if one.isdigit() and int(one) < state.version]
    return found[str(max(versions))] if versions else None
