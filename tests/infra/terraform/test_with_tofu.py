"""infra/terraform by OpenTofu itself, with stub providers that have the real ones' schemas."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.terraform

REPOSITORY = Path(__file__).parents[3]
TERRAFORM = REPOSITORY / "infra" / "terraform"
ENVIRONMENTS = ("dev", "prod")
VALUES = (
    "subscription_id=11111111-1111-1111-1111-111111111111",
    "databricks_account_id=44444444-4444-4444-4444-444444444444",
    "location=westeurope",
    'budget={amount=500,emails=["data@example.com"],start="2026-11-01"}',
)


Json = dict[str, Any]


class Tofu:
    """A copy of infra/terraform with the contracts beside it, and OpenTofu that finds no provider but the stubs."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "clone" / "infra" / "terraform"
        shutil.copytree(TERRAFORM, self.root, ignore=shutil.ignore_patterns(".terraform*"))
        shutil.copytree(REPOSITORY / "contracts", folder / "clone" / "contracts")
        self._program = Path(os.environ["LAKEHOUSE_TOFU"]) / "tofu"
        settings = folder / "tofu.rc"
        settings.write_text(
            f'provider_installation {{\n  filesystem_mirror {{\n    path = "{folder / "mirror"}"\n  }}\n}}\n'
        )
        self._environment = os.environ | {
            "TF_CLI_CONFIG_FILE": str(settings),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
        }
        self._lay_out_stubs(folder / "mirror")

    def _lay_out_stubs(self, mirror: Path) -> None:
        """Each provider's folder as OpenTofu looks for it: its schema, and the stub under its name."""
        schemas = json.loads((Path(os.environ["LAKEHOUSE_INFRA"]) / "schemas.json").read_text())
        asked = "".join(self.run(f"modules/{module}", "providers").stdout for module in ("azure", "governance"))
        for source, name in set(re.findall(r"provider\[([^\]]+/(\w+))\]", asked)):
            version = schemas[name]["version"]
            folder = mirror / source / version / "linux_amd64"
            folder.mkdir(parents=True)
            (folder / f"{name}.json").write_text(json.dumps(self._used(schemas[name])))
            stub = folder / f"terraform-provider-{name}_v{version}"
            shutil.copy(Path(os.environ["LAKEHOUSE_TOFU"]) / "stub_provider", stub)

    def _used(self, schema: Json) -> Json:
        """A provider's schema with what the configuration names alone: all of it is read anew at every turn."""
        words = {word for file in self.root.rglob("*.tf") for word in re.findall(r"\w+", file.read_text())}
        kinds = ("resource_schemas", "data_source_schemas")
        return schema | {kind: {name: one for name, one in schema[kind].items() if name in words} for kind in kinds}

    def run(self, folder: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs it in a folder of infra/terraform."""
        return subprocess.run(
            [self._program, *arguments],
            cwd=self.root / folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def tofu(tmp_path_factory: pytest.TempPathFactory) -> Tofu:
    """One copy for all tests, with both environments initialised."""
    made = Tofu(tmp_path_factory.mktemp("tofu"))
    for environment in ENVIRONMENTS:
        done = made.run(f"environments/{environment}", "init", "-backend=false", "-input=false", "-no-color")
        assert done.returncode == 0, done.stdout
    return made


def test_all_files_are_laid_out_as_tofu_lays_them_out(tofu: Tofu) -> None:
    done = tofu.run(".", "fmt", "-check", "-diff", "-recursive", "-no-color")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_is_valid(tofu: Tofu, environment: str) -> None:
    done = tofu.run(f"environments/{environment}", "validate", "-no-color")
    assert done.stdout.startswith("Success! The configuration is valid."), done.stdout


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environments_own_tests_pass_against_mocked_providers(tofu: Tofu, environment: str) -> None:
    done = tofu.run(f"environments/{environment}", "test", "-no-color", *(f"-var={value}" for value in VALUES))
    runs = len(
        re.findall(
            r'^run "', next((TERRAFORM / "environments" / environment / "tests").glob("*")).read_text(), re.MULTILINE
        )
    )
    assert done.stdout.endswith(f"Success! {runs} passed, 0 failed.\n"), done.stdout


@pytest.mark.parametrize(
    ("file", "right", "wrong", "message"),
    [
        ("azure/lake.tf", "is_hns_enabled", "is_hns_enable", 'An argument named "is_hns_enable" is not expected here'),
        (
            "azure/vault.tf",
            "soft_delete_retention_days    = var.soft_delete_days",
            'soft_delete_retention_days = "weeks"',
            "a number is required",
        ),
        (
            "azure/workspace.tf",
            "var.workspace_public",
            "var.workspace_publik",
            "Reference to undeclared input variable",
        ),
        ("unity_catalog/main.tf", "  url             = each.value\n", "", 'The argument "url" is required'),
        (
            "unity_catalog/grants.tf",
            'privileges = ["READ_VOLUME"]',
            'privileges = { a = "READ_VOLUME" }',
            "set of string required",
        ),
        ("governance/main.tf", 'on_column     = "hidden"', 'column = "hidden"', 'attribute "on_column" is required'),
    ],
)
def test_a_planted_mistake_is_found(tofu: Tofu, file: str, right: str, wrong: str, message: str) -> None:
    path = tofu.root / "modules" / file
    sound = path.read_text()
    assert right in sound
    path.write_text(sound.replace(right, wrong))
    try:
        done = tofu.run("environments/prod", "validate", "-no-color")
    finally:
        path.write_text(sound)
    assert done.returncode == 1
    assert message in re.sub(r"\s*\n[│ ]*", " ", done.stdout)
