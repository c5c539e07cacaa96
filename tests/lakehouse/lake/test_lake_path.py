"""Small files of a local lake: written whole, over nobody else's, and listed; cloud errors in one clear line.

The same on Azure's storage is in test_azure_lake.py.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ServiceRequestError
from lakehouse.errors import OvertakenError, StorageError
from lakehouse.lake.lake_path import (
    FileState,
    LakeFile,
    files_below,
    folders_in,
    publish,
    read,
    read_state,
    remove,
    store_time,
)
from lakehouse.lake.storage_errors import storage_errors

from tests.waiting import wait_until


def test_a_file_is_published_read_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "x.json"
    assert (read(path), read_state(path)) == (None, FileState(None))
    publish(path, b"one")
    publish(path, b"two")
    assert (read(path), read_state(path)) == (b"two", FileState(b"two"))
    assert [file.name for file in files_below(path.parent)] == ["x.json"]
    remove(path)
    remove(path)
    assert read(path) is None


def test_what_another_run_wrote_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    absent = read_state(path)
    publish(path, b"mine", absent)
    with pytest.raises(OvertakenError, match=r"cannot write .*x\.json: another run wrote it meanwhile: the task tries"):
        publish(path, b"theirs", absent)
    seen = read_state(path)
    publish(path, b"next", seen)
    with pytest.raises(OvertakenError):
        publish(path, b"theirs", seen)
    remove(path)
    with pytest.raises(OvertakenError):
        publish(path, b"theirs", seen)
    assert files_below(tmp_path) == []


def test_a_publication_waits_for_a_lock_on_a_file_that_is_open_for_writing(tmp_path: Path) -> None:
    """A network file system refuses an exclusive lock on a folder, which can be opened for reading alone."""
    path = tmp_path / "x.json"
    publish(path, b"seen", read_state(path))
    seen = read_state(path)
    with (tmp_path / ".lock").open("r+b") as lock, ThreadPoolExecutor(1) as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)
        publication = pool.submit(publish, path, b"ours", seen)
        wait_until(lambda: f":{Path(lock.name).stat().st_ino} " in waiting_locks() or publication.done(), "no lock")
        publish(path, b"theirs")
        fcntl.flock(lock, fcntl.LOCK_UN)
        with pytest.raises(OvertakenError):
            publication.result()
    assert read(path) == b"theirs"


def waiting_locks() -> str:
    """The locks of this machine that somebody waits for."""
    return "\n".join(line for line in Path("/proc/locks").read_text().splitlines() if "->" in line)


def test_the_time_of_a_folder_is_that_of_its_files_and_leaves_nothing(tmp_path: Path) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    assert before < store_time(tmp_path / "new") < datetime.now(UTC) + timedelta(seconds=2)
    assert files_below(tmp_path) == []


def test_of_many_writers_at_once_one_wins_each_round(tmp_path: Path) -> None:
    path = tmp_path / "counter"
    publish(path, b"0")
    refused = []

    def count_to_25() -> None:
        done = 0
        while done < 25:
            seen = read_state(path)
            try:
                publish(path, str(int(seen.content or b"0") + 1).encode(), seen)
                done += 1
            except OvertakenError as error:
                refused.append(error)

    threads = [threading.Thread(target=count_to_25) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read(path) == b"100"
    assert [file.name for file in files_below(tmp_path)] == ["counter"]


def test_files_below_a_folder_are_listed_by_name_with_size_and_time(tmp_path: Path) -> None:
    publish(tmp_path / "t" / "b" / "2", b"22")
    publish(tmp_path / "t" / "1", b"1")
    publish(tmp_path / "other", b"0")
    for name in ("b/2", "1"):
        os.utime(tmp_path / "t" / name, (1_000_000_000, 1_000_000_000))
    moment = datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)
    assert files_below(tmp_path / "t") == [LakeFile("1", 1, moment), LakeFile("b/2", 2, moment)]
    assert files_below(tmp_path / "none") == []


class _Response:
    """What the store's client keeps of an answer."""

    def __init__(self, status: int) -> None:
        self.status_code = status
        self.reason = "reason"
        self.headers: dict[str, str] = {}

    def text(self, *_: object) -> str:
        return ""


def answered(status: int, text: str) -> HttpResponseError:
    """What the store's client raises for an answer."""
    return HttpResponseError(message=text, response=_Response(status))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left"), "[Errno 28] No space left: the disk is full: free space, then clear"),
        (OSError(errno.EIO, "I/O error"), "[Errno 5] I/O error: the disk or its network answered with an error"),
        (
            answered(403, "Not authorized\nRequestId:1\nTime:2"),
            "Not authorized (HTTP 403): access is denied: give the pipeline's identity the role",
        ),
        (answered(404, "The container does not exist."), "(HTTP 404): create the container, or correct lake_root"),
        (answered(503, "Server busy"), "Server busy (HTTP 503): the storage account is busy: the task tries again"),
        (answered(418, "Teapot"), "Teapot (HTTP 418): see the cause below"),
        (ClientAuthenticationError("bad", response=_Response(401)), "(HTTP 401): the login is refused: correct the"),
        (ServiceRequestError("Cannot connect to host"), "Cannot connect to host: the storage account does not answer"),
        (ValueError(), "Failed to upload block: many: see the cause below"),
    ],
)
def test_every_error_has_one_line_with_its_cure(error: Exception, message: str) -> None:
    with pytest.raises(StorageError) as caught, storage_errors("read", "the file"):
        # The file client of the cloud wraps what happened, and puts the whole answer into its own message.
        raise RuntimeError("Failed to upload block: many\nlines") from error
    assert str(caught.value).startswith("cannot read the file: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_only_the_folders_of_a_folder_are_named(tmp_path: Path) -> None:
    assert folders_in(tmp_path / "nothing") == []
    for name in ("b/deep/x.json", "a/y.json", "z.json"):
        publish(tmp_path / name, b"")
    assert folders_in(tmp_path) == ["a", "b"]
