"""A demo's folder keeps the kind of source that it began with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local.demo.__main__ import main


@pytest.mark.parametrize(("kept", "asked"), [("mysql", "mariadb"), ("mariadb", "mysql")])
def test_a_folder_of_the_other_server_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kept: str, asked: str
) -> None:
    (tmp_path / "state.json").write_text(json.dumps({"server": kept}))
    assert main(["--home", str(tmp_path), "--server", asked, "--once"]) == 1
    assert capsys.readouterr().err == (
        f"\nbin/demo: {tmp_path} has a source of the kind {kept}: add --server {kept}, or another --home\n"
    )


def test_a_folder_from_before_there_was_a_choice_has_a_mariadb(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mysql").mkdir()
    assert main(["--home", str(tmp_path), "--server", "mysql", "--once"]) == 1
    assert "has a source of the kind mariadb: add --server mariadb" in capsys.readouterr().err
