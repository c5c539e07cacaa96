"""A copy by hand: what it prints, what it leaves, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from lakehouse.bronze.copy_outcome import CopyOutcome
from lakehouse.ledger import LedgerRow

from cli.commands.command import DONE, INTERRUPTED, NOT_DONE
from cli.commands.copy import summary
from cli.main import main
from local.mysql_server import MySqlServer
from tests.lakehouse.copying import Bench

pytestmark = [pytest.mark.mysql, pytest.mark.one_server]
PROJECT = Path(__file__).resolve().parents[3]

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: sale
version: 1.0.0
status: active
schema:
  - name: sale
    physicalName: Sale
    logicalType: object
    customProperties:
      - {property: tableKind, value: fact}
      - {property: dateColumn, value: day}
    properties:
      - {name: day, physicalType: date, logicalType: date, required: true}
      - {name: amount, logicalType: number}
"""


@pytest.fixture
def bench(
    mysql_server: MySqlServer, fresh_schema: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Bench:
    bench = Bench(mysql_server, fresh_schema(), tmp_path / "lake" / "bronze")
    bench.sql(
        "CREATE TABLE Sale (day DATE, amount DECIMAL(10,2), note VARCHAR(20))",
        "INSERT INTO Sale VALUES ('2026-11-19', 1, 'a'), ('2026-11-20', 2.50, 'b'), ('2026-11-20', 3, NULL),"
        " ('2026-11-21', 4, 'd')",
    )
    folder = tmp_path / "contracts" / bench.schema
    folder.mkdir(parents=True)
    (folder / "sale.odcs.yaml").write_text(CONTRACT)
    password = mysql_server.credentials.lakehouse
    url = f"mysql://lakehouse:{password}@127.0.0.1:{mysql_server.port}/{bench.schema}"
    monkeypatch.setenv("AIRFLOW_CONN_MYSQL_ONPREM", url)
    monkeypatch.setenv("LAKEHOUSE_CONTRACTS_ROOT", str(tmp_path / "contracts"))
    monkeypatch.chdir(tmp_path)
    return bench


def test_a_copy_prints_its_figures_and_a_second_one_finds_nothing_to_do(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["copy", "sale", "--date", "2026-11-20", "--lake-root", "lake"]) == DONE

    shown = capsys.readouterr()
    (part,) = bench.root.rglob("*.parquet")
    assert re.sub(r"seconds  [\d.]+", "seconds  S", shown.out) == (
        f"{bench.schema}.Sale 2026-11-20: copied\n"
        "  rows     3 read, 3 written; the table has 3\n"
        f"  files    1 ({part.stat().st_size:,} bytes)\n"
        "  slices   2 of 3 had changed and were copied, 0 are gone\n"
        "  seconds  S\n"
        "  not due  1 rows dated after 2026-11-20 were left\n"
        "  drift    column note (varchar(20)) is not in the contract\n"
    )
    assert shown.err == f"{bench.schema}.Sale: 3 rows to read\n{bench.schema}.Sale: 3 of 3 rows\n"
    assert [row[1] for row in bench.rows("Sale")] == [1, 2.5, 3]

    assert main(["copy", "Sale", "--date", "2026-11-20", "--lake-root", "lake"]) == DONE
    assert "2026-11-20: unchanged\n  rows     0 read, 0 written; the table has 3\n" in capsys.readouterr().out


def test_a_copy_that_went_on_from_an_unfinished_one_says_so() -> None:
    detail = CopyOutcome("copied", slices_checked=9, slices_copied=2, slices_resumed=7, notes=("one range",)).detail()
    row = LedgerRow(
        schema="s",
        table="sale",
        stage="copy",
        business_date="2026-11-20",
        run_id="r",
        status="success",
        outcome="copied",
        rows_read=5,
        rows_written=5,
        bytes_written=10,
        seconds=1.5,
        started_at="2026-11-21T01:00:00+00:00",
        ended_at="2026-11-21T01:00:01+00:00",
        detail=detail,
    )
    assert summary(row, date(2026, 11, 20)).splitlines()[3:] == [
        "  slices   2 of 9 had changed and were copied, 0 are gone",
        "  resumed  7 further slices that an unfinished copy had brought were not read again",
        "  seconds  1.5",
        "  note     one range",
    ]


def test_full_copies_what_did_not_change_and_keeps_its_fingerprints(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["copy", "sale", "--date", "2026-11-20", "--lake-root", "lake"]
    main(words)
    before = bench.visible("Sale")

    assert main([*words, "--full"]) == DONE

    after = bench.visible("Sale")
    assert "rows     3 read, 3 written" in capsys.readouterr().out
    assert [item.fingerprint for item in after.slices] == [item.fingerprint for item in before.slices]
    assert not set(after.files) & set(before.files)


def test_a_past_date_of_a_table_without_dates_says_why_nothing_was_copied(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.sql("CREATE TABLE city (name VARCHAR(20))")
    main(["copy", "city", "--date", "2026-11-20", "--lake-root", "lake"])
    capsys.readouterr()

    assert main(["copy", "city", "--date", "2026-11-19", "--lake-root", "lake"]) == DONE

    assert capsys.readouterr().out.startswith(f"{bench.schema}.city 2026-11-19: nothing was copied: a newer date")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sales", "--date", "2026-11-20"], "error: TABLE names 'sales', but the schema .* did you mean Sale"),
        (["sale", "--date", "20261120"], "error: --date is '20261120', which is no date"),
        (["sale", "--date", "2999-01-01"], "error: --date is 2999-01-01, which lies in the future"),
        (["sale", "--date", "2026-11-20", "--schema", "nix"], "error: .* there is no schema nix"),
        (["sale", "--date", "2026-11-20", "--mysql", "x"], "error: connection --mysql: its address must be written"),
    ],
)
def test_what_is_asked_wrongly_is_one_message(
    bench: Bench, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(["copy", *words, "--lake-root", "lake"]) == NOT_DONE

    shown = capsys.readouterr()
    assert re.match(message, shown.err)
    assert shown.out == ""
    assert not bench.root.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "kill"])
def test_an_interrupted_copy_leaves_nothing_behind(bench: Bench, tmp_path: Path, number: signal.Signals) -> None:
    bench.sql("CREATE VIEW slow AS SELECT day, amount + SLEEP(600) AS amount FROM Sale")
    running = "SELECT 1 FROM information_schema.processlist WHERE user = 'lakehouse' AND info LIKE '%slow%'"
    (tmp_path / "contracts" / bench.schema / "slow.odcs.yaml").write_text(
        CONTRACT.replace("name: sale", "name: slow").replace("Sale", "slow")
    )
    command = [sys.executable, "-m", "cli", "copy", "slow", "--date", "2026-11-20", "--lake-root", "lake"]
    copy = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": f"{PROJECT / 'plugins'}:{PROJECT}"}
    )
    try:
        while not bench.ask(running):
            assert copy.poll() is None
        copy.send_signal(number)
        _, said = copy.communicate(timeout=60)
    finally:
        copy.kill()

    assert (copy.returncode, said) == (INTERRUPTED, "interrupted\n")
    assert not bench.ask(running)
    assert not bench.root.exists()


def test_a_copy_stands_in_the_ledger(bench: Bench) -> None:
    main(["copy", "sale", "--date", "2026-11-20", "--lake-root", "lake"])

    (row,) = (bench.root.parent / "ledger" / f"schema={bench.schema}").rglob("Sale.copy.*.json")
    assert re.fullmatch(r"run_id=by_hand_\d{8}T\d{6}", row.parent.name)
    assert bench.visible("Sale").business_date == date(2026, 11, 20).isoformat()
