"""The workflows of .github: GitHub's schema takes them, what they run is there, and prod waits for an approval."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
FOLDER = PROJECT / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))
TOOLS = {"docker", "git", "sudo", "uv"}
"""Programs that a step may call and that are none of the project's."""

Json = dict[Any, Any]


@pytest.fixture(scope="module")
def schema() -> Json:
    """What GitHub takes, as bin/test sets it up."""
    found: Json = json.loads((Path(os.environ["LAKEHOUSE_INFRA"]) / "github-workflows.json").read_text())
    return found


def read(file: Path) -> Json:
    """A workflow; YAML reads a bare `on` as true."""
    found: Json = yaml.safe_load(file.read_text())
    return {"on" if key is True else key: value for key, value in found.items()}


def steps(workflow: Json) -> Iterator[Json]:
    for job in workflow["jobs"].values():
        yield from job.get("steps", [])


def test_there_are_workflows_for_changes_releases_and_deployments() -> None:
    assert [file.name for file in WORKFLOWS] == ["ci.yml", "deploy.yml", "release.yml"]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_githubs_schema_takes(file: Path, schema: Json) -> None:
    import jsonschema

    jsonschema.validate(read(file), schema)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda found: found["jobs"]["test"].update(run_on="x"),
        lambda found: found["jobs"]["test"].pop("runs-on"),
        lambda found: found["jobs"]["build"]["steps"].append({"runs": "x"}),
        lambda found: found["permissions"].update(contents="all"),
        lambda found: found["on"].update(pull_requests={}),
    ],
)
def test_the_schema_finds_a_planted_mistake(spoil: Callable[[Json], None], schema: Json) -> None:
    import jsonschema

    found = copy.deepcopy(read(FOLDER / "ci.yml"))
    spoil(found)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found, schema)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_what_a_step_runs_is_there_and_no_input_is_put_into_a_command(file: Path) -> None:
    for step in steps(read(file)):
        command = step.get("run")
        if command is None:
            continue
        assert "${{" not in command, command
        programs = re.findall(r"(?:^|[\s\"'])((?:bin|infra)/[\w/.-]+)", command)
        assert programs or command.split()[0] in TOOLS, command
        for program in programs:
            assert (PROJECT / program).is_file(), program
        if (first := PROJECT / command.split()[0]).is_file():
            assert os.access(first, os.X_OK), first


def test_every_stage_of_the_tests_is_run() -> None:
    text = (PROJECT / "bin" / "test").read_text()
    stages = " ".join(re.findall(r"^(?:STAGES|OPT_IN)=\((.*)\)", text, re.MULTILINE)).split()
    assert read(FOLDER / "ci.yml")["jobs"]["test"]["strategy"]["matrix"]["stage"] == stages


def test_what_a_workflow_calls_is_there_and_gets_its_inputs() -> None:
    release = read(FOLDER / "release.yml")["jobs"]
    asked = read(FOLDER / "deploy.yml")["on"]["workflow_call"]["inputs"]
    called = [job for job in release.values() if "uses" in job]
    assert len(called) == 3
    for job in called:
        assert (PROJECT / job["uses"]).is_file()
        if job["uses"].endswith("deploy.yml"):
            assert set(job["with"]) == set(asked)


def test_a_release_is_tested_first_and_goes_to_prod_last_and_by_approval() -> None:
    jobs = read(FOLDER / "release.yml")["jobs"]
    assert [jobs[name].get("needs") for name in ("ci", "image", "dev", "prod")] == [None, "ci", "image", "dev"]
    assert [jobs[name]["with"]["environment"] for name in ("dev", "prod")] == ["dev", "prod"]
    for name in ("dev", "prod"):
        assert (PROJECT / "infra" / "terraform" / "environments" / name).is_dir()
    deploy = read(FOLDER / "deploy.yml")["jobs"]
    # The environment of that name holds the reviewers; its plan is made before, under another one.
    assert deploy["plan"]["environment"] == "${{ inputs.environment }}-plan"
    assert (deploy["apply"]["environment"], deploy["apply"]["needs"]) == ("${{ inputs.environment }}", "plan")
    assert read(FOLDER / "deploy.yml")["defaults"] == {"run": {"shell": "bash"}}


def test_each_job_ends_some_time_and_no_secret_is_named_but_githubs_own() -> None:
    for file in WORKFLOWS:
        workflow = read(file)
        for job in workflow["jobs"].values():
            assert "uses" in job or job["timeout-minutes"] <= 90
        assert set(re.findall(r"secrets\.(\w+)", file.read_text())) <= {"GITHUB_TOKEN"}
        assert "contents" in workflow["permissions"]


def test_terraform_is_told_every_variable_that_has_no_default() -> None:
    given = set(re.findall(r"TF_VAR_(\w+):", (FOLDER / "deploy.yml").read_text()))
    for environment in ("dev", "prod"):
        text = (PROJECT / "infra" / "terraform" / "environments" / environment / "variables.tf").read_text()
        blocks = re.findall(r'^variable "(\w+)" \{(.*?)^\}', text, re.MULTILINE | re.DOTALL)
        assert {name for name, body in blocks if "default" not in body} <= given


class Deployment:
    """A copy of what infra/deploy needs, with programs that note what they are asked."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "infra" / "terraform" / "environments" / "prod"
        self.folder.mkdir(parents=True)
        self.calls = root / "calls.log"
        self.program = shutil.copy(PROJECT / "infra" / "deploy", root / "infra" / "deploy")
        outputs = {
            "airflow_settings": {"LAKEHOUSE_SPARK_LAKE_ROOT": "abfss://x"},
            "airflow_identity": {"client_id": "c"},
        }
        answers = "".join(f"*'output -json {name}') echo '{json.dumps(value)}' ;;\n" for name, value in outputs.items())
        self._write(
            root / "bin" / "terraform", f'case "$*" in *plan*-out*) touch {self.folder}/plan ;;\n{answers}esac\n'
        )
        self._write(root / "infra" / "databricks" / "deploy", "")
        # What of jq is asked here: one field of an object.
        self._write(
            root / "bin" / "jq", "python3 -c \"import json, sys; print(json.load(sys.stdin)['${@: -1:1}'[1:]])\"\n"
        )
        self.path = f"{root / 'bin'}:{os.environ['PATH']}"

    def _write(self, file: Path, body: str) -> None:
        file.parent.mkdir(exist_ok=True)
        note = (
            ""
            if file.name == "jq"
            else f'echo "{file.name} ${{*##-chdir=* }}" | sed "s/-chdir=[^ ]* //" >>{self.calls}\n'
        )
        file.write_text(f"#!/bin/bash\n{note}{body}")
        file.chmod(0o755)

    def run(self, *arguments: str, state: bool = True) -> subprocess.CompletedProcess[str]:
        given = {"STATE_GROUP": "g", "STATE_ACCOUNT": "a"} if state else {}
        return subprocess.run(
            [self.program, *arguments], env={"PATH": self.path, **given}, capture_output=True, text=True, check=False
        )


INIT = "terraform init -input=false -backend-config=resource_group_name=g -backend-config=storage_account_name=a"


def test_a_deployment_applies_the_plan_that_was_read_and_then_the_bundle(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path)
    assert deployment.run("plan", "prod").returncode == 0
    done = deployment.run("apply", "prod", "v1.2", "--profile", "p")
    assert (done.returncode, done.stderr) == (0, "")
    assert deployment.calls.read_text().splitlines() == [
        INIT,
        "terraform plan -input=false -out=plan",
        INIT,
        "terraform apply -input=false plan",
        "terraform output -json airflow_settings",
        "terraform output -json airflow_identity",
        "deploy prod v1.2 --var lake_root=abfss://x --var airflow_client_id=c --profile p",
    ]
    assert not (deployment.folder / "plan").exists()


@pytest.mark.parametrize(
    ("arguments", "state", "status", "message"),
    [
        (("apply", "prod", "v1"), True, 1, "has no plan: run infra/deploy plan prod first, and read it"),
        (("plan", "test"), True, 1, "error: there is no environment test in infra/terraform/environments"),
        (("plan", "../prod"), True, 1, "error: there is no environment ../prod in infra/terraform/environments"),
        (("plan", "prod"), False, 1, "error: STATE_GROUP and STATE_ACCOUNT must say where the state lies"),
        (("apply", "prod"), True, 2, "infra/deploy apply ENVIRONMENT RELEASE"),
        (("destroy", "prod"), True, 2, "infra/deploy plan  ENVIRONMENT"),
    ],
)
def test_what_cannot_be_deployed_is_told_and_changes_nothing(
    tmp_path: Path, arguments: tuple[str, ...], state: bool, status: int, message: str
) -> None:
    deployment = Deployment(tmp_path)
    done = deployment.run(*arguments, state=state)
    assert done.returncode == status
    assert message in done.stderr
    assert not deployment.calls.exists()
