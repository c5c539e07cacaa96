"""The pointer made again from the manifests: by the command that both messages of a damaged one name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from lakehouse.errors import ManifestError

from cli.commands.command import DONE, FOUND_WRONG, NOT_DONE
from cli.main import main
from local.mysql_server import MySqlServer
from tests.lakehouse import copying
from tests.lakehouse.copying import Bench

pytestmark = pytest.mark.mysql

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def bench(
    mysql_server: MySqlServer, fresh_schema: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Bench:
    """A fact and a dimension, of two days and of another one afterwards; of the fact that is a backfill."""
    bench = Bench(mysql_server, fresh_schema(), tmp_path / "lake" / "bronze")
    bench.sql(
        "CREATE TABLE sales (d DATE, n INT)",
        "INSERT INTO sales VALUES ('2026-11-18', 1), ('2026-11-19', 2)",
        "CREATE TABLE product (code INT)",
        "INSERT INTO product VALUES (1)",
    )
    for day in ("2026-11-19", "2026-11-20"):
        bench.copy(bench.spec("sales", "d"), day)
        bench.copy(bench.spec("product"), day)
        bench.sql("UPDATE sales SET n = n + 10 WHERE d = '2026-11-18'", "UPDATE product SET code = code + 1")
    monkeypatch.setattr(copying, "NOW", copying.NOW + timedelta(hours=1))
    bench.copy(bench.spec("sales", "d"), "2026-11-18")
    return bench


def repair(bench: Bench, table: str, *more: str) -> int:
    """Run the command."""
    return main(["repair", table, "--lake-root", str(bench.root.parent), *more])


@pytest.mark.parametrize("table", ["sales", "product"])
@pytest.mark.parametrize("content", [b"", b"{", b'{"manifest": "business_date=2026-11-01/_manifest.json"}', None])
def test_the_pointer_is_as_it_was(bench: Bench, table: str, content: bytes | None) -> None:
    pointer = bench.folder(table) / "_latest.json"
    before, rows = pointer.read_bytes(), bench.rows(table)
    if content is None:
        pointer.unlink()
    else:
        pointer.write_bytes(content)
    assert repair(bench, table) == DONE
    assert (pointer.read_bytes(), bench.rows(table)) == (before, rows)


@pytest.mark.parametrize("table", ["sales", "product"])
def test_a_copy_of_a_table_with_a_damaged_pointer_names_the_command_that_mends_it(bench: Bench, table: str) -> None:
    spec = bench.spec(table, "d" if table == "sales" else None)
    (bench.folder(table) / "_latest.json").write_text("[]")
    told = rf"_latest\.json: it must be a JSON object.*: bin/lakehouse repair {table} --schema {bench.schema}$"
    with pytest.raises(ManifestError, match=told):
        bench.copy(spec, "2026-11-20")
    assert repair(bench, table, "--schema", bench.schema) == DONE
    assert bench.copy(spec, "2026-11-20").rows_in_table == (2 if table == "sales" else 1)


def test_a_damaged_manifest_is_left_out_and_told(bench: Bench, capsys: Printed) -> None:
    (bench.folder("product") / "business_date=2026-11-20" / "_manifest.json").write_text("{")
    assert repair(bench, "product") == DONE
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith(
        f"left out: file://{bench.folder('product')}/business_date=2026-11-20/_manifest.json: it is not JSON"
    )
    assert told[1].endswith("now _latest.json names business_date=2026-11-19/_manifest.json, newest date 2026-11-19")
    assert bench.rows("product") == [(1,)]
    bench.copy(bench.spec("product"), "2026-11-20")
    assert bench.rows("product") == [(3,)]


def test_a_whole_index_stays_and_its_damaged_files_are_told(bench: Bench, capsys: Printed) -> None:
    pointer = bench.folder("sales") / "_latest.json"
    before = pointer.read_bytes()
    lost, other, *_ = sorted(bench.visible("sales").files)
    (bench.folder("sales") / lost).unlink()
    path = bench.folder("sales") / other
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert repair(bench, "sales") == FOUND_WRONG
    told = capsys.readouterr().out.splitlines()
    assert told[1:] == [f"damaged: {lost} is gone", f"damaged: {other} has other bytes than were written"]
    assert pointer.read_bytes() == before


def test_a_table_that_is_not_there_or_has_no_manifest_is_one_message(bench: Bench, capsys: Printed) -> None:
    assert repair(bench, "nothing") == NOT_DONE
    assert capsys.readouterr().err == (
        f"error: file://{bench.root}: no schema there has a table nothing: see its name and --lake-root\n"
    )
    for manifest in bench.folder("product").rglob("*.json"):
        manifest.write_text("")
    assert repair(bench, "product") == NOT_DONE
    assert "remove the table's bronze folder and copy the table afresh" in capsys.readouterr().err


def test_a_table_of_two_schemas_asks_for_one(bench: Bench, capsys: Printed) -> None:
    (bench.root / "other" / "sales").mkdir(parents=True)
    assert repair(bench, "sales") == NOT_DONE
    assert "have a table sales: give --schema" in capsys.readouterr().err
