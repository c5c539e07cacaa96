"""A folder of one user alone is taken from nobody else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from local.errors import FolderError
from local.socket_folders import make_private


def test_a_folder_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "above" / "sockets"
    make_private(folder)
    make_private(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701, 0o1777])
def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "sockets"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(FolderError, match=r"sockets is not a folder of this user alone \(mode 0700\): remove it"):
        make_private(folder)


def test_a_link_or_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "file").touch(mode=0o600)
    for name in ("link", "file"):
        with pytest.raises(FolderError):
            make_private(tmp_path / name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_somebody_elses_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "sockets"
    folder.mkdir(mode=0o700)
    os.chown(folder, 65534, 65534)
    with pytest.raises(FolderError):
        make_private(folder)
