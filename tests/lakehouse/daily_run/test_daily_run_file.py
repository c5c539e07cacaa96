"""What a schema may choose for its daily run, and what is said of a choice that cannot be meant."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from lakehouse.daily_run.daily_run_file import DailyRun, check_one_big_table, daily_runs
from lakehouse.errors import ContractError
from lakehouse.settings import settings_at_parse

from lake_model.contracts.table_contracts import load_contracts

SETTINGS = settings_at_parse({"LAKEHOUSE_TIMEZONE": "Asia/Kolkata", "LAKEHOUSE_SCHEDULE_START": "2024-01-01"})
BY_SETTINGS = DailyRun("shop", "shop_daily", "0 0 * * *", "Asia/Kolkata", date(2024, 1, 1), None, "data-platform", "")


def make(root: Path, schema: str, choices: str | bytes | None = None, contract: str = "sale") -> Path:
    folder = root / schema
    folder.mkdir()
    if contract:
        (folder / f"{contract}.odcs.yaml").write_text("")
    if choices is not None:
        (folder / "daily_run.toml").write_bytes(choices.encode() if isinstance(choices, str) else choices)
    return folder


def test_a_folder_of_contracts_has_a_daily_run_without_saying_anything(tmp_path: Path) -> None:
    make(tmp_path, "shop")
    make(tmp_path, "notes", contract="")
    (tmp_path / "README.md").write_text("")

    assert daily_runs(tmp_path, SETTINGS) == ([BY_SETTINGS], [])


def test_a_schema_chooses_everything(tmp_path: Path) -> None:
    make(
        tmp_path,
        "shop",
        'schedule = "30 6 * * 1-5"\ntimezone = "Africa/Cairo"\nstart_date = 2026-11-20\none_big_table = "sales_wide"\n'
        'owner = "shop team"\nrunbook = """\nCall the shop.\n"""\n',
        contract="sales_wide",
    )

    assert daily_runs(tmp_path, SETTINGS) == (
        [
            DailyRun(
                "shop", "shop_daily", "30 6 * * 1-5", "Africa/Cairo", date(2026, 11, 20), "sales_wide", "shop team",
                "Call the shop.",
            )
        ],
        [],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("choices", "problem"),
    [
        ('shedule = "0 0 * * *"', "shedule: '0 0 * * *': is no choice of a daily run; there are schedule, timezone, "
         "start_date, one_big_table, owner, runbook"),
        ('schedule = "0 0 * *"', "schedule: '0 0 * *': must be a cron expression of five fields in quotes, such as "
         '"0 0 * * *"'),
        ('schedule = "61 0 * * *"', "schedule: '61 0 * * *': must be a cron expression of five fields in quotes, such "
         'as "0 0 * * *"'),
        ('timezone = "Kolkata"', "timezone: 'Kolkata': must be a time zone's name in quotes, such as \"UTC\" or "
         '"Asia/Kolkata"'),
        ('start_date = "2026-11-20"', "start_date: '2026-11-20': must be a date without quotes, such as 2026-11-20"),
        ("start_date = 2026-11-20T00:00:00", "start_date: datetime.datetime(2026, 11, 20, 0, 0): must be a date "
         "without quotes, such as 2026-11-20"),
        ('one_big_table = "wide"', "one_big_table: 'wide': must be the name in quotes of a One Big Table, whose "
         "contract is <name>.odcs.yaml in the same folder"),
        ('owner = " "', "owner: ' ': must be a name in quotes"),
        ("runbook = 7", 'runbook: 7: must be Markdown between """ and """'),
        ("schedule = 0 0", "is no TOML (Expected newline or end of document after a statement (at line 1, column 14)): "
         "correct it there"),
        (b'owner = "\xff"', "is not UTF-8 text (byte 9): save it as UTF-8"),
    ],
)  # fmt: skip
def test_a_wrong_choice_leaves_its_schema_out_alone_and_says_what_to_do(
    tmp_path: Path, choices: str | bytes, problem: str
) -> None:
    make(tmp_path, "shop")
    make(tmp_path, "store", choices)

    assert daily_runs(tmp_path, SETTINGS) == ([BY_SETTINGS], [f"store/daily_run.toml: {problem}"])


def test_every_wrong_choice_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    make(tmp_path, "shop", "owner = 1\nrunbook = 2\n")

    found = daily_runs(tmp_path, SETTINGS)

    assert found[0] == []
    assert [problem.split(":")[1].strip() for problem in found[1]] == ["owner", "runbook"]


def test_choices_without_a_contract_are_told(tmp_path: Path) -> None:
    make(tmp_path, "shop", 'owner = "x"', contract="")

    assert daily_runs(tmp_path, SETTINGS) == (
        [],
        ["shop/daily_run.toml: there is no contract beside it: write one file <table>.odcs.yaml"],
    )


def test_a_missing_root_is_told(tmp_path: Path) -> None:
    assert daily_runs(tmp_path / "gone", SETTINGS) == (
        [],
        [f"the contracts' folder {tmp_path / 'gone'} does not exist: set LAKEHOUSE_CONTRACTS_ROOT to it"],
    )


def test_a_schema_of_any_name_has_a_dag_and_two_never_share_one(tmp_path: Path) -> None:
    make(tmp_path, "my shop")
    make(tmp_path, "my_shop")

    found, problems = daily_runs(tmp_path, SETTINGS)

    assert [(run.schema, run.dag_id) for run in found] == [("my shop", "my_shop_daily")]
    assert problems == ["my_shop: its DAG would be my_shop_daily, as that of my shop is: rename one folder"]


def test_a_one_big_table_must_be_one_and_another_that_no_run_refreshes_is_told(contracts_folder: Path) -> None:
    contracts = load_contracts(contracts_folder)

    assert check_one_big_table(contracts, "sales_obt") == []
    assert check_one_big_table(contracts, None) == [
        "sales_obt: no run refreshes it, since daily_run.toml does not name it"
    ]
    with pytest.raises(ContractError) as caught:
        check_one_big_table(contracts, "customer")
    assert str(caught.value) == (
        "daily_run.toml: one_big_table: 'customer': its contract has another tableKind than one_big_table: "
        "name a One Big Table, or remove the line"
    )
