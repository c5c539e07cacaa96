"""`query` and `show` over a small lake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.commands.command import DONE, NOT_DONE
from cli.main import main


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Gold with three rows, an empty quarantine, and one row in the ledger."""
    import pyarrow as pa
    from deltalake import write_deltalake
    from lakehouse.ledger import LedgerRow, write_row

    root = tmp_path / "lake"
    gold = pa.table({"zone": ["North", "South", "North"], "amount": [1, 2, 3]})
    write_deltalake(root / "gold" / "sales", gold)
    write_deltalake(root / "silver" / "sale_quarantine", pa.table({"state": pa.array([], pa.string())}))
    row = LedgerRow(
        "shop", "sale", "copy", "2026-01-01", "r1", "success", "copied", 3, 3, 10, 1.0,
        "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:01+00:00",
    )  # fmt: skip
    write_row(root, row)
    return root


def query(lake: Path, sql: str, *further: str) -> int:
    return main(["query", "--lake-root", str(lake), *further, sql])


TOTALS = "SELECT zone, sum(amount) AS total FROM gold.sales GROUP BY 1 ORDER BY 1"


def test_an_answer_is_a_table_csv_or_json(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert query(lake, TOTALS) == DONE
    assert capsys.readouterr().out == "zone   total\n─────  ─────\nNorth  4\nSouth  2\n"
    assert query(lake, TOTALS, "--format", "csv") == DONE
    assert capsys.readouterr().out.splitlines() == ["zone,total", "North,4", "South,2"]
    assert query(lake, TOTALS, "--format", "json") == DONE
    assert json.loads(capsys.readouterr().out.splitlines()[0]) == {"zone": "North", "total": "4"}


def test_an_answer_goes_to_a_parquet_file(lake: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    file = tmp_path / "answer.parquet"
    assert query(lake, "SELECT * FROM gold.sales", "--format", "parquet", "--output", str(file)) == DONE
    assert pq.read_table(file).to_pylist()[1] == {"zone": "South", "amount": 2}


def test_quarantine_and_ledger_have_their_names(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sql = "SELECT stage, rows_written, (SELECT count(*) FROM silver.sale_quarantine) AS waiting FROM ledger"
    assert query(lake, sql, "--format", "csv") == DONE
    assert capsys.readouterr().out.splitlines() == ["stage,rows_written,waiting", "copy,3,0"]


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT * FROM gold.nothing", "there is no table gold.nothing in the lake; there are: gold.sales"),
        ("DROP TABLE gold.sales", "only a SELECT is answered: the lake is changed by its runs alone"),
        ("SELECT 1; SELECT 2", "this is not one statement of SQL"),
        ("SELECT FROM WHERE", "this is not one statement of SQL"),
        ("SELECT colour FROM gold.sales", "Binder Error"),
        ("SELECT * FROM read_text('/etc/hostname')", "disabled by configuration"),
    ],
)
def test_what_cannot_be_answered_is_told_in_one_message(
    lake: Path, capsys: pytest.CaptureFixture[str], sql: str, told: str
) -> None:
    assert query(lake, sql) == NOT_DONE
    shown = capsys.readouterr()
    assert shown.out == ""
    assert told in shown.err


def test_show_lists_the_tables_or_shows_one(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "--lake-root", str(lake)]) == DONE
    assert capsys.readouterr().out.splitlines() == ["gold.sales", "silver.sale_quarantine", "ledger"]
    assert main(["show", "--lake-root", str(lake), "gold.sales", "--rows", "1"]) == DONE
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("gold.sales, version 0 of ")
    assert [line.split() for line in lines[1:4]] == [["zone", "VARCHAR"], ["amount", "BIGINT"], ["3", "rows"]]
    assert lines[4:] == ["zone   amount", "─────  ──────", "North  1"]
    assert main(["show", "--lake-root", str(lake), "gold.none"]) == NOT_DONE
    assert "there is no table gold.none in the lake" in capsys.readouterr().err
