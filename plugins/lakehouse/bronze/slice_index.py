"""Making a table's index: its head, the entries of slices that were just copied, and the whole. No I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from lake_model.bronze_manifest import BronzeFile, Column, Manifest, Server, Slice
from lake_model.contracts.copy_spec import CopySpec
from lakehouse.bronze.slice_totals import Totals
from lakehouse.source.fingerprint import SourceSlice, add_sums, fingerprint_of, select_sql
from lakehouse.source.type_map import ColumnPlan


def index_columns(plans: Sequence[ColumnPlan]) -> tuple[Column, ...]:
    """The columns of bronze's files."""
    return tuple(Column(plan.name, plan.mysql_type, str(plan.arrow_type), plan.nullable) for plan in plans)


def empty_index(
    spec: CopySpec, plans: Sequence[ColumnPlan], business_date: date, run_id: str, copied_at: datetime
) -> Manifest:
    """The index of a run that has copied nothing yet.

    Args:
        spec: the table.
        plans: the source's columns.
        business_date: the run's.
        run_id: the run's.
        copied_at: the instant of the copy, in UTC.
    """
    return Manifest(
        schema=spec.schema,
        table=spec.table,
        business_date=business_date.isoformat(),
        run_id=run_id,
        copied_at=copied_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        change_detection=spec.change_detection,
        date_column=spec.date_column,
        query=select_sql(spec.schema, spec.table, plans),
        server=Server(""),
        columns=index_columns(plans),
        files={},
        slices=(),
        rows=0,
        sums={plan.name: "0" for plan in plans if plan.sum_sql},
        rows_not_yet_due=0,
        substitutions={},
    )


def filled_index(head: Manifest, slices: Sequence[Slice], files: Mapping[str, BronzeFile]) -> Manifest:
    """An index with slices, their files, and the sums of both.

    Args:
        head: the index without them.
        slices: in any order.
        files: at least those that the slices name.
    """
    return replace(
        head,
        files={name: files[name] for name in sorted({name for item in slices for name in item.files})},
        slices=tuple(sorted(slices, key=lambda item: item.slice)),
        rows=sum(item.rows for item in slices),
        sums={**dict.fromkeys(head.sums, "0"), **add_sums(item.sums for item in slices)},
    )


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
