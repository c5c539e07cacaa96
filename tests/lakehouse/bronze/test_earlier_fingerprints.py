"""An index with fingerprints of SHA-1, as they once were, is brought up to date; what is unchanged is not copied."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from lake_model.bronze_manifest import Manifest
from lake_model.contracts.copy_spec import ChangeScope, CopySpec
from local.mysql_server import MySqlServer
from tests.lakehouse.copying import Bench

pytestmark = pytest.mark.mysql

# What the statement hashed of a row, column by column.
_TEXT = (
    "IFNULL(`sold_on`,'N'),IFNULL(`qty`,'N'),IFNULL(LENGTH(`note`),'N'),IFNULL(CAST(`note` AS BINARY),''),"
    "IFNULL(SHA1(`remark`),'N'),IFNULL(CONCAT(ST_SRID(`place`),':',SHA1(ST_AsWKB(`place`))),'N'),"
    "IFNULL(`share` * 1e0,'N')"
)
_TYPES = [
    ["sold_on", "date32[day]"],
    ["qty", "int32"],
    ["note", "string"],
    ["remark", "string"],
    ["place", "binary"],
    ["share", "double"],
]
_NOTE = (
    "the index has fingerprints of SHA-1, which this server cannot compute: bronze's own files were held against the "
    "source instead, once, and what they cannot prove was copied again"
)


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


def earlier(bench: Bench) -> dict[str, str]:
    """The fingerprints of `sales` as they were made from SHA-1, by slice."""
    key = "IF(sold_on IS NULL OR sold_on = 0, 'undated', CAST(sold_on AS CHAR))"
    found = bench.ask(
        f"SELECT {key}, COUNT(*), SUM(CAST(CONV(LEFT(SHA1(CONCAT_WS(',',{_TEXT})),16),16,10) AS UNSIGNED)) "
        f"FROM sales GROUP BY {key}"
    )
    digests = {
        name: hashlib.sha256(json.dumps([rows, str(checksum), _TYPES]).encode()).hexdigest()[:32]
        for name, rows, checksum in found
    }
    return {name: f"{rows}:{digests[name]}" for name, rows, _ in found}


def is_new(fingerprint: str | None) -> bool:
    return fingerprint is not None and fingerprint.split(":")[1] == "sha256"


@pytest.mark.mariadb_only
def test_unchanged_slices_get_new_fingerprints_and_are_not_copied(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    before = set_fingerprints(bench, "sales", earlier(bench))
    assert {item.slice for item in before.slices} == {"2026-11-18", "2026-11-19", "2026-11-20", "undated"}

    outcome = bench.copy(spec, "2026-11-21", run_id="next")
    assert (outcome.outcome, outcome.rows_read, outcome.notes) == ("unchanged", 0, ())

    after = bench.visible("sales")
    assert after.files == before.files
    assert all(is_new(item.source_fingerprint) for item in after.slices)
    # Silver goes by these: nothing has changed for it.
    assert [item.fingerprint for item in after.slices] == [item.fingerprint for item in before.slices]
    assert bench.copy(spec, "2026-11-22", run_id="later").outcome == "unchanged"


@pytest.mark.mariadb_only
def test_what_changed_since_is_copied_alone(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    set_fingerprints(bench, "sales", earlier(bench))
    bench.sql("UPDATE sales SET share = 0.2 WHERE qty = 1", "DELETE FROM sales WHERE qty = 4")

    outcome = bench.copy(spec, "2026-11-21", run_id="next")
    assert (outcome.rows_read, outcome.slices_copied, outcome.slices_dropped) == (1, 1, 1)
    assert all(is_new(item.source_fingerprint) for item in bench.visible("sales").slices)


@pytest.mark.mariadb_only
def test_a_window_brings_up_to_date_what_it_looks_at(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    old = earlier(bench)
    set_fingerprints(bench, "sales", old)
    window = bench.spec("sales", "sold_on", change_scope=ChangeScope(full_pass_days=30, trailing_days=2))

    assert bench.copy(window, "2026-11-20", run_id="next").outcome == "unchanged"
    found = {item.slice: item.source_fingerprint for item in bench.visible("sales").slices}
    assert [name for name, fingerprint in found.items() if is_new(fingerprint)] == ["2026-11-19", "2026-11-20"]
    assert found["2026-11-18"] == old["2026-11-18"]
    assert bench.copy(spec, "2026-11-21", run_id="later").outcome == "unchanged"


@pytest.mark.mysql_only
def test_a_server_without_sha1_is_held_against_what_bronze_holds(bench: Bench) -> None:
    bench.sql(
        "CREATE TABLE plain (sold_on DATE NULL, qty INT NOT NULL, note VARCHAR(20))",
        "INSERT INTO plain VALUES ('2026-11-18', 1, 'é'), ('2026-11-19', 2, NULL), (NULL, 3, '')",
    )
    spec = bench.spec("plain", "sold_on")
    bench.copy(spec, "2026-11-20")
    before = set_fingerprints(bench, "plain", dict.fromkeys(("2026-11-18", "2026-11-19", "undated"), "1:" + "0" * 32))
    bench.sql("UPDATE plain SET note = 'new' WHERE qty = 2")

    outcome = bench.copy(spec, "2026-11-21", run_id="next")
    assert (outcome.outcome, outcome.rows_read, outcome.notes) == ("copied", 1, (_NOTE,))
    after = bench.visible("plain")
    assert all(is_new(item.source_fingerprint) for item in after.slices)
    kept = {item.slice: item.files for item in before.slices if item.slice != "2026-11-19"}
    assert {item.slice: item.files for item in after.slices if item.slice in kept} == kept
    later = bench.copy(spec, "2026-11-22", run_id="later")
    assert (later.outcome, later.notes) == ("unchanged", ())


@pytest.mark.mysql_only
def test_what_bronze_cannot_prove_on_such_a_server_is_copied_again(sales: tuple[Bench, CopySpec]) -> None:
    bench, spec = sales
    names = [item.slice for item in bench.visible("sales").slices]
    set_fingerprints(bench, "sales", dict.fromkeys(names, "1:" + "0" * 32))

    outcome = bench.copy(spec, "2026-11-21", run_id="next")
    assert (outcome.rows_read, outcome.notes) == (6, (_NOTE,))
    assert bench.copy(spec, "2026-11-22", run_id="later").outcome == "unchanged"
