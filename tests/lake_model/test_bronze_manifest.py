"""Manifests come back as they were written; damaged ones say where they are wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakehouse.errors import ManifestError

from lake_model.bronze_manifest import BronzeFile, Column, Latest, Manifest, Server, Slice

DAY = date(2026, 11, 20)
PART = "business_date=2026-11-20/part-run-0.parquet"

counts = st.integers(0, 2**70)
words = st.text(st.characters(codec="utf-8"))
days = st.dates().map(date.isoformat)
sums = st.dictionaries(words, st.decimals(allow_nan=False, allow_infinity=False).map(str), max_size=3)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    """Any manifest whose parts agree."""
    files = draw(st.dictionaries(words, st.builds(BronzeFile, counts, counts, words), max_size=3))
    names = draw(st.lists(st.sampled_from(["undated", "all"]) | days, unique=True, max_size=4))
    held = st.lists(st.sampled_from(sorted(files)), unique=True).map(tuple) if files else st.just(())
    slices = tuple(
        draw(st.builds(Slice, st.just(name), counts, sums, words, held, days, st.none() | words)) for name in names
    )
    return Manifest(
        schema=draw(words),
        table=draw(words),
        business_date=draw(days),
        run_id=draw(words),
        copied_at="2026-11-21T02:00:05.123456Z",
        change_detection="fingerprint",
        date_column=draw(st.none() | words),
        query=draw(words),
        server=draw(st.builds(Server, words, st.none() | words, st.none() | counts, st.none() | words)),
        columns=tuple(draw(st.lists(st.builds(Column, words, words, words, st.booleans()), max_size=3))),
        files=files,
        slices=slices,
        rows=sum(item.rows for item in slices),
        sums=draw(sums),
        rows_not_yet_due=draw(counts),
        substitutions=draw(st.dictionaries(words, st.dictionaries(words, counts, max_size=2), max_size=2)),
        watermark=draw(st.none() | words),
        full_pass=draw(st.none() | days),
        newest_business_date=draw(st.none() | days),
    )


@given(manifests())
def test_a_manifest_comes_back_as_it_was_written(manifest: Manifest) -> None:
    assert Manifest.from_json(manifest.to_json(), "here") == manifest


@given(st.text(), days)
def test_a_pointer_comes_back_as_it_was_written(name: str, day: str) -> None:
    assert Latest.from_json(Latest(name, day, "ab").to_json(), "here") == Latest(name, day, "ab")
    before = json.dumps({"manifest": name, "newest_business_date": day})
    assert Latest.from_json(before, "here") == Latest(name, day)


def sample() -> Manifest:
    """A small manifest of one file and one slice."""
    return Manifest(
        schema="atliqsale",
        table="transactions",
        business_date=DAY.isoformat(),
        run_id="run",
        copied_at="2026-11-21T02:00:05.123456Z",
        change_detection="fingerprint",
        date_column="order_date",
        query="SELECT 1",
        server=Server("10.11"),
        columns=(Column("qty", "int(11)", "int32", True),),
        files={PART: BronzeFile(2, 100, "ab")},
        slices=(Slice("2026-11-19", 2, {"qty": "7"}, "2:ab", (PART,), DAY.isoformat(), "2:ab"),),
        rows=2,
        sums={"qty": "7"},
        rows_not_yet_due=0,
        substitutions={},
    )


def test_a_manifest_has_the_agreed_keys() -> None:
    document = json.loads(sample().to_json())
    assert document["manifest_version"] == 1
    assert document["files"] == {PART: {"rows": 2, "bytes": 100, "sha256": "ab"}}
    assert document["server"] == {"version": "10.11", "binlog_file": None, "binlog_position": None, "gtid": None}
    assert document["slices"] == [
        {
            "slice": "2026-11-19",
            "rows": 2,
            "sums": {"qty": "7"},
            "fingerprint": "2:ab",
            "files": [PART],
            "copied_business_date": "2026-11-20",
            "source_fingerprint": "2:ab",
        }
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"manifest_version": 2}, "manifest_version: it is 2; this code reads version 1"),
        ({"rows": 3}, "rows: it is 3, but the slices hold 2 rows"),
        ({"rows": -1}, "rows: expected `int` >= 0"),
        ({"rows": True}, "rows: expected `int`, got `bool`"),
        ({"business_date": "20.11.2026"}, "business_date: it must be a date such as 2026-11-20"),
        ({"copied_at": "yesterday"}, "copied_at: it must be a time"),
        ({"server": {}}, "server: object missing required field `version`"),
        ({"files": {}}, f"slices[0].files: {PART} is not in files"),
        ({"columns": [{"name": 1}]}, "columns[0].name: expected `str`, got `int`"),
        ({"columns": [7]}, "columns[0]: expected `object`, got `int`"),
        ({"slices": None}, "slices: expected `array`, got `null`"),
        ({"sums": {"qty": 7}}, "sums[...]: expected `str`, got `int`"),
    ],
)
def test_a_wrong_field_is_named_with_its_file(change: dict[str, Any], message: str) -> None:
    document = {**json.loads(sample().to_json()), **change}
    with pytest.raises(ManifestError) as caught:
        Manifest.from_json(json.dumps(document), "/lake/_manifest.json")
    assert str(caught.value) == f"/lake/_manifest.json: {message}"


LATER_KEYS = {"watermark", "full_pass", "newest_business_date"}


def test_a_manifest_of_before_the_later_keys_has_none() -> None:
    document = {key: value for key, value in json.loads(sample().to_json()).items() if key not in LATER_KEYS}
    assert Manifest.from_json(json.dumps(document), "here") == sample()


@pytest.mark.parametrize("key", sorted(json.loads(sample().to_json()).keys() - LATER_KEYS))
def test_every_key_must_be_there(key: str) -> None:
    document = json.loads(sample().to_json())
    del document[key]
    with pytest.raises(
        ManifestError, match=f"^here: .*`{key}`$" if key != "manifest_version" else "manifest_version: it is None"
    ):
        Manifest.from_json(json.dumps(document), "here")


def test_a_slice_is_named_once() -> None:
    document = json.loads(sample().to_json())
    document["slices"] *= 2
    with pytest.raises(ManifestError, match="slices: one is named twice"):
        Manifest.from_json(json.dumps(document), "here")


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"manifest_version": 1'])
def test_half_a_file_is_no_manifest(content: str) -> None:
    with pytest.raises(ManifestError, match=r"^here: "):
        Manifest.from_json(content, "here")


def test_a_manifest_of_before_the_source_fingerprint_had_no_other() -> None:
    document = json.loads(sample().to_json())
    for item in document["slices"]:
        del item["source_fingerprint"]
    assert Manifest.from_json(json.dumps(document), "here") == sample()


CODE, SIZE = Column("code", "varchar(9)", "string", False), Column("size", "int", "int32", True)


def slice_of(name: str, fingerprint: str) -> Slice:
    return Slice(name, 1, {}, fingerprint, (), "2026-11-20")


DATED, UNDATED = slice_of("2026-11-19", "f1"), slice_of("undated", "f2")
LANDED = Manifest(
    "shop", "sales", "2026-11-20", "run", "2026-11-21T00:00:00Z", "fingerprint", "day", "SELECT", Server("11"),
    (CODE, SIZE), {}, (DATED, UNDATED), 2, {}, 0, {},
)  # fmt: skip


def test_the_digest_differs_where_columns_or_slices_do_and_by_nothing_else() -> None:
    others = [
        replace(LANDED, columns=(CODE,)),
        replace(LANDED, columns=(CODE, replace(SIZE, arrow_type="int64"))),
        replace(LANDED, slices=(DATED,)),
        replace(LANDED, slices=(slice_of("2026-11-19", "f2"), slice_of("undated", "f1"))),
        replace(LANDED, slices=(slice_of("2026-11-20", "f1"), UNDATED)),
    ]
    same = replace(LANDED, business_date="2026-11-21", run_id="another", slices=(UNDATED, DATED))

    assert same.digest == LANDED.digest
    assert len({LANDED.digest, *(other.digest for other in others)}) == len(others) + 1
