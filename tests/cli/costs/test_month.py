"""A month's cost, by hand from round figures, and the guide that shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.commands.command import DONE, NOT_DONE
from cli.costs.assumptions import Assumptions, assumptions_table
from cli.costs.month import Work, bill, bill_table, computes, cuts_table, month_of, silver_work
from cli.main import main
from tests.conftest import PROJECT

GUIDE = (PROJECT / "docs" / "guides" / "scaling.md").read_text()
ROUND = Assumptions(
    dates=10, dimensions=20, changed=0.5, facts=4, large_facts=1, batch_tables=5,
    first_table_minutes=1, dimension_minutes=1, fact_minutes=2, large_fact_minutes=10, gold_minutes=5,
    serverless_start_minutes=1, serverless_dbu=2, serverless_price=3,
    nodes=2, machine_price=1, machine_dbu=1, jobs_price=2, all_purpose_price=5,
    job_cluster_start_minutes=5, cluster_start_minutes=5, idle_minutes=24,
)  # fmt: skip


def test_silver_is_counted_in_batches_of_each_kind_and_large_facts_alone() -> None:
    # Ten dimensions change: two batches. Four facts: one. A large one.
    assert silver_work(ROUND, 5) == Work(4, 10 + 8 + 10)
    assert silver_work(ROUND, 1) == Work(15, 28)


def test_an_hour_of_each_kind_costs_its_machines_and_its_units() -> None:
    assert [kind.hourly for kind in computes(ROUND)] == [6, 2 * (1 + 2), 2 * (1 + 5)]


@pytest.mark.parametrize(("kind", "cost"), [(0, 10 * (28 + 4 * 2) / 60 * 6), (1, 10 * (28 + 4 * 6) / 60 * 6), (2, 56)])
def test_a_run_is_paid_from_its_start_on_but_on_one_cluster_for_all(kind: int, cost: float) -> None:
    assert month_of(silver_work(ROUND, 5), computes(ROUND)[kind], 10) == pytest.approx(cost)


def test_one_cluster_for_all_is_paid_until_it_stops() -> None:
    lines = {line.name: line.costs for line in bill(ROUND)}
    assert lines["starting and stopping once a day"] == (0, 0, 10 * 30 / 60 * 12)
    parts = [costs for name, costs in lines.items() if name != "all" and "were each table" not in name]
    assert lines["all"] == pytest.approx([sum(costs) for costs in zip(*parts, strict=True)])


def test_the_guide_shows_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--list"]) == DONE
    assumptions, bill_shown = capsys.readouterr().out.split("\n\n")
    assert assumptions + "\n" == assumptions_table(Assumptions())
    for table in (assumptions_table(Assumptions()), bill_table(Assumptions()), cuts_table(Assumptions())):
        assert table in GUIDE
    assert bill_shown == bill_table(Assumptions())


def test_figures_of_one_s_own_take_the_place_of_the_defaults(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "ours.toml"
    file.write_text("airflow_machines = 0\ndatabase_price = 0\ncluster_fee = 0\ndates = 0\n")
    assert main(["cost", "--assumptions", str(file)]) == DONE
    assert capsys.readouterr().out.splitlines()[-1] == "| **all** | **78** | **78** | **78** |"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("price = 3", "price: is no assumption; there are dates, dimensions, "),
        ("dates = 'thirty'", "dates: 'thirty': must be a number of at least 0"),
        ("dates = true", "dates: True: must be a number of at least 0"),
        ("nodes = -1", "nodes: -1: must be a number of at least 0"),
        ("batch_tables = 0", "batch_tables: 0: must be at least 1"),
        ("dates: 3", "is no TOML"),
        (None, "cannot be read as text"),
    ],
)
def test_what_is_no_figure_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, told: str
) -> None:
    file = tmp_path / "ours.toml"
    if content is not None:
        file.write_text(content)
    assert main(["cost", "--assumptions", str(file)]) == NOT_DONE
    assert told in capsys.readouterr().err
