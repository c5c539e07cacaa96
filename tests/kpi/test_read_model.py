"""The read model on disk: made, found, replaced, and mended."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kpi.read_model import Limits, ReadModel
from kpi.read_model_files import open_or_make
from kpi.shelf import CHECK_SECONDS
from lakehouse.errors import LakehouseError, StorageError
from lakehouse.lake.delta_table import delta_state

from lake_model.contracts.kpi_contract import KpiContract, read_kpi_contracts
from tests.kpi.conftest import PROJECT, Site
from tests.kpi.sample_lake import write_gold

if TYPE_CHECKING:
    import duckdb


@pytest.fixture
def contract() -> KpiContract:
    """The shipped declaration."""
    return read_kpi_contracts(PROJECT / "contracts")[0]


def made(folder: Path, contract: KpiContract, lake: Path) -> ReadModel:
    state = delta_state(lake / "gold" / "sales_obt")
    assert state
    return open_or_make(folder, contract, state, Limits(memory_mb=200, threads=1))


def test_it_holds_every_row_in_enums_and_whole_numbers(
    shared_lake: Path, tmp_path: Path, contract: KpiContract, source: duckdb.DuckDBPyConnection
) -> None:
    model = made(tmp_path, contract, shared_lake)
    (expected,) = source.execute("SELECT count(*), sum(revenue_inr) * 100, sum(sales_qty) FROM gold").fetchall()
    assert model.ask("SELECT count(*), sum(revenue_inr), sum(sales_qty) FROM all_rows") == [expected]
    types = dict(
        model.ask("SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'all_rows'")
    )
    assert types["revenue_inr"] == types["sales_qty"] == "BIGINT"
    assert types["zone"].startswith("ENUM(")
    assert model.about.span == source.execute("SELECT min(order_date), max(order_date) FROM gold").fetchone()


def test_it_keeps_to_its_memory_and_threads_and_reaches_no_other_file(
    shared_lake: Path, tmp_path: Path, contract: KpiContract
) -> None:
    model = made(tmp_path, contract, shared_lake)
    settings = "SELECT current_setting('memory_limit'), current_setting('threads'), current_setting('access_mode')"
    assert model.ask(settings) == [("190.7 MiB", 1, "read_only")]
    with pytest.raises(Exception, match="disabled by configuration"):
        model.ask("SELECT * FROM read_text('/etc/hostname')")


def test_one_that_is_there_is_opened_and_not_made_again(
    shared_lake: Path, tmp_path: Path, contract: KpiContract
) -> None:
    first = made(tmp_path, contract, shared_lake)
    written = first.path.stat().st_ino
    first.close()
    assert made(tmp_path, contract, shared_lake).path.stat().st_ino == written
    assert sorted(path.name for path in tmp_path.iterdir()) == [first.path.name, "atliqsale.sales_obt.lock"]


@pytest.mark.parametrize("damage", ["cut", "garbage", "empty", "other"])
def test_a_damaged_one_is_made_anew(shared_lake: Path, tmp_path: Path, contract: KpiContract, damage: str) -> None:
    import duckdb

    first = made(tmp_path, contract, shared_lake)
    path, rows = first.path, first.about.rows
    first.close()
    if damage == "cut":
        os.truncate(path, path.stat().st_size // 2)
    elif damage == "garbage":
        path.write_bytes(b"no database" * 1000)
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
        duckdb.connect(str(path)).close()
    again = made(tmp_path, contract, shared_lake)
    assert again.ask("SELECT count(*) FROM all_rows") == [(rows,)]


def test_a_changed_declaration_has_a_read_model_of_its_own(
    shared_lake: Path, tmp_path: Path, contract: KpiContract
) -> None:
    import dataclasses

    other = dataclasses.replace(contract, hierarchies=contract.hierarchies[:1])
    assert made(tmp_path, contract, shared_lake).path != made(tmp_path, other, shared_lake).path


def test_a_folder_that_cannot_be_written_is_named_with_its_cure(
    shared_lake: Path, tmp_path: Path, contract: KpiContract
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"file/models: .* set LAKEHOUSE_KPI_FOLDER"):
        made(tmp_path / "file" / "models", contract, shared_lake)


def test_a_column_that_gold_lacks_is_named(shared_lake: Path, tmp_path: Path, contract: KpiContract) -> None:
    import dataclasses

    other = dataclasses.replace(contract, date_column="sold_on")
    with pytest.raises(LakehouseError, match=r"gold table atliqsale\.sales_obt has no column sold_on"):
        made(tmp_path, other, shared_lake)


def settled(site: Site) -> Any:
    """A view after the look at the lake that an earlier one began has ended."""
    site.settle()
    return site.view("range=all")


def test_readers_go_on_while_a_new_version_is_made_and_then_see_it(
    site: Site, source: duckdb.DuckDBPyConnection
) -> None:
    assert site.view("range=all")["freshness"]["version"] == 0
    (before,) = site.models.glob("*.duckdb")
    write_gold(source, site.lake, "order_date < DATE '2026-06-01'")
    assert site.view("range=all")["freshness"]["version"] == 0
    site.clock[0] += CHECK_SECONDS
    site.view("range=all")
    view = settled(site)
    assert (view["freshness"]["version"], view["freshness"]["last_date"]) == (1, "2026-05-31")
    (after,) = site.models.glob("*.duckdb")
    assert before != after


def test_what_was_shown_stays_when_the_lake_is_away(site: Site) -> None:
    cards = site.view("range=all")["cards"]
    (site.lake / "gold").rename(site.lake / "gone")
    site.clock[0] += CHECK_SECONDS
    site.view("range=all")
    assert settled(site)["cards"] == cards
