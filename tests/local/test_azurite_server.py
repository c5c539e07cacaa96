"""The private Azurite: what is said where it cannot be had, and that no half installation passes for a whole one."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from local.azurite_server import AzuriteServer, installed_azurite
from local.errors import AzuriteServerError
from local.processes import free_port


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pretended npm, alone on PATH beside the shell's tools."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("mkdir", "touch"):
        found = shutil.which(tool)
        assert found is not None
        (folder / tool).symlink_to(found)
    monkeypatch.setenv("PATH", os.fspath(folder))
    return folder / "npm"


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_without_npm_it_is_said_what_to_install(npm: Path, tmp_path: Path) -> None:
    with pytest.raises(AzuriteServerError, match=r"npm was not found: install Node\.js with npm \(Debian, Ubuntu: "):
        installed_azurite(tmp_path / "cache")


def test_it_is_installed_once(npm: Path, tmp_path: Path) -> None:
    # Its third argument is the folder to install to.
    script(npm, 'mkdir -p "$3/node_modules/.bin" && touch "$3/node_modules/.bin/azurite-blob"')
    program = installed_azurite(tmp_path / "cache")
    assert program.match("cache/azurite-????????????/node_modules/.bin/azurite-blob")
    npm.unlink()
    assert installed_azurite(tmp_path / "cache") == program


def test_npm_takes_what_the_lock_names_and_runs_no_script_of_it(npm: Path, tmp_path: Path) -> None:
    script(npm, 'echo "$@" >"$3/said"; mkdir -p "$3/node_modules/.bin" && touch "$3/node_modules/.bin/azurite-blob"')
    folder = installed_azurite(tmp_path / "cache").parents[2]
    assert (folder / "said").read_text().split()[::2] == [
        "ci",
        str(tmp_path / "cache" / f"{folder.name}.partial"),
        "--no-audit",
    ]
    assert "--ignore-scripts" in (folder / "said").read_text()
    packages = json.loads((folder / "package-lock.json").read_text())["packages"]
    del packages[""]
    assert packages["node_modules/azurite"]["version"] == "3.35.0"
    assert [name for name, package in packages.items() if not package["integrity"].startswith("sha512-")] == []


def test_a_failed_installation_is_shown_and_left_behind_by_the_next(npm: Path, tmp_path: Path) -> None:
    script(npm, 'mkdir -p "$3/half"; echo "network is down" >&2; exit 1')
    with pytest.raises(AzuriteServerError, match=r"npm cannot install Azurite:\nnetwork is down"):
        installed_azurite(tmp_path / "cache")
    script(npm, 'mkdir -p "$3/node_modules/.bin" && touch "$3/node_modules/.bin/azurite-blob"')
    assert installed_azurite(tmp_path / "cache").exists()
    assert not list((tmp_path / "cache").glob("*/half"))


def test_a_server_that_ends_at_once_shows_its_log(tmp_path: Path) -> None:
    program = tmp_path / "azurite-blob"
    script(program, 'echo "port is taken"; exit 1')
    with pytest.raises(AzuriteServerError, match=r"Azurite did not start; .*azurite\.log says:\nport is taken"):
        AzuriteServer(tmp_path / "home", free_port(), program).start()
