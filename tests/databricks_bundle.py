"""What `databricks bundle deploy` makes of infra/databricks: a target's jobs, as the Jobs API is asked for them."""

from __future__ import annotations

import copy
import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import PROJECT
from tests.wheels import write_wheel

BUNDLE = PROJECT / "infra" / "databricks"
# The lists that targets add to by key.
KEYS = {"tasks": "task_key", "environments": "environment_key", "job_clusters": "job_cluster_key"}
WHEEL = "../../spark_jobs/dist/*.whl"

Json = dict[str, Any]


def read_bundle() -> Json:
    """The bundle with the files that it includes."""
    found: Json = yaml.safe_load((BUNDLE / "databricks.yml").read_text())
    for name in found["include"]:
        found |= yaml.safe_load((BUNDLE / name).read_text())
    return found


def merged_jobs(bundle: Json, target: str) -> Json:
    """The jobs with what a target adds to them."""
    jobs: Json = copy.deepcopy(bundle["resources"]["jobs"])
    for name, added in bundle["targets"][target]["resources"]["jobs"].items():
        for field, value in added.items():
            key = KEYS[field]
            merged = {one[key]: one for one in jobs[name].get(field, [])}
            for one in value:
                merged[one[key]] = merged.get(one[key], {}) | one
            jobs[name][field] = list(merged.values())
    return jobs


def create_bodies(target: str, wheel: Path, **variables: str) -> Json:
    """The body of `jobs/create` for each job, whose wheel was brought to where `wheel` is.

    Without permissions, which have a call of their own, and without `run_as`: the local Databricks has one user.
    """
    bundle = read_bundle()
    described = bundle["targets"][target]
    defaults = {name: one["default"] for name, one in bundle["variables"].items() if "default" in one}
    values = {f"var.{name}": text for name, text in (defaults | described["variables"] | variables).items()}
    values["bundle.target"] = target

    def resolved(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: resolved(one) for name, one in value.items()}
        if isinstance(value, list):
            return [resolved(one) for one in value]
        if isinstance(value, str):
            return str(wheel) if value == WHEEL else re.sub(r"\$\{([^}]+)\}", lambda one: values[one[1]], value)
        return value

    prefix = described.get("presets", {}).get("name_prefix", "")
    jobs = resolved(merged_jobs(bundle, target))
    return {
        name: {**{field: value for field, value in job.items() if field != "permissions"}, "name": prefix + job["name"]}
        for name, job in jobs.items()
    }


def make_wheel(folder: Path) -> Path:
    """The wheel of the jobs: what `uv build` makes of spark_jobs, without what it needs a network for."""
    code = PROJECT / "spark_jobs"
    project = tomllib.loads((code / "pyproject.toml").read_text())["project"]
    paths = (*code.glob("*.py"), *code.glob("medallion/**/*.py"), *code.glob("lake_model/**/*.py"))
    files = {str(path.relative_to(code)): path.read_bytes() for path in paths}
    return write_wheel(folder, project["name"], project["version"], project["scripts"], files)
