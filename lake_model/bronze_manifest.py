"""The bronze manifest: a complete index of a table, by slice, and the pointer to the index that is visible.

A file is visible only through a manifest. A file may hold several slices, so a reader of a slice keeps only those rows
of its files whose date belongs to the slice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Annotated, Any

import msgspec

from lake_model.errors import ManifestError
from lake_model.json_records import parsed_object, record_of

MANIFEST_VERSION = 1
UNDATED = "undated"
ALL = "all"

Count = Annotated[int, msgspec.Meta(ge=0)]


@dataclass(frozen=True)
class Column:
    """A column of the bronze files; `arrow_type` is printed as Arrow prints it."""

    name: str
    mysql_type: str
    arrow_type: str
    nullable: bool


@dataclass(frozen=True)
class BronzeFile:
    """A Parquet file: its rows, its size in bytes, and the SHA-256 of its bytes."""

    rows: Count
    bytes: Count
    sha256: str


@dataclass(frozen=True)
class Slice:
    """The rows of one date, of no date (`undated`), or of a table without a date column (`all`).

    `sums` are exact decimal texts by column; `fingerprint` changes whenever the content does; `files` are relative to
    the table's folder; `copied_business_date` is the business date whose run copied the content. `source_fingerprint`
    is what the source's is compared with to find changes: None where the source was never asked for it.
    """

    slice: str
    rows: Count
    sums: Mapping[str, str]
    fingerprint: str
    files: tuple[str, ...]
    copied_business_date: str
    source_fingerprint: str | None = None


@dataclass(frozen=True)
class Server:
    """The source server and where its binary log stood at the snapshot, as far as the account may see it."""

    version: str
    binlog_file: str | None = None
    binlog_position: Count | None = None
    gtid: str | None = None


@dataclass(frozen=True)
class Manifest:
    """What the run of a business date landed; `files` are keyed by their path relative to the table's folder.

    `substitutions` counts, by column and reason, the values that this run's files could not hold as they were.
    `watermark` is the newest value of the watermark column that was seen; `full_pass` the business date of the last run
    that looked at every date; `newest_business_date` what the pointer said beside this manifest: with it a lost pointer
    can be made again.
    """

    schema: str
    table: str
    business_date: str
    run_id: str
    copied_at: str
    change_detection: str
    date_column: str | None
    query: str
    server: Server
    columns: tuple[Column, ...]
    files: Mapping[str, BronzeFile]
    slices: tuple[Slice, ...]
    rows: Count
    sums: Mapping[str, str]
    rows_not_yet_due: Count
    substitutions: Mapping[str, Mapping[str, Count]]
    watermark: str | None = None
    full_pass: str | None = None
    newest_business_date: str | None = None

    @property
    def digest(self) -> str:
        """Differs where columns or rows do."""
        columns = [[column.name, column.arrow_type] for column in self.columns]
        content = [columns, sorted([item.slice, item.fingerprint] for item in self.slices)]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]

    def landed(self, measures: Iterable[str]) -> dict[str, Any]:
        """See `publication`."""
        return publication(self.run_id, self.business_date, self.copied_at, self.slices, measures)

    def to_json(self) -> str:
        """The manifest's file content."""
        return json.dumps({"manifest_version": MANIFEST_VERSION, **asdict(self)}, indent=1, ensure_ascii=False) + "\n"

    @staticmethod
    def from_json(text: str | bytes, where: object) -> Manifest:
        """Read a manifest's file content; `where` names the file in messages.

        Raises:
            ManifestError: it is no manifest, or its parts contradict each other; the message names file and field.
        """
        try:
            document = parsed_object(text)
            version = document.get("manifest_version")
            if version != MANIFEST_VERSION:
                raise ValueError(f"manifest_version: it is {version}; this code reads version {MANIFEST_VERSION}")
            manifest = record_of(_with_later_fields(document), Manifest)
            _check(manifest)
        except ValueError as error:
            raise ManifestError(f"{where}: {error}") from error
        return manifest


@dataclass(frozen=True)
class Latest:
    """The pointer: the visible manifest, relative to the table's folder, and the newest business date ever landed.

    `manifest_sha256` is of the manifest's bytes when it was published: no two publications leave the same pointer.
    """

    manifest: str
    newest_business_date: str
    manifest_sha256: str | None = None

    def to_json(self) -> str:
        """The pointer's file content."""
        return json.dumps(asdict(self)) + "\n"

    @staticmethod
    def from_json(text: str | bytes, where: object) -> Latest:
        """Read the pointer's file content; `where` names the file in messages.

        Raises:
            ManifestError: it is no pointer; the message names file and field.
        """
        try:
            latest = record_of(parsed_object(text), Latest)
            _check_date("newest_business_date", latest.newest_business_date)
        except ValueError as error:
            raise ManifestError(f"{where}: {error}") from error
        return latest


def publication(
    run_id: str, business_date: str, copied_at: str, slices: Iterable[Slice], measures: Iterable[str]
) -> dict[str, Any]:
    """For the ledger: which publication of an index this is, and what it says of the source, slice by slice."""
    named = tuple(measures)
    return {
        "run_id": run_id,
        "business_date": business_date,
        "copied_at": copied_at,
        "slices": [
            {"slice": one.slice, "rows": one.rows, "sums": {name: one.sums.get(name, "0") for name in named}}
            for one in slices
        ],
    }


def _with_later_fields(document: dict[str, Any]) -> dict[str, Any]:
    # Manifests of before this field had no other fingerprint than the source's.
    slices = document.get("slices")
    for item in slices if isinstance(slices, list) else ():
        if isinstance(item, dict):
            item.setdefault("source_fingerprint", item.get("fingerprint"))
    return document


def _check(manifest: Manifest) -> None:
    _check_date("business_date", manifest.business_date)
    try:
        datetime.fromisoformat(manifest.copied_at)
    except ValueError:
        raise ValueError("copied_at: it must be a time") from None
    for number, item in enumerate(manifest.slices):
        _check_date(f"slices[{number}].copied_business_date", item.copied_business_date)
        if item.slice not in {UNDATED, ALL}:
            _check_date(f"slices[{number}].slice", item.slice)
        missing = [name for name in item.files if name not in manifest.files]
        if missing:
            raise ValueError(f"slices[{number}].files: {missing[0]} is not in files")
    if len({item.slice for item in manifest.slices}) != len(manifest.slices):
        raise ValueError("slices: one is named twice")
    total = sum(item.rows for item in manifest.slices)
    if total != manifest.rows:
        raise ValueError(f"rows: it is {manifest.rows}, but the slices hold {total} rows")


def _check_date(place: str, text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{place}: it must be a date such as 2026-11-20") from None
