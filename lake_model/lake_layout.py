"""The one place that knows where bronze and the ledger keep things.

    <bronze root>/<schema>/<table>/business_date=D/part-<run>-<attempt>-<n>.parquet
    <bronze root>/<schema>/<table>/business_date=D/_manifest.json
    <bronze root>/<schema>/<table>/_latest.json
    <bronze root>/<schema>/<table>/_draft.json
    <lake>/ledger/schema=S/business_date=D/run_id=R/<table>.<stage>.<attempt>.json

Names inside a table's folder are kept relative to it, so that a lake can be moved.
"""

from __future__ import annotations

import hashlib
import re
from datetime import date
from typing import Protocol, Self, TypeVar
from urllib.parse import quote, unquote

LATEST_NAME = "_latest.json"
DRAFT_NAME = "_draft.json"
_PLAIN = re.compile(r"[A-Za-z0-9_]+")
# A name in a path has 255 bytes at most, on disks and on storage accounts, and others are made of these by adding to
# them. A letter of Chinese takes nine bytes when it is encoded, and a table's name may have 64 of them.
_LONGEST_FOLDER = 220
_LONGEST_SLUG = 120
_DIGEST_LETTERS = 16


class Folder(Protocol):
    """A folder, in whose path names are joined by `/`."""

    def __truediv__(self, name: str) -> Self: ...


PathT = TypeVar("PathT", bound=Folder)


def folder_of_name(name: str) -> str:
    """The folder of a schema or table: its name, percent-encoded where it is not plain, and shortened where too long.

    A name of dots alone is encoded too: it would lead out of the lake.
    """
    if _PLAIN.fullmatch(name):
        return name
    encoded = quote(name, safe="")
    if not name.strip("."):
        encoded = encoded.replace(".", "%2E")
    if len(encoded) <= _LONGEST_FOLDER:
        return encoded
    # No half of an encoded letter stays, and no name that is encoded holds this sign.
    return f"{re.sub(r'%.?$', '', encoded[: _LONGEST_FOLDER - _DIGEST_LETTERS - 1])}+{_digest(name)}"


def name_of_folder(folder: str) -> str:
    """The schema or table that a folder belongs to: the inverse of `folder_of_name`, but of a shortened name."""
    return unquote(folder, errors="ignore")


def bronze_root(lake: PathT) -> PathT:
    """The folder of bronze in a lake."""
    return lake / "bronze"


def schema_folder(root: PathT, schema: str) -> PathT:
    """The folder of one source schema, which holds a folder for each of its tables."""
    return root / folder_of_name(schema)


def table_folder(root: PathT, schema: str, table: str) -> PathT:
    """The folder of one source table."""
    return schema_folder(root, schema) / folder_of_name(table)


def date_folder_name(business_date: date) -> str:
    """The folder, in a table's folder, of what the run of a business date landed."""
    return f"business_date={business_date.isoformat()}"


def manifest_name(business_date: date) -> str:
    """The manifest of a business date, relative to the table's folder."""
    return f"{date_folder_name(business_date)}/_manifest.json"


def part_name(business_date: date, run_id: str, attempt: str, number: int) -> str:
    """A Parquet file, relative to the table's folder; `attempt` differs between any two attempts of a run."""
    return f"{date_folder_name(business_date)}/part-{run_slug(run_id)}-{attempt}-{number}.parquet"


def ledger_folder_name(schema: str, business_date: date | str, run_id: str) -> str:
    """The folder of a run's ledger rows, relative to the lake."""
    return f"ledger/schema={folder_of_name(schema)}/business_date={business_date}/run_id={run_slug(run_id)}"


def ledger_row_name(table: str, stage: str, attempt: str) -> str:
    """The row of an attempt, in the folder of its run; `attempt` differs between any two attempts."""
    return f"{folder_of_name(table)}.{stage}.{attempt}.json"


def run_slug(run_id: str) -> str:
    """A run id in characters that any file system takes, and as many of them; the slug of a slug is itself."""
    slug = re.sub(r"[^A-Za-z0-9._-]", "_", run_id)
    if len(slug) <= _LONGEST_SLUG:
        return slug
    return f"{slug[: _LONGEST_SLUG - _DIGEST_LETTERS - 1]}-{_digest(run_id)}"


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_LETTERS]
