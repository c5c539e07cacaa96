"""The values for Airflow's Helm chart: the chart's own schema takes them, and they fit this project's image."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import airflow
import pytest
import yaml
from lakehouse.settings import SETTINGS

from cli.main import build_parser
from tests.conftest import PROJECT

Json = dict[str, Any]

HELM = PROJECT / "infra" / "helm"
GUIDE = (PROJECT / "docs" / "guides" / "scaling.md").read_text()
CHART = "1.22.0"
SCHEMA = json.loads(Path(__file__).with_name(f"airflow_chart_{CHART}.schema.json").read_text())
CELERY: Json = yaml.safe_load((HELM / "values.yaml").read_text())
OVERLAY: Json = yaml.safe_load((HELM / "values_kubernetes_executor.yaml").read_text())
# Of providers that the lock does not have: their options are the chart's.
FOREIGN_SECTIONS = {"celery", "kubernetes_executor"}


def merged(below: Json, above: Json) -> Json:
    """Values over others, as Helm puts them together."""
    both = {
        name: merged(below[name], value) if isinstance(value, dict) and isinstance(below.get(name), dict) else value
        for name, value in above.items()
    }
    return {**below, **both}


def faults(values: Json) -> list[str]:
    """What the chart would refuse, by place."""
    import jsonschema

    found = jsonschema.Draft7Validator(SCHEMA).iter_errors(values)
    return [f"{'.'.join(map(str, one.absolute_path))}: {one.message}" for one in found]


def leaves(value: Any) -> Iterator[Any]:
    """All single values, however deep."""
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from leaves(one)
    else:
        yield value


@pytest.mark.parametrize("values", [CELERY, merged(CELERY, OVERLAY)], ids=["celery", "kubernetes"])
def test_the_chart_takes_the_values(values: Json) -> None:
    assert faults(values) == []


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (("executr",), "CeleryExecutor", "'executr' was unexpected"),
        (("executor",), "Celery", "does not match"),
        (("workers", "celery", "replicas"), "two", "is not of type"),
        (("workers", "celery", "replcas"), 2, "'replcas' was unexpected"),
        (("scheduler", "extraContainers", 0, "imag"), "lakehouse", "'imag' was unexpected"),
        (("logs", "persistence", "enabled"), "yes", "is not of type 'boolean'"),
        (("apiServer", "resources", "limits", "memory"), ["3Gi"], "is not valid"),
        (("env", 0, "value"), 7, "is not of type 'string'"),
    ],
)
def test_a_mistake_is_found(place: tuple[Any, ...], value: object, told: str) -> None:
    spoilt = copy.deepcopy(CELERY)
    parent: Any = spoilt
    for step in place[:-1]:
        parent = parent[step]
    parent[place[-1]] = value
    (fault,) = faults(spoilt)
    assert told in fault


def test_options_of_airflow_are_known_to_it() -> None:
    folder = Path(airflow.__file__).parent
    known = yaml.safe_load((folder / "config_templates" / "config.yml").read_text())
    given = {name: options for name, options in CELERY["config"].items() if name not in FOREIGN_SECTIONS}
    unknown = [
        f"{section}.{option}"
        for section, options in given.items()
        for option in options
        if option not in known.get(section, {}).get("options", {})
    ]
    assert unknown == []
    # The chart writes them as they are into a file that Airflow reads as text.
    assert {type(value) for value in leaves(CELERY["config"])} == {str}


def test_settings_of_the_platform_exist() -> None:
    names = [one["name"] for one in CELERY["env"]] + [
        one["name"] for one in CELERY["scheduler"]["extraContainers"][0]["env"]
    ]
    ours = {name for name in names if name.startswith("LAKEHOUSE_")}
    assert ours <= {setting.environment_name for setting in SETTINGS}


def test_versions_are_those_of_the_lock_and_of_the_project() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    assert CELERY["airflowVersion"] == version("apache-airflow")
    assert {values["images"]["airflow"]["tag"].partition("-")[0] for values in (CELERY, OVERLAY)} == {project}
    assert f"--version {CHART}" in (HELM / "values.yaml").read_text()
    assert f"--version {CHART}" in GUIDE


def test_no_component_needs_a_file_of_airflow_s_own_image() -> None:
    """The chart's checks call /entrypoint and its log cleaners /clean-logs, which are not in this project's image."""
    image = (PROJECT / "Dockerfile").read_text()
    assert "/entrypoint" not in image
    assert "/clean-logs" not in image
    probes = [
        CELERY["scheduler"]["startupProbe"],
        CELERY["scheduler"]["livenessProbe"],
        CELERY["dagProcessor"]["livenessProbe"],
        CELERY["triggerer"]["livenessProbe"],
        CELERY["workers"]["celery"]["livenessProbe"],
    ]
    assert all(probe["command"] for probe in probes)
    cleaners = [CELERY[name]["logGroomerSidecar"] for name in ("scheduler", "dagProcessor", "triggerer", "workers")]
    assert cleaners == [{"enabled": False}] * 4


def test_the_container_beside_the_scheduler_runs_a_command_that_exists() -> None:
    (waiting,) = CELERY["scheduler"]["extraContainers"]
    python, flag, module, *arguments = waiting["command"]
    assert (python, flag, module) == ("python", "-m", "cli")
    assert build_parser().parse_args(arguments).command.words == ("waiting",)


def test_a_copy_may_end_before_its_worker_is_killed() -> None:
    from lakehouse.alerting.notifiers import AlertNotifier
    from lakehouse.daily_run.dag_defaults import default_args
    from lakehouse.settings import settings_at_parse

    longest = default_args(settings_at_parse({}), AlertNotifier())["execution_timeout"].total_seconds()
    assert CELERY["workers"]["celery"]["terminationGracePeriodSeconds"] > longest


def test_each_secret_is_made_before_as_the_guide_says_and_none_stands_in_the_file() -> None:
    text = (HELM / "values.yaml").read_text()
    named = {*CELERY["data"].values(), *(CELERY[f"{name}SecretName"] for name in ("fernetKey", "jwt", "apiSecretKey"))}
    assert {name for name in named if f"`{name}`" not in GUIDE} == set()
    assert [word for word in ("password", "://:", "token") if word in text.lower()] == []
