"""The compose file's form: what starts after what, how health is known, and where secrets come from."""

from __future__ import annotations

import importlib.util
import itertools
import json
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.fernet import Fernet
from lakehouse.settings import SETTINGS

from local.compose import env_file
from local.compose.airflow_init import COMMANDS, InitError, write_login
from local.demo.addresses import Home, Ports, Secrets
from local.demo.airflow_environment import airflow_environment

REPOSITORY = Path(__file__).parents[2]
TEXT = (REPOSITORY / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONE_SHOT = {"airflow-init", "azurite-container", "mysql-fill"}
SENDS_TASKS = {"airflow-scheduler", "airflow-triggerer", "airflow-dag-processor"}
DEMO = {"mysql", "mysql-fill", "azurite", "azurite-container", "databricks"}
WORKER = "edge-worker"


def values_of(file: Path) -> dict[str, str]:
    """What an env file sets."""
    return dict(line.split("=", 1) for line in file.read_text().splitlines() if re.match(r"[A-Z_0-9]+=", line))


EXAMPLE = values_of(REPOSITORY / ".env.example")
SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|KEY|CONN")


def docker_file_of(service: dict[str, Any]) -> Path:
    return REPOSITORY / service["build"]["context"] / "Dockerfile"


def _docker_compose() -> list[str] | None:
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if shutil.which("docker"):
        found = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        return ["docker", "compose"] if found.returncode == 0 else None
    return None


def test_it_has_the_parts_of_the_platform() -> None:
    assert SERVICES.keys() == {
        "postgres", "mysql", "mysql-fill", "azurite", "azurite-container", "databricks", "airflow-init",
        "airflow-apiserver", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer", "edge-worker",
        "waiting",
    }  # fmt: skip


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_one_shot_or_tells_its_health(name: str) -> None:
    service = SERVICES[name]
    if name in ONE_SHOT:
        assert service["restart"] == "no"
        assert "healthcheck" not in service
    else:
        assert service["restart"] == "unless-stopped"
        assert {"test", "interval", "timeout", "retries", "start_period"} == service["healthcheck"].keys()


@pytest.mark.parametrize("name", SERVICES)
def test_every_dependency_waits_for_health_or_a_good_end(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        expected = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
        assert how["condition"] == expected, other
        # What the demo alone has is waited for where it is there.
        assert (how.get("required") is False) is (other in DEMO and name not in DEMO), other


def test_the_demo_alone_has_a_source_a_lake_and_a_databricks_of_its_own() -> None:
    assert {name for name, service in SERVICES.items() if service.get("profiles") == ["demo"]} == DEMO
    assert {name for name, service in SERVICES.items() if "profiles" in service} == DEMO
    assert EXAMPLE["COMPOSE_PROFILES"] == "demo"


@pytest.mark.parametrize("name", sorted(SENDS_TASKS))
def test_nothing_sends_tasks_before_the_api_server_listens(name: str) -> None:
    assert {"airflow-init", "airflow-apiserver"} <= SERVICES[name]["depends_on"].keys()


def test_tasks_wait_for_whom_they_ask() -> None:
    assert "databricks" in SERVICES["airflow-scheduler"]["depends_on"]
    assert SERVICES[WORKER]["depends_on"].keys() == {"mysql-fill", "azurite-container", "airflow-apiserver"}
    assert "azurite-container" in SERVICES["databricks"]["depends_on"]


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_and_stopping_takes_a_set_time(name: str) -> None:
    image = SERVICES[name]["image"]
    variable = re.fullmatch(r"\$\{(\w+):-(.*)\}", image)
    if variable:
        assert EXAMPLE[variable[1]] == variable[2]
    assert re.search(r":.*\d+\.\d+", variable[2] if variable else image)
    assert re.fullmatch(r"\d+s", SERVICES[name]["stop_grace_period"])


def test_every_image_that_is_pulled_can_be_named_in_the_env_file() -> None:
    pulled = {one["image"] for one in SERVICES.values() if "build" not in one}
    pulled |= {image for one in SERVICES.values() if "build" in one for image in one["build"]["args"].values()}
    named = {name: value for name, value in EXAMPLE.items() if name.endswith("_IMAGE")}
    assert pulled == {f"${{{name}:-{value}}}" for name, value in named.items()}
    for one in SERVICES.values():
        for argument in one.get("build", {}).get("args", {}):
            docker_file = docker_file_of(one).read_text()
            assert f"ARG {argument}={named[argument]}\n" in docker_file
            assert set(re.findall(r"^FROM (\S+)", docker_file, re.MULTILINE)) == {f"${{{argument}}}"}


def test_azurite_is_the_one_of_the_tests() -> None:
    packages = json.loads((REPOSITORY / "local" / "azurite" / "package.json").read_text())["dependencies"]
    assert SERVICES["azurite"]["image"] == f"lakehouse-azurite:{packages['azurite']}"


def test_the_documented_loop_pins_every_image_and_may_be_repeated(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs" / "guides" / "deploying.md").read_text()
    script = page.partition("### Images by digest")[2].partition("```bash\n")[2].partition("```")[0]
    env_file.write(tmp_path / ".env")
    docker = tmp_path / "docker"
    docker.write_text(
        'set -e\nimage="${@: -1}"\n[ "$1" != image ] || echo "${image%%[:@]*}@sha256:$(printf %064d 7)"\n'
    )
    expected = {name: f"{EXAMPLE[name].partition(':')[0]}@sha256:{7:064d}" for name in EXAMPLE if "IMAGE" in name}
    for _ in range(2):
        subprocess.run(
            ["bash", "-euc", f'docker() {{ bash {docker} "$@"; }}\n{script}'], cwd=tmp_path, check=True, timeout=60
        )
        filled = values_of(tmp_path / ".env")
        assert filled.keys() == EXAMPLE.keys()
        assert {name: filled[name] for name in expected} == expected


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_on_the_loopback_address_alone(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_has_no_more_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    assert "cap_add" not in service
    assert service["read_only"] is True
    assert re.fullmatch(r"[1-9]g", service["mem_limit"])
    assert 0 < service["pids_limit"] <= 2048
    if "build" in service:
        user = re.findall(r"^USER (\S+)$", docker_file_of(service).read_text(), re.MULTILINE)[-1]
        assert user in {"lakehouse", "1000"}
    else:
        assert service["user"] in {"postgres", "mysql"}


def networks(name: str) -> set[str]:
    return set(SERVICES[name]["networks"])


def test_containers_meet_only_whom_they_need() -> None:
    assert {other for name in SERVICES for other in networks(name)} == COMPOSE["networks"].keys()
    for name in SERVICES:
        for other in SERVICES[name].get("depends_on", {}).keys() - ONE_SHOT:
            assert networks(name) & networks(other), (name, other)
    assert networks("azurite") == {"workers", "databricks"}
    for one, two in itertools.combinations(("postgres", "mysql", "databricks", "airflow-apiserver"), 2):
        assert bool(networks(one) & networks(two)) is ((one, two) == ("postgres", "airflow-apiserver")), (one, two)
    assert networks(WORKER) == networks("mysql") | {"workers"}
    lake = {"azurite", "azurite-container"}
    assert {name for name in SERVICES if "workers" in networks(name)} == {WORKER, "airflow-apiserver", *lake}
    assert {name for name in SERVICES if "source" in networks(name)} == {WORKER, "mysql", "mysql-fill"}
    assert COMPOSE["networks"]["workers"] == {"internal": True}


def test_the_metadata_cannot_be_reached_from_elsewhere() -> None:
    assert networks("postgres") == {"metadata"}
    assert COMPOSE["networks"]["metadata"] == {"internal": True}
    # A port of an internal network alone would not be open.
    for name, service in SERVICES.items():
        assert not service.get("ports") or networks(name) != {"metadata"}, name


def test_the_sources_root_is_local() -> None:
    assert SERVICES["mysql"]["environment"]["MARIADB_ROOT_HOST"] == "localhost"


def test_every_variable_is_in_the_example_and_every_line_of_the_example_is_used() -> None:
    used = set(re.findall(r"\$\{([A-Z_0-9]+)", TEXT))
    # Compose itself reads the profiles.
    assert used == EXAMPLE.keys() - {"COMPOSE_PROFILES"}


def test_defaults_are_those_of_the_example() -> None:
    defaults = dict(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", TEXT))
    assert defaults == {
        name: value for name, value in EXAMPLE.items() if value and name not in {"COMPOSE_PROFILES", *env_file.PLACES}
    }


@pytest.mark.parametrize("name", env_file.PLACES)
def test_a_place_that_is_left_empty_is_asked_for(name: str) -> None:
    assert set(re.findall(rf"\$\{{{name}([^}}]*)\}}", TEXT)) == {":?set it in .env"}


def test_secrets_have_no_default_and_no_value_in_any_file() -> None:
    secret_names = {name for name in EXAMPLE if SECRET_NAME.search(name)}
    assert secret_names == {name for name, value in EXAMPLE.items() if not value}
    for name in secret_names:
        uses = re.findall(rf"\$\{{{name}([^}}]*)\}}", TEXT)
        assert uses
        assert set(uses) == {":?set it in .env"}, name


@pytest.mark.parametrize("name", SERVICES)
def test_no_secret_stands_in_the_environment_of_a_service(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if SECRET_NAME.search(variable) and not variable.endswith("_FILE"):
            assert "${" in value, variable


def test_no_secret_stands_in_a_command() -> None:
    assert not [name for name, service in SERVICES.items() if SECRET_NAME.search(str(service.get("command", "")))]


@pytest.mark.parametrize("name", SERVICES)
def test_commands_and_health_checks_run_modules_that_exist(name: str) -> None:
    service = SERVICES[name]
    for words in (service.get("command", []), service.get("healthcheck", {}).get("test", [])):
        if "-m" in words:
            module = words[words.index("-m") + 1]
            assert importlib.util.find_spec(module) is not None, module


def test_the_fill_accepts_its_arguments() -> None:
    from local.demo_data.__main__ import _parser

    words = [re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", word) for word in SERVICES["mysql-fill"]["command"][3:]]
    options = _parser().parse_args(words)
    assert (options.host, options.user, options.rows, options.if_empty) == ("mysql", "owner", 150_000, True)


def test_the_databricks_api_accepts_its_arguments() -> None:
    from local.databricks_api.__main__ import TOKEN_VARIABLE, parse_settings

    words = [re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", word) for word in SERVICES["databricks"]["command"][3:]]
    assert TOKEN_VARIABLE in SERVICES["databricks"]["environment"]
    settings = parse_settings(words, {TOKEN_VARIABLE: "t"})
    assert (settings.host, settings.port, settings.public_url) == ("0.0.0.0", 8090, "http://127.0.0.1:8090")


def test_components_of_airflow_share_one_environment() -> None:
    shared = SERVICES["airflow-apiserver"]["environment"]
    for name in (*SENDS_TASKS, "waiting"):
        assert SERVICES[name]["environment"] == shared
    assert shared.items() <= SERVICES["airflow-init"]["environment"].items()


def test_the_worker_agrees_with_the_scheduler_and_knows_nothing_of_its_database_and_of_databricks() -> None:
    worker, shared = SERVICES[WORKER]["environment"], SERVICES["airflow-scheduler"]["environment"]
    assert worker.keys() - shared.keys() == {"AIRFLOW_CONN_MYSQL_ONPREM"}
    assert worker.items() - {("AIRFLOW_CONN_MYSQL_ONPREM", "${MYSQL_ONPREM:?set it in .env}")} <= shared.items()
    assert not {name for name in worker if re.search(r"DATABASE|FERNET|DATABRICKS|API__SECRET", name)}
    assert worker["LAKEHOUSE_COPY_EXECUTOR"] in worker["AIRFLOW__CORE__EXECUTOR"].split(",")
    command = SERVICES[WORKER]["command"][-1]
    assert command.startswith("python -m cli worker && exec airflow edge worker")
    assert f"--queues {worker['LAKEHOUSE_COPY_QUEUE']} " in command
    # By SIGTERM the worker ends the tasks that it runs.
    assert SERVICES[WORKER]["stop_signal"] == "SIGINT"


def test_the_provider_of_the_worker_is_in_the_image() -> None:
    file = "local/compose/edge_worker.txt"
    assert file in (REPOSITORY / "Dockerfile").read_text()
    assert re.findall(r"^([\w-]+)==", (REPOSITORY / file).read_text(), re.MULTILINE) == [
        "aiofiles", "apache-airflow-providers-edge3", "retryhttp",
    ]  # fmt: skip


def test_connections_of_the_demo_name_its_services() -> None:
    assert EXAMPLE["MYSQL_ONPREM"] == "mysql://lakehouse:${MYSQL_LAKEHOUSE_PASSWORD}@mysql:3306/atliqsale"
    # What would be a path is Airflow's field schema: http, since the local Databricks has no certificate.
    assert EXAMPLE["DATABRICKS_DEFAULT"] == "databricks://:${DATABRICKS_TOKEN}@databricks:8090/http"
    assert "--port=8090" in SERVICES["databricks"]["command"]
    assert "MYSQL_LAKEHOUSE_PASSWORD" in SERVICES["mysql"]["environment"]


def test_every_option_of_airflow_that_is_set_exists(tmp_path: Path) -> None:
    """Airflow passes over a name that it does not know, in silence."""
    ports, secrets = Ports.from_base(20_000), Secrets("a", "b", "c", "d", "e")
    demo = airflow_environment(Home(tmp_path), ports, secrets, "postgresql://", "p").keys()
    given = {name for service in SERVICES.values() for name in service.get("environment", {})} | demo
    options = {tuple(name.lower().split("__")[1:]) for name in given if name.startswith("AIRFLOW__")}
    package = Path(str(importlib.util.find_spec("airflow").origin)).parent
    described = yaml.load((package / "config_templates" / "config.yml").read_bytes(), yaml.CSafeLoader)
    known = {(section, name) for section, one in described.items() for name in one["options"]}
    assert len(options) > 15
    # The provider of the Edge executor is in the image alone.
    assert options - known == {
        ("edge", "api_enabled"), ("edge", "api_url"), ("edge", "heartbeat_interval"),
    }  # fmt: skip


def test_settings_of_the_platform_exist() -> None:
    known = {setting.environment_name for setting in SETTINGS}
    given = {name for name in SERVICES["airflow-scheduler"]["environment"] if name.startswith("LAKEHOUSE_")}
    assert given
    assert given <= known


def test_it_sets_all_of_airflow_that_the_demo_sets(tmp_path: Path) -> None:
    """What the demo needs, containers need too, but for what suits one laptop alone."""
    ports, secrets = Ports.from_base(20_000), Secrets("a", "b", "c", "d", "e")
    demo = airflow_environment(Home(tmp_path), ports, secrets, "postgresql://", "p").keys()
    laptop_only = {
        "AIRFLOW__API__WORKERS",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME",
    }
    needed = {name for name in demo if name.startswith("AIRFLOW")} - laptop_only
    assert needed - SERVICES["airflow-scheduler"]["environment"].keys() == {"AIRFLOW_CONN_MYSQL_ONPREM"}


def test_named_volumes_are_declared_and_mounted_files_exist() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (REPOSITORY / source).is_file() if source.startswith(".") else source in COMPOSE["volumes"]


def test_the_image_is_built_of_what_is_there() -> None:
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    sources = re.findall(r"^COPY (?!--from)(\S+) ", dockerfile, re.MULTILINE)
    ignored = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert len(sources) >= 7
    for source in sources:
        assert (REPOSITORY / source).exists(), source
        assert any(source == line[1:] or source.startswith(f"{line[1:]}/") for line in ignored if line[0] == "!"), (
            source
        )
    assert "://" not in dockerfile


def test_compose_itself_accepts_the_file(tmp_path: Path) -> None:
    compose = _docker_compose()
    if compose is None:
        pytest.skip("docker compose is not installed")
    env_file.write(tmp_path / ".env")
    command = [
        *compose,
        "--project-directory",
        str(REPOSITORY),
        "--env-file",
        str(tmp_path / ".env"),
        "config",
        "--quiet",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_env_file_fills_each_secret_with_its_own_random_value(tmp_path: Path) -> None:
    target = tmp_path / ".env"
    env_file.write(target)
    values = values_of(target)
    assert values.keys() == EXAMPLE.keys()
    assert all(values.values())
    assert re.fullmatch(
        r"mysql://lakehouse:\$\{MYSQL_LAKEHOUSE_PASSWORD\}@mysql:3306/atliqsale", values["MYSQL_ONPREM"]
    )
    filled = [value for name, value in values.items() if not EXAMPLE[name]]
    assert len(set(filled)) == len(filled)
    assert all(re.fullmatch(r"[A-Za-z0-9_=-]{44,}", value) for value in filled)
    Fernet(values["AIRFLOW_FERNET_KEY"])
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_the_env_file_of_a_platform_of_one_s_own_leaves_its_places_to_be_filled_in(tmp_path: Path) -> None:
    target = tmp_path / ".env"
    env_file.write(target, prod=True)
    values = values_of(target)
    assert values.keys() == EXAMPLE.keys()
    assert {name for name, value in values.items() if not value} == set(env_file.PLACES)
    assert values["COMPOSE_PROFILES"] == "prod"


def test_an_env_file_is_never_overwritten(tmp_path: Path) -> None:
    target = tmp_path / ".env"
    target.write_text("AIRFLOW_PASSWORD=mine\n")
    done = subprocess.run(
        [sys.executable, "-m", "local.compose.env_file", str(target)],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == f"error: {target} exists: its secrets may be in use; remove it first if they are not\n"
    assert target.read_text() == "AIRFLOW_PASSWORD=mine\n"


def test_the_login_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    environment = {
        "LAKEHOUSE_AIRFLOW_USER": "admin",
        "LAKEHOUSE_AIRFLOW_PASSWORD": 'qu"ote',
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(tmp_path / "passwords.json"),
    }
    file = write_login(environment)
    assert json.loads(file.read_text()) == {"admin": 'qu"ote'}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Path(file.parent).samefile(tmp_path)


def test_a_login_without_password_is_refused() -> None:
    with pytest.raises(InitError, match=r"^LAKEHOUSE_AIRFLOW_PASSWORD, AIRFLOW__CORE__SIMPLE_\w+ must be set$"):
        write_login({"LAKEHOUSE_AIRFLOW_USER": "admin"})


def test_the_imported_pools_exist() -> None:
    assert Path(COMMANDS[1][-1]).is_file()
