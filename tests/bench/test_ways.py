"""Each way has a module, is chosen by its name, and is left out with a reason where its tools are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import copy_bench
from bench.tools import ToolMissingError, jdbc_jar, wire_program
from bench.ways import WAYS, Toolbox, WaySpec, chosen_ways, needed_tools, request

PROJECT = Path(__file__).resolve().parents[2]


def test_every_way_has_its_module() -> None:
    modules = {path.stem for path in (PROJECT / "bench" / "peers").glob("*.py")} - {"__init__", "way"}
    assert {way.name for way in WAYS} == {*modules, "wire"}


def test_ways_run_in_the_benchmarks_order_whatever_order_they_are_named_in() -> None:
    assert [way.name for way in chosen_ways(["ours", "wire"])] == ["wire", "ours"]
    assert chosen_ways(None) == list(WAYS)


def test_an_unknown_way_is_named_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"there is no way nosuch: choose from wire, ours"):
        chosen_ways(["ours", "nosuch"])


@pytest.mark.parametrize("arguments", [["--peers", "nosuch"], ["--rows", "0"], ["--parts", "copy,nosuch"]])
def test_a_wrong_argument_ends_the_benchmark_before_it_starts(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        copy_bench.main(arguments)
    assert "error: argument" in capsys.readouterr().err


def test_a_way_whose_tool_is_missing_says_why() -> None:
    way = WaySpec("odbc", "ODBC", needs=["odbc_driver"])
    assert needed_tools(way) == ("peers_python", "odbc_driver")
    assert Toolbox(missing={"odbc_driver": "apt-get is not installed"}).why_unavailable(way) == (
        "apt-get is not installed"
    )
    assert Toolbox(missing={"jdbc_jar": "no Java"}).why_unavailable(way) is None


def test_a_missing_program_is_a_missing_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError, match=r"^pkg-config is not installed$"):
        wire_program(tmp_path)


def test_a_jar_that_is_there_is_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    jar = tmp_path / "mariadb-java-client-3.5.6.jar"
    jar.touch()
    assert jdbc_jar(tmp_path) == jar


def test_the_wire_is_asked_in_plain_words_and_all_others_in_json(tmp_path: Path) -> None:
    wire, ours = chosen_ways(["wire", "ours"])
    assert request(wire, ["a", "b"], tmp_path) == "a b"
    assert request(ours, ["a"], Path("/f"), business_date="2026-11-20") == (
        '{"tables": ["a"], "folder": "/f", "business_date": "2026-11-20"}'
    )
