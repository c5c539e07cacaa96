"""The page's ten minutes, tried as written: its own commands, from a MySQL table to a query of silver."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.mysql_server import MySqlServer

pytestmark = pytest.mark.spark
PROJECT = Path(__file__).resolve().parents[2]
PAGE = PROJECT / "docs" / "tutorial" / "adding_a_table.md"
PLACEHOLDER = "mysql://user:password@host:3306/crm"


def blocks() -> list[tuple[str, str]]:
    """The code blocks of the page's first part, each with its language."""
    (part,) = re.findall(r"^## Ten minutes\n(.*?)^## ", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return re.findall(r"^```(\w+)\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of the project in which no table but the shipped ones has a contract; its set-up has been done."""
    for name in ("bin", "cli", "plugins", "lake_model", "spark_jobs", "contracts"):
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / ".venv").symlink_to(sys.prefix)
    # Whoever runs the tests has set the machine up; the set-up has tests of its own.
    (tmp_path / "local" / "setup").mkdir(parents=True)
    (tmp_path / "local" / "setup" / "install.sh").touch()
    return tmp_path


@pytest.fixture
def crm(mysql_server: MySqlServer) -> Iterator[str]:
    """The URL of an empty schema `crm`, for an account that may only read it."""
    mysql_server.create_schema("crm")
    yield f"mysql://lakehouse:{mysql_server.credentials.lakehouse}@127.0.0.1:{mysql_server.port}/crm"
    connection = mysql_server.connect()
    connection.query("DROP DATABASE crm")
    connection.close()


def test_the_ten_minutes_lead_to_silver(clone: Path, crm: str, mysql_server: MySqlServer) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("LAKEHOUSE_", "AIRFLOW_"))}
    environ |= {name: os.environ[name] for name in ("LAKEHOUSE_DELTA_JARS",) if name in os.environ}
    environ.pop("PYTHONPATH", None)
    assert [language for language, _ in blocks()] == ["sql", "sh", "sh", "diff", "sh", "sh", "sh", "sh", "text"]
    assert any(PLACEHOLDER in text for _, text in blocks())
    printed = ""
    exported = ""
    for language, text in blocks():
        if language == "sql":
            connection = mysql_server.connect("crm")
            with connection.cursor() as cursor:
                for statement in text.split(";\n"):
                    if statement.strip():
                        cursor.execute(statement)
            connection.close()
        elif language == "diff":
            run(["patch", "-p0"], clone, environ, text)
        elif language == "text":
            assert printed == text
        else:
            script = text.replace(PLACEHOLDER, crm)
            printed = run(["bash", "-euo", "pipefail"], clone, environ, exported + script)
            # One terminal, so a variable of one step holds in the next.
            exported += "".join(line + "\n" for line in script.splitlines() if line.startswith("export "))


def run(command: list[str], folder: Path, environ: dict[str, str], script: str) -> str:
    """Run a step of the page, and give what it printed."""
    done = subprocess.run(command, cwd=folder, env=environ, input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
