"""`trace` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.commands.command import DONE, NOT_DONE
from cli.main import main
from tests.lakehouse.traced_lake import write_traced_lake


def test_it_prints_the_way_back_from_gold_to_the_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_traced_lake(tmp_path)
    assert main(["trace", "--lake-root", str(tmp_path), "gold.sales_obt", "2026-06-30"]) == DONE
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == ["gold", "silver", "bronze", "source"]
    assert "  file                           business_date=2026-06-30/part-0.parquet" in lines
    assert "  position in its binary log     binlog.000008:15" in lines


@pytest.mark.parametrize(
    ("table", "day", "told"),
    [
        ("sales_obt", "yesterday", "'yesterday' is no date: give one such as 2026-11-20"),
        ("sales", "2026-06-30", "has no contract of a table sales: name a One Big Table, such as sales_obt"),
        ("customer", "2026-06-30", "customer.odcs.yaml"),
        ("sales_obt", "2026-06-30", "there is no gold table sales_obt in the lake yet"),
    ],
)
def test_what_cannot_be_traced_is_told_in_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], table: str, day: str, told: str
) -> None:
    assert main(["trace", "--lake-root", str(tmp_path), table, day]) == NOT_DONE
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert told in error
