"""What is made beside a One Big Table is known by its file, and the gold job makes all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gold
import pytest
from medallion.gold import companions as package
from medallion.gold.companion import companions
from medallion.run.cli import parse_arguments
from medallion.run.run_ledger import Outcome


def test_a_kind_is_added_by_its_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, contracts_folder: Path
) -> None:
    (tmp_path / "abacus.py").write_text(
        "def refresh(spark, names, contract, *, mode): return {'beads': [names.gold(contract.name), mode]}\n"
    )
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    monkeypatch.setattr(gold, "refresh_one_big_table", lambda *_: Outcome("full", detail={"mode": "full"}))
    given = ["--tables", "sales_obt", "--business-date", "2026-11-20", "--run-id", "r", "--lake-root", "/lake"]
    (job,) = parse_arguments("gold", ["--contracts", str(contracts_folder), *given])
    no_spark: Any = None

    done = gold.refresh(no_spark, job, None)

    assert done.detail == {"mode": "full", "beads": ["delta.`/lake/gold/sales_obt`", "full"]}


def test_what_is_shipped() -> None:
    assert [vars(one)["__name__"] for one in companions()] == ["medallion.gold.companions.kpi_views"]
