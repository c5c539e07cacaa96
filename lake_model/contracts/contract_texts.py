"""The text of contracts, which shows in no time that they are as they were: to read them takes seconds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from lake_model.contracts.contract_files import FILE_ENDING
from lake_model.contracts.waivers import WAIVERS_FILE


def contract_texts(folder: Path, tables: Iterable[str] | None = None) -> dict[str, str]:
    """Digests of the files of some tables' contracts, by default of all, and of the folder's waivers, by file name.

    Raises:
        OSError: a file is there and cannot be read.
    """
    paths = folder.glob(f"*{FILE_ENDING}") if tables is None else (folder / f"{name}{FILE_ENDING}" for name in tables)
    found = [path for path in (*paths, folder / WAIVERS_FILE) if path.is_file()]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def texts_digest(texts: Mapping[str, str], tables: Iterable[str]) -> str:
    """One digest of the files of some tables' contracts and of the waivers; a file that is not there counts too."""
    names = [*(f"{table}{FILE_ENDING}" for table in sorted(set(tables))), WAIVERS_FILE]
    lines = [f"{name} {texts.get(name)}" for name in names]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]
