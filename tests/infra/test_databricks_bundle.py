"""The Databricks bundle: Databricks' own model takes each target's jobs, and they call the programs as Airflow does."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from lakehouse.daily_run.databricks_runs import WHEEL_PACKAGE
from medallion.run.cli import JobArguments, parse_arguments

from local.databricks_api.job_definitions import parse_job, run_of
from tests.conftest import PROJECT
from tests.databricks_bundle import BUNDLE, KEYS, WHEEL, Json, create_bodies, merged_jobs, read_bundle

TARGETS = ("dev", "dev_cluster", "prod", "prod_cluster")
COMPUTE = {
    "dev": "environment_key",
    "dev_cluster": "existing_cluster_id",
    "prod": "environment_key",
    "prod_cluster": "job_cluster_key",
}
# Loads the jobs of each line and says in a line what is wrong; without site packages, of which one hides the model's.
LOADER = """
import json, sys
sys.path.insert(0, sys.argv[1])
from databricks.bundles.jobs import Job
for line in sys.stdin:
    wrong = ""
    try:
        for name, job in json.loads(line).items():
            Job.from_dict(job)
    except Exception as error:
        wrong = f"{type(error).__name__}: {error}"
    print(json.dumps(wrong), flush=True)
"""

Load = Callable[[Json], str]


@pytest.fixture(scope="module")
def bundle() -> Json:
    return read_bundle()


@pytest.fixture(scope="module")
def load() -> Iterator[Load]:
    """What Databricks' model says of jobs; empty: it takes them."""
    command = [sys.executable, "-S", "-c", LOADER, str(Path(os.environ["LAKEHOUSE_INFRA"]) / "bundles")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as loader:
        assert loader.stdin
        assert loader.stdout

        def ask(jobs: Json) -> str:
            print(json.dumps(jobs), file=loader.stdin, flush=True)
            return str(json.loads(loader.stdout.readline()))

        yield ask
        loader.stdin.close()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, str):
        yield value


def test_there_are_these_targets_and_one_is_the_default(bundle: Json) -> None:
    assert tuple(bundle["targets"]) == TARGETS
    assert [name for name, target in bundle["targets"].items() if target.get("default")] == ["dev"]


@pytest.mark.parametrize("target", TARGETS)
def test_databricks_model_takes_the_jobs_of(target: str, bundle: Json, load: Load) -> None:
    assert load(merged_jobs(bundle, target)) == ""


@pytest.mark.parametrize(
    ("path", "name", "value", "message"),
    [
        (("tasks", 0, "python_wheel_task"), "entrypoint", "silver", "Unexpected field 'entrypoint'"),
        (("tasks", 0), "taskkey", "silver", "Unexpected field 'taskkey'"),
        (("permissions", 0), "level", "CAN_DO", "CAN_DO"),
        (("queue",), "enabled", "perhaps", "perhaps"),
        (("environments", 0, "spec"), "version", "4", "Unexpected field 'version'"),
    ],
)
def test_the_model_finds_a_planted_mistake(
    path: tuple[str | int, ...], name: str, value: str, message: str, bundle: Json, load: Load
) -> None:
    jobs = merged_jobs(bundle, "dev")
    place: Any = jobs["silver"]
    for step in path:
        place = place[step]
    place[name] = value
    assert message in load(jobs)


@pytest.mark.parametrize("target", TARGETS)
def test_each_task_has_the_compute_of_its_target_and_the_wheel_once(target: str, bundle: Json) -> None:
    for job in merged_jobs(bundle, target).values():
        (task,) = job["tasks"]
        assert [kind for kind in set(COMPUTE.values()) if kind in task] == [COMPUTE[target]]
        assert [text for text in _texts(job) if text.endswith(".whl")] == [WHEEL]
        assert WHEEL in _texts(job.get("environments", task.get("libraries")))
        keys = {one[KEYS[field]] for field in ("environments", "job_clusters") for one in job.get(field, [])}
        assert keys == {task[key] for key in ("environment_key", "job_cluster_key") if key in task}
    assert [one["source"] for one in bundle["artifacts"]["jobs"]["files"]] == [WHEEL]
    assert (BUNDLE / bundle["artifacts"]["jobs"]["path"]).resolve() == PROJECT / "spark_jobs"


def test_each_variable_is_declared_and_used(bundle: Json) -> None:
    used = {name for text in _texts(bundle) for name in re.findall(r"\$\{var\.(\w+)\}", text)}
    assert used == set(bundle["variables"])
    assert all(one["description"] for one in bundle["variables"].values())
    known = {"bundle.target", *(f"var.{name}" for name in used)}
    assert {name for text in _texts(bundle) for name in re.findall(r"\$\{([^}]+)\}", text)} <= known


def test_the_jobs_are_the_entry_points_that_airflow_calls(bundle: Json) -> None:
    project = tomllib.loads((PROJECT / "spark_jobs" / "pyproject.toml").read_text())["project"]
    tasks = {name: job["tasks"][0]["python_wheel_task"] for name, job in bundle["resources"]["jobs"].items()}
    assert {name: task["entry_point"] for name, task in tasks.items()} == {name: name for name in tasks}
    assert set(tasks) == set(project["scripts"])
    assert {task["package_name"] for task in tasks.values()} == {project["name"], WHEEL_PACKAGE}


VARIABLES = {
    "release": "r1",
    "lake_root": "abfss://bronze@a.dfs.core.windows.net/lake",
    "airflow_client_id": "airflow",
    "cluster_policy_id": "policy",
    "instance_pool_id": "pool",
    "existing_cluster_id": "running",
}


@pytest.mark.parametrize("name", ["silver", "gold", "upkeep"])
def test_a_job_that_is_run_by_hand_does_what_its_defaults_say_of_its_release_and_lake(
    name: str, tmp_path: Path
) -> None:
    contracts = tmp_path / "atliqsale"
    contracts.mkdir()
    run = run_of(parse_job(create_bodies("dev", Path("/jobs.whl"), **VARIABLES)[name]), BY_HAND)
    assert run.tasks[0].python_wheel_task
    where, *rest = run.tasks[0].python_wheel_task.parameters or []
    assert where == "--contracts=/Volumes/lakehouse_dev/operations/releases/r1/contracts/atliqsale"

    (job,) = parse_arguments(name, [f"--contracts={contracts}", *rest])

    days = {"upkeep": (30, 7)}.get(name, (0, 0))
    lake = "abfss://bronze@a.dfs.core.windows.net/lake"
    assert job == JobArguments(
        contracts, "sales", date(2026, 11, 20), "by_hand", lake, "lakehouse_dev", False, False, *days
    )


BY_HAND = {"tables": "sales", "business_date": "2026-11-20"}


def test_a_target_adds_its_compute_to_the_jobs_tasks_and_its_prefix_to_their_names() -> None:
    made = {target: create_bodies(target, Path("/jobs.whl"), **VARIABLES)["gold"] for target in TARGETS}

    assert {target: body["name"] for target, body in made.items()} == {
        "dev": "[dev] lakehouse gold", "dev_cluster": "[dev] lakehouse gold",
        "prod": "lakehouse gold", "prod_cluster": "lakehouse gold",
    }  # fmt: skip
    assert {target: body["tags"] for target, body in made.items()} == {
        target: {"platform": "lakehouse", "release": "r1", "target": target} for target in TARGETS
    }
    runs = {target: run_of(parse_job(body), BY_HAND) for target, body in made.items()}
    (task,) = runs["prod_cluster"].tasks
    assert task.new_cluster
    assert (task.new_cluster.policy_id, task.new_cluster.instance_pool_id) == ("policy", "pool")
    assert [library.whl for library in task.libraries or []] == ["/jobs.whl"]
    assert runs["dev_cluster"].tasks[0].existing_cluster_id == "running"
    assert runs["prod"].tasks[0].environment_key == "jobs"
    assert [one.spec.dependencies for one in runs["prod"].environments if one.spec] == [["/jobs.whl"]]


class Deployment:
    """A copy of what deploy needs, and a pretended Databricks CLI that notes what it is asked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.calls = root / "calls.log"
        self.calls.touch()
        shutil.copytree(BUNDLE, root / "infra" / "databricks")
        (root / "spark_jobs").mkdir()
        program = root / "bin" / "databricks"
        program.parent.mkdir()
        program.write_text(
            f'#!/bin/bash\necho "$*" >>{self.calls}\n'
            f'case "$1 $2" in "fs ls") exec test -e "{root}/there" ;;\n'
            f'"bundle deploy") mkdir {root}/spark_jobs/dist && touch {root}/spark_jobs/dist/jobs-0.1.0.whl ;;\nesac\n'
        )
        program.chmod(0o755)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.root / "infra" / "databricks" / "deploy", *arguments],
            env={"PATH": f"{self.root / 'bin'}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )


def test_deploy_brings_contracts_and_bundle_and_tells_airflows_settings(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    done = deployment.run("prod_cluster", "v1.2", "--var", "lake_root=abfss://x", "--profile", "prod")
    folder = "/Volumes/lakehouse_prod/operations/releases/v1.2"
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"LAKEHOUSE_SPARK_CONTRACTS_ROOT={folder}/contracts",
        f"LAKEHOUSE_JOB_WHEEL={folder}/.internal/jobs-0.1.0.whl",
    ]
    assert deployment.calls.read_text().splitlines() == [
        f"fs ls dbfs:{folder} --profile prod",
        f"fs mkdir dbfs:{folder} --profile prod",
        f"fs cp --recursive ../../contracts dbfs:{folder}/contracts --profile prod",
        "bundle deploy --target prod_cluster --var release=v1.2 --var lake_root=abfss://x --profile prod",
    ]


def test_deploy_changes_no_release_that_is_there(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    (tmp_path / "there").touch()
    done = deployment.run("prod", "v1.2")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: /Volumes/lakehouse_prod/operations/releases/v1.2 is there: name another release\n"
    assert deployment.calls.read_text() == "fs ls dbfs:/Volumes/lakehouse_prod/operations/releases/v1.2\n"


def test_deploy_without_a_release_tells_how_it_is_called(tmp_path: Path) -> None:
    done = Deployment(tmp_path).run("prod")
    assert done.returncode == 2
    assert "infra/databricks/deploy TARGET RELEASE" in done.stderr
