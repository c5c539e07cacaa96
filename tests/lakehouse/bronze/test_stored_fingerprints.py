"""An index with fingerprints of SHA-1, as they once were, is brought up to date; what is unchanged is not copied."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from lake_model.bronze_manifest import Manifest
from lake_model.contracts.copy_spec import ChangeScope, CopySpec
from local.mysql_server import MySqlServer
from tests.lakehouse.copying import Bench

pytestmark = [pytest.mark.mysql, pytest.mark.one_server]
OLD = "1:" + "0" * 32


@pytest.fixture
def bench(mysql_server: MySqlServer, fresh_schema: Callable[[], str], tmp_path: Path) -> Bench:
    return Bench(mysql_server, fresh_schema(), tmp_path / "bronze")


@pytest.fixture
def sales(bench: Bench) -> tuple[Bench, CopySpec]:
    """A copied table of three dates and faulty ones, with columns whose text at the server bronze cannot tell."""
    bench.sql(
        "CREATE TABLE sales (sold_on DATE NULL, qty INT NOT NULL, note VARCHAR(20), remark TEXT, place POINT, "
        "share DOUBLE)",
        "INSERT INTO sales VALUES ('2026-11-18', 1, 'é', 'long', ST_GeomFromText('POINT(1 2)', 4326), 0.1), "
        "('2026-11-19', 2, NULL, NULL, NULL, NULL), ('2026-11-19', 3, '', '', NULL, 1e300), "
        "('2026-11-20', 4, 'x', 'y', NULL, 2), (NULL, 5, '', '', NULL, 3), ('0000-00-00', 6, '', '', NULL, 3)",
    )
    spec = bench.spec("sales", "sold_on")
    bench.copy(spec, "2026-11-20")
    return bench, spec


def set_fingerprints(bench: Bench, table: str, fingerprints: Mapping[str, str]) -> Manifest:
    """Give slices of the visible index the fingerprints that an earlier version of this project left."""
    path = bench.folder(table) / "business_date=2026-11-20" / "_manifest.json"
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for item in document["slices"]:
        item["fingerprint"] = item["source_fingerprint"] = fingerprints[item["slice"]]
    path.write_text(json.dumps(document), encoding="utf-8")
    return bench.visible(table)


def is_new(fingerprint: str | None) -> bool:
    return fingerprint is not None and fingerprint.split(":")[1] == "sha256"


@pytest.fixture
def plain(bench: Bench) -> tuple[Bench, CopySpec, Manifest]:
    """A copied table of three slices, whose text at the server bronze has, with fingerprints of the earlier kind."""
    bench.sql(
        "CREATE TABLE plain (sold_on DATE NULL, qty INT NOT NULL, note VARCHAR(20))",
        "INSERT INTO plain VALUES ('2026-11-18', 1, 'é'), ('2026-11-19', 2, NULL), (NULL, 3, '')",
    )
    spec = bench.spec("plain", "sold_on")
    bench.copy(spec, "2026-11-20")
    return bench, spec, set_fingerprints(bench, "plain", dict.fromkeys(("2026-11-18", "2026-11-19", "undated"), OLD))


def test_what_changed_since_is_copied_alone(plain: tuple[Bench, CopySpec, Manifest]) -> None:
    bench, spec, before = plain
    bench.sql("UPDATE plain SET note = 'new' WHERE qty = 2")

    outcome = bench.copy(spec, "2026-11-21", run_id="next")
    assert (outcome.outcome, outcome.rows_read, outcome.notes) == ("copied", 1, ())
    after = bench.visible("plain")
    assert all(is_new(item.source_fingerprint) for item in after.slices)
    kept = {item.slice: item.files for item in before.slices if item.slice != "2026-11-19"}
    assert {item.slice: item.files for item in after.slices if item.slice in kept} == kept
    # Silver goes by these: nothing has changed for it.
    assert [item.fingerprint for item in after.slices if item.slice in kept] == [OLD] * 2
    assert bench.copy(spec, "2026-11-22", run_id="later").outcome == "unchanged"


def test_a_window_brings_up_to_date_what_it_scans(plain: tuple[Bench, CopySpec, Manifest]) -> None:
    bench, spec, _ = plain
    window = bench.spec("plain", "sold_on", change_scope=ChangeScope(full_pass_days=30, trailing_days=2))

    assert bench.copy(window, "2026-11-20", run_id="next").outcome == "unchanged"
    found = {item.slice: item.source_fingerprint for item in bench.visible("plain").slices}
    assert [name for name, fingerprint in found.items() if is_new(fingerprint)] == ["2026-11-19"]
    assert found["2026-11-18"] == OLD
    assert bench.copy(spec, "2026-11-21", run_id="later").outcome == "unchanged"


def test_what_bronze_cannot_prove_is_copied_again(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    names = [item.slice for item in bench.visible("sales").slices]
    set_fingerprints(bench, "sales", dict.fromkeys(names, OLD))

    outcome = bench.copy(spec, "2026-11-21", run_id="next")
    assert (outcome.rows_read, outcome.notes) == (6, ())
    assert bench.copy(spec, "2026-11-22", run_id="later").outcome == "unchanged"
