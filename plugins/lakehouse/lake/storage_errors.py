"""Turning what a disk or a cloud store raises into one clear message with its cure."""

from __future__ import annotations

import errno
from collections.abc import Generator, Iterator
from contextlib import contextmanager

from lakehouse.errors import LakehouseError, StorageError

_CURES = {
    errno.ENOSPC: "the disk is full: free space, then clear the task",
    errno.EDQUOT: "the quota is used up: raise it or free space, then clear the task",
    errno.EFBIG: "the file would pass the limit on a file's size: raise the limit, then clear the task",
    errno.EACCES: "access is denied: let the pipeline's account write there",
    errno.EPERM: "access is denied: let the pipeline's account write there",
    errno.EROFS: "the file system is read-only: mount it for writing",
    errno.ENAMETOOLONG: "a name in the path is too long for this file system",
    errno.EIO: "the disk or its network answered with an error: see the machine's log, then clear the task",
    errno.ESTALE: "the network file system was lost: mount it again, then clear the task",
}
# What the storage account answers, by HTTP status.
_STORE_CURES = {
    401: "the login is refused: correct the connection of the storage account",
    403: "access is denied: give the pipeline's identity the role Storage Blob Data Contributor on the container, and "
    "see that the account's firewall lets this machine in",
    404: "create the container, or correct lake_root",
    429: "the storage account is busy: the task tries again",
    500: "the storage account has a fault: the task tries again",
    503: "the storage account is busy: the task tries again",
}
_AWAY = "the storage account does not answer: see that its address is right and reachable; the task tries again"
_NO_CONNECTION = "add that Airflow connection, or correct the connection in lake_root"


@contextmanager
def storage_errors(action: str, path: object) -> Generator[None]:
    """Turn whatever a disk or a cloud client raises into one clear message.

    Raises:
        StorageError: anything went wrong inside the block.
    """
    try:
        yield
    except LakehouseError:
        raise
    # Every cloud client has an exception tree of its own, and the block holds calls to the store only.
    except Exception as error:
        reason, cure = _explained(error)
        raise StorageError(f"cannot {action} {path}: {reason}: {cure}") from error


def _explained(error: Exception) -> tuple[str, str]:
    """What went wrong, in one line, and what to do about it."""
    for cause in _chain(error):
        kinds = {kind.__name__ for kind in type(cause).__mro__}
        if "AirflowNotFoundException" in kinds:
            return _first_line(cause), _NO_CONNECTION
        if kinds & {"ServiceRequestError", "ServiceResponseError", "IncompleteReadError"}:
            return _first_line(cause), _AWAY
        status = getattr(cause, "status_code", None)
        if "HttpResponseError" in kinds and isinstance(status, int):
            return f"{_first_line(cause)} (HTTP {status})", _STORE_CURES.get(status, "see the cause below")
        number = getattr(cause, "errno", None)
        if number in _CURES:
            return _first_line(cause), _CURES[number]
    return _first_line(error), "see the cause below"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it: the cloud's file client wraps what really happened."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _first_line(error: BaseException) -> str:
    """The store's messages go on with request ids and XML."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
