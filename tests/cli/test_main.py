"""The command line: what it offers, how it ends, and that it starts at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cli.commands.command import DONE, INTERRUPTED, NOT_DONE
from cli.main import COMMANDS, main

PROJECT = Path(__file__).resolve().parents[2]
HEAVY = ("airflow", "pyarrow", "MySQLdb", "yaml", "rich", "duckdb", "pydantic", "sqlglot")

Patch = pytest.MonkeyPatch


def test_every_command_has_words_of_its_own_and_a_summary() -> None:
    assert len({command.words for command in COMMANDS}) == len(COMMANDS)
    assert all(command.summary and command.description for command in COMMANDS)


def test_asking_for_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from cli.main import build_parser; build_parser().format_help();"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": f"{PROJECT / 'plugins'}:{PROJECT}"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "[]\n"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.words))
def test_each_command_explains_itself(command: object, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command.words, "--help"])  # type: ignore[attr-defined]

    assert ended.value.code == DONE
    assert "exit status: 0 done and well" in capsys.readouterr().out


def test_an_error_is_one_message_and_status_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["contract", "check", "--contracts", str(tmp_path / "none")]) == NOT_DONE

    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == (
        f"error: the contracts' folder {tmp_path}/none does not exist: give another by --contracts, or create it\n"
    )


def test_a_wrong_word_is_answered_with_the_usage_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["contract", "chekc"])

    assert ended.value.code == NOT_DONE
    assert "invalid choice: 'chekc'" in capsys.readouterr().err


def test_an_interrupt_ends_with_status_130(monkeypatch: Patch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.commands.contract_check.contract_folders", interrupt)

    assert main(["contract", "check"]) == INTERRUPTED
    assert capsys.readouterr().err == "interrupted\n"
