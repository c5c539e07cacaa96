"""The bronze manifest: a complete index of a table, by slice, and the pointer to the index that is visible.

A file is visible only through a manifest. A file may hold several slices, so a reader of a slice keeps only those rows
of its files whose date belongs to the slice.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

from lakehouse.bronze.bronze_layout import LATEST_NAME, manifest_name, name_of_folder
from lakehouse.errors import ManifestError
from lakehouse.json_fields import Fields
from lakehouse.lake.lake_path import LakePath, Seen, look, publish, read

MANIFEST_VERSION = 1
UNDATED = "undated"
ALL = "all"


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

    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Slice:
    """The rows of one date, of no date (`undated`), or of a table without a date column (`all`).

    `sums` are exact decimal texts by column; `fingerprint` changes whenever the content does; `files` are relative to
    the table's folder; `copied_business_date` is the business date whose run copied the content. `source_fingerprint`
    is what the source's is compared with to find changes: None where the source was never asked for it.
    """

    slice: str
    rows: int
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
    binlog_position: int | None = None
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
    rows: int
    sums: Mapping[str, str]
    rows_not_yet_due: int
    substitutions: Mapping[str, Mapping[str, int]]
    watermark: str | None = None
    full_pass: str | None = None
    newest_business_date: str | None = None

    def to_json(self) -> str:
        """The manifest's file content."""
        return json.dumps({"manifest_version": MANIFEST_VERSION, **asdict(self)}, indent=1, ensure_ascii=False) + "\n"

    @staticmethod
    def from_json(text: str | bytes, where: object) -> Manifest:
        """Read a manifest's file content; `where` names the file in messages.

        Raises:
            ManifestError: it is no manifest, or its parts contradict each other; the message names file and field.
        """
        fields = Fields.parse(text, where, ManifestError)
        version = fields.whole("manifest_version")
        if version != MANIFEST_VERSION:
            raise fields.wrong("manifest_version", f"is {version}; this code reads version {MANIFEST_VERSION}")
        server = fields.inner("server")
        files = fields.inner("files")
        manifest = Manifest(
            schema=fields.text("schema"),
            table=fields.text("table"),
            business_date=fields.iso_date("business_date"),
            run_id=fields.text("run_id"),
            copied_at=fields.checked("copied_at", datetime.fromisoformat, "a time"),
            change_detection=fields.text("change_detection"),
            date_column=fields.optional_text("date_column"),
            query=fields.text("query"),
            server=Server(
                server.text("version"),
                server.optional_text("binlog_file"),
                server.optional_whole("binlog_position"),
                server.optional_text("gtid"),
            ),
            columns=tuple(_column(item) for item in fields.items("columns")),
            files={key: _file(files.inner(key)) for key in files.names()},
            slices=tuple(_slice(item) for item in fields.items("slices")),
            rows=fields.whole("rows"),
            sums=fields.texts("sums"),
            rows_not_yet_due=fields.whole("rows_not_yet_due"),
            substitutions=_substitutions(fields.inner("substitutions")),
            # Manifests of before these fields came from runs that always looked everywhere.
            watermark=fields.optional_text("watermark") if "watermark" in fields.names() else None,
            full_pass=fields.optional_text("full_pass") if "full_pass" in fields.names() else None,
            newest_business_date=fields.optional_text("newest_business_date")
            if "newest_business_date" in fields.names()
            else None,
        )
        _check_consistency(manifest, fields)
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
        """Read the pointer's file content.

        Raises:
            ManifestError: it is no pointer; the message names file and field.
        """
        fields = Fields.parse(text, where, ManifestError)
        return Latest(
            fields.text("manifest"),
            fields.iso_date("newest_business_date"),
            fields.optional_text("manifest_sha256") if "manifest_sha256" in fields.names() else None,
        )


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
class SeenIndex:
    """The pointer, and a business date's manifest, as they were when a run began; either may have been missing."""

    pointer: Seen
    manifest: Seen


def look_at_index(folder: LakePath, business_date: date) -> SeenIndex:
    """Look at what the run of a business date will replace.

    Raises:
        StorageError: it cannot be read.
    """
    return SeenIndex(look(folder / LATEST_NAME), look(folder / manifest_name(business_date)))


def pointer_to(name: str, content: bytes, newest: date) -> Latest:
    """The pointer to a manifest.

    Args:
        name: the manifest's, relative to the table's folder.
        content: its bytes.
        newest: the newest business date ever landed.
    """
    return Latest(name, newest.isoformat(), hashlib.sha256(content).hexdigest())


def publish_manifest(folder: LakePath, manifest: Manifest, newest: date, seen: SeenIndex) -> None:
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


def _column(fields: Fields) -> Column:
    return Column(fields.text("name"), fields.text("mysql_type"), fields.text("arrow_type"), fields.flag("nullable"))


def _file(fields: Fields) -> BronzeFile:
    return BronzeFile(fields.whole("rows"), fields.whole("bytes"), fields.text("sha256"))


def _slice(fields: Fields) -> Slice:
    name = fields.text("slice")
    return Slice(
        slice=name if name in {UNDATED, ALL} else fields.iso_date("slice"),
        rows=fields.whole("rows"),
        sums=fields.texts("sums"),
        fingerprint=fields.text("fingerprint"),
        files=fields.text_list("files"),
        copied_business_date=fields.iso_date("copied_business_date"),
        # Manifests of before this field had no other fingerprint than the source's.
        source_fingerprint=fields.optional_text(
            "source_fingerprint" if "source_fingerprint" in fields.names() else "fingerprint"
        ),
    )


def _substitutions(fields: Fields) -> dict[str, dict[str, int]]:
    columns: dict[str, Any] = {name: fields.inner(name) for name in fields.names()}
    return {name: {reason: inner.whole(reason) for reason in inner.names()} for name, inner in columns.items()}


def _check_consistency(manifest: Manifest, fields: Fields) -> None:
    names = [item.slice for item in manifest.slices]
    if len(set(names)) != len(names):
        raise fields.wrong("slices", "names a slice twice")
    for item in manifest.slices:
        missing = [name for name in item.files if name not in manifest.files]
        if missing:
            raise fields.wrong("slices", f"slice {item.slice} names {missing[0]}, which is not in files")
    total = sum(item.rows for item in manifest.slices)
    if total != manifest.rows:
        raise fields.wrong("rows", f"is {manifest.rows}, but the slices hold {total} rows")
