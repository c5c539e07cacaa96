"""What is published is visible whole, and of two runs one wins."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from lakehouse.bronze.manifest import publish_manifest, read_index_state, read_latest, read_manifest, read_visible
from lakehouse.errors import ManifestError, OvertakenError, StorageError
from lakehouse.lake.lake_path import files_below

from lake_model.bronze_manifest import Latest, Manifest
from tests.lake_model.test_bronze_manifest import sample

DAY = date(2026, 11, 20)


def test_nothing_landed_is_no_error(tmp_path: Path) -> None:
    assert read_visible(tmp_path) is None
    assert read_latest(tmp_path) is None
    assert read_manifest(tmp_path, "business_date=2026-11-20/_manifest.json") is None


def publish_over_what_is_there(folder: Path, manifest: Manifest, newest: date) -> None:
    """Publish as a run does that nobody comes between."""
    publish_manifest(folder, manifest, newest, read_index_state(folder, date.fromisoformat(manifest.business_date)))


def test_what_is_published_is_visible_and_leaves_no_other_file(tmp_path: Path) -> None:
    publish_over_what_is_there(tmp_path, sample(), date(2026, 11, 22))
    published = replace(sample(), newest_business_date="2026-11-22")
    digest = hashlib.sha256(published.to_json().encode()).hexdigest()
    latest = Latest("business_date=2026-11-20/_manifest.json", "2026-11-22", digest)
    assert read_visible(tmp_path) == (latest, published)
    assert [file.name for file in files_below(tmp_path)] == ["_latest.json", "business_date=2026-11-20/_manifest.json"]


def test_a_pointer_to_nothing_names_the_missing_manifest(tmp_path: Path) -> None:
    publish_over_what_is_there(tmp_path, sample(), DAY)
    (tmp_path / "business_date=2026-11-20" / "_manifest.json").unlink()
    with pytest.raises(ManifestError, match=r"_latest.json: manifest names business_date=2026-11-20/_manifest.json"):
        read_visible(tmp_path)


def test_a_failed_publication_leaves_the_old_pointer(tmp_path: Path) -> None:
    publish_over_what_is_there(tmp_path, sample(), DAY)
    before = (tmp_path / "_latest.json").read_bytes()
    (tmp_path / "business_date=2026-11-21").write_text("a file where a folder should be")
    with pytest.raises(StorageError):
        publish_over_what_is_there(tmp_path, Manifest(**{**vars(sample()), "business_date": "2026-11-21"}), DAY)
    assert (tmp_path / "_latest.json").read_bytes() == before


@pytest.mark.parametrize("landed", [False, True])
@pytest.mark.parametrize("other_day", ["2026-11-20", "2026-11-21"])
def test_of_two_runs_that_began_alike_one_wins(tmp_path: Path, landed: bool, other_day: str) -> None:
    if landed:
        publish_over_what_is_there(tmp_path, sample(), DAY)
    other = replace(sample(), business_date=other_day, run_id="other")
    seen = read_index_state(tmp_path, DAY)
    other_seen = read_index_state(tmp_path, date.fromisoformat(other_day))
    publish_manifest(tmp_path, replace(sample(), run_id="one"), DAY, seen)
    with pytest.raises(OvertakenError, match="another run wrote it meanwhile"):
        publish_manifest(tmp_path, other, DAY, other_seen)
    visible = read_visible(tmp_path)
    assert visible is not None
    assert visible[1].run_id == "one"
