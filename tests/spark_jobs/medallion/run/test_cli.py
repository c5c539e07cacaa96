"""The command line of the jobs, which needs no Spark."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from medallion.errors import ArgumentError
from medallion.run.cli import EveryTable, JobArguments, parse_arguments


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The contracts of one schema, as far as the command line looks at them."""
    made = tmp_path / "crm"
    made.mkdir()
    return made


def parsed(
    program: str, folder: Path, *argv: str, every_table: EveryTable | None = None, **changed: str
) -> list[JobArguments]:
    given = {"contracts": str(folder), "business-date": "2026-11-20", "run-id": "r", "lake-root": "/lake/", **changed}
    words = [f"--{name}={value}" for name, value in given.items()]
    return parse_arguments(program, [*words, *argv], every_table)


def tables_of(jobs: list[JobArguments]) -> list[str]:
    return [job.table for job in jobs]


def every_table(contracts: Path) -> list[str]:
    return [f"{contracts.name}_1", f"{contracts.name}_2"]


def test_a_job_works_on_its_tables_in_their_order_and_once(folder: Path) -> None:
    jobs = parsed("silver", folder, "--tables", " b,a,,b ", "--accept-deletes", "true", "--rebuild", "false")

    one = JobArguments(folder, "b", date(2026, 11, 20), "r", "/lake", None, accept_deletes=True)
    assert jobs == [one, replace(one, table="a")]
    assert one.source_schema == "crm"


def test_an_argument_without_a_value_is_as_good_as_none(folder: Path) -> None:
    jobs = parsed("silver", folder, "--tables=a", "--catalog=", "--rebuild=", "--accept-deletes=")

    assert jobs == parsed("silver", folder, "--tables=a")
    assert (jobs[0].catalog, jobs[0].rebuild, jobs[0].accept_deletes) == (None, False, False)


def test_upkeep_and_a_rebuild_of_silver_are_of_every_table_where_none_is_named(folder: Path) -> None:
    days = ("--silver-days=30", "--gold-days=7")

    upkeep = parsed("upkeep", folder, *days, "--tables=", every_table=every_table)

    assert tables_of(upkeep) == ["crm_1", "crm_2"]
    assert (upkeep[0].silver_days, upkeep[0].gold_days) == (30, 7)
    assert tables_of(parsed("silver", folder, "--rebuild=true", every_table=every_table)) == ["crm_1", "crm_2"]
    named = ("--rebuild=true", "--tables=a")
    assert tables_of(parsed("silver", folder, *named, every_table=every_table)) == ["a"]


NAMES_NONE = "--tables: no table is named; name them as in the lake, by comma"


@pytest.mark.parametrize(
    ("program", "argv", "message"),
    [
        ("silver", [], f"{NAMES_NONE}, or give --rebuild=true without any to make all anew"),
        ("silver", ["--tables= ,"], f"{NAMES_NONE}, or give --rebuild=true without any to make all anew"),
        ("gold", ["--tables="], NAMES_NONE),
        ("silver", ["--tables=a", "--rebuild=yes"], "--rebuild: 'yes' is neither true nor false; give one of the two"),
        (
            "silver",
            ["--tables=a", "--accept-deletes=True"],
            "--accept-deletes: 'True' is neither true nor false; give one of the two",
        ),
        ("silver", ["--table=a"], "silver: unrecognized arguments: --table=a; see silver --help"),
        ("gold", ["--tables=a", "--rebuild=true"], "gold: unrecognized arguments: --rebuild=true; see gold --help"),
        (
            "upkeep",
            [],
            "upkeep: the following arguments are required: --silver-days, --gold-days; see upkeep --help",
        ),
        (
            "upkeep",
            ["--silver-days=", "--gold-days=7"],
            "upkeep: argument --silver-days: invalid int value: ''; see upkeep --help",
        ),
    ],
)
def test_what_a_command_line_lacks_or_has_wrong_is_named_with_its_cure(
    program: str, argv: list[str], message: str, folder: Path
) -> None:
    with pytest.raises(ArgumentError) as refused:
        parsed(program, folder, *argv, every_table=None if program == "gold" else every_table)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"business-date": "20.11.2026"},
            "--business-date: '20.11.2026' is not a date; give it as YYYY-MM-DD, say 2026-11-20",
        ),
        ({"business-date": ""}, "--business-date: '' is not a date; give it as YYYY-MM-DD, say 2026-11-20"),
        ({"contracts": "/nowhere"}, "--contracts: there is no folder /nowhere; give the folder of one source schema"),
        ({"lake-root": ""}, "--run-id and --lake-root must not be empty"),
        ({"run-id": ""}, "--run-id and --lake-root must not be empty"),
    ],
)
def test_where_when_and_for_which_run_a_job_works_must_be_said(
    changed: dict[str, str], message: str, folder: Path
) -> None:
    with pytest.raises(ArgumentError) as refused:
        parsed("silver", folder, "--tables=a", **changed)
    assert str(refused.value) == message
