"""The entries of an index for slices that were just copied. No I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from lakehouse.bronze.manifest import BronzeFile, Slice
from lakehouse.bronze.slice_totals import Totals
from lakehouse.source.fingerprint import SourceSlice, fingerprint_of
from lakehouse.source.type_map import ColumnPlan


def indexed_slices(
    copied: Sequence[SourceSlice],
    totals: Mapping[str, Totals],
    files: Mapping[str, BronzeFile],
    plans: Sequence[ColumnPlan],
    business_date: date,
) -> list[Slice]:
    """One entry for each copied slice.

    Args:
        copied: the slices, as the source counted them.
        totals: what the files hold of each of them.
        files: the files of the run.
        plans: the source's columns.
        business_date: the run's.
    """
    return [
        _entry(item, tuple(totals[item.slice].files) if item.slice in totals else (), files, plans, business_date)
        for item in copied
    ]


def _entry(
    item: SourceSlice,
    names: tuple[str, ...],
    files: Mapping[str, BronzeFile],
    plans: Sequence[ColumnPlan],
    business_date: date,
) -> Slice:
    source_fingerprint = None
    if item.checksum is None and item.rows:
        # No checksum was asked of the server, so the slice's version is that of the files which hold it.
        digest = hashlib.sha256("".join(files[name].sha256 for name in names).encode()).hexdigest()
        fingerprint = fingerprint_of(replace(item, checksum=int(digest, 16)), plans)
    else:
        fingerprint = source_fingerprint = fingerprint_of(item, plans)
    return Slice(
        slice=item.slice,
        rows=item.rows,
        sums=item.sums,
        fingerprint=fingerprint,
        files=names,
        copied_business_date=business_date.isoformat(),
        source_fingerprint=source_fingerprint,
    )
