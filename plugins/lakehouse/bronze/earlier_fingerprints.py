"""Fingerprints as this project made them before SHA-256: understood once, and replaced without copying a row again.

They are of sums of SHA-1, which MySQL 9 has no more. Where the server still has it, it is asked for those too, in the
same snapshot: a slice whose earlier fingerprint is still the source's gets the new one. Elsewhere the slice counts as
one that the source was never asked about: its files give the new one (stored_fingerprints.py), as far as they hold the
server's text exactly, and what they cannot give is copied again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

from lake_model.bronze_manifest import Manifest, Slice
from lakehouse.errors import SourceError, SourceUnavailableError
from lakehouse.source.fingerprint import SourceSlice, fingerprint_sql, slices_of
from lakehouse.source.mysql_source import MySqlSource
from lakehouse.source.sql_text import quote_identifier
from lakehouse.source.type_map import LONG_BYTES, LONG_TEXT, ColumnPlan

# What a run notes where it could not ask the server.
NO_SHA1 = (
    "the index has fingerprints of SHA-1, which this server cannot compute: bronze's own files were held against the "
    "source instead, once, and what they cannot prove was copied again"
)
# Rows and digest; those of today name the algorithm in between.
_PARTS = 2


def without_earlier(index: Manifest) -> Manifest:
    """The index, as though the source had never been asked for the fingerprints that are of the earlier kind."""
    return replace(
        index,
        slices=tuple(replace(item, source_fingerprint=None) if _is_earlier(item) else item for item in index.slices),
    )


def still_the_source(
    source: MySqlSource,
    index: Manifest,
    scanned: Sequence[str],
    plans: Sequence[ColumnPlan],
    date_plan: ColumnPlan | None,
    predicate: str | None,
) -> frozenset[str] | None:
    """The slices whose earlier fingerprint is what the source gives in the session's snapshot.

    Args:
        source: the session.
        index: names the slices.
        scanned: the slices that the run scans.
        plans: the source's columns.
        date_plan: the column that dates the rows.
        predicate: of the rows of these slices.

    Returns:
        Their names; None where the server has no SHA1() any more.

    Raises:
        SourceError: the source refuses, or the connection is lost.
    """
    earlier = [item for item in index.slices if item.slice in scanned and _is_earlier(item)]
    if not earlier:
        return frozenset()
    if not _has_sha1(source):
        return None
    asked = [replace(plan, hash_sql=_hash_sql(plan), sum_sql=None) for plan in plans]
    statement = fingerprint_sql(index.schema, index.table, asked, date_plan, True, predicate, digest=_sha1_sql)
    found = slices_of(source.rows(statement), asked, date_plan is not None)
    return frozenset(
        item.slice
        for item in earlier
        if item.slice in found and item.source_fingerprint == _fingerprint_of(found[item.slice], plans)
    )


def _is_earlier(item: Slice) -> bool:
    return item.source_fingerprint is not None and len(item.source_fingerprint.split(":")) == _PARTS


def _has_sha1(source: MySqlSource) -> bool:
    try:
        source.rows("SELECT SHA1('')")
    except SourceUnavailableError:
        raise
    except SourceError:
        return False
    return True


def _sha1_sql(value: str) -> str:
    return f"SHA1({value})"


def _hash_sql(plan: ColumnPlan) -> str:
    quoted = quote_identifier(plan.name)
    if plan.kind == "geometry":
        return f"IFNULL(CONCAT(ST_SRID({quoted}),':',SHA1(ST_AsWKB({quoted}))),'N')"
    if plan.base_type in LONG_TEXT | LONG_BYTES:
        return f"IFNULL(SHA1({quoted}),'N')"
    return plan.hash_sql


def _fingerprint_of(found: SourceSlice, plans: Sequence[ColumnPlan]) -> str:
    content = [found.rows, str(found.checksum or 0), [[plan.name, str(plan.arrow_type)] for plan in plans]]
    return f"{found.rows}:{hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]}"
