"""Which errors of a task are tried again: one that no retry can heal fails its task at once, with its clear message."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowFailException

if TYPE_CHECKING:
    from lakehouse.settings import Settings


@contextmanager
def failing_at_once(*errors: type[Exception]) -> Generator[None]:
    """Turns errors that no retry can heal into a failure without retries, keeping their one clear message."""
    try:
        yield
    except errors as error:
        raise AirflowFailException(str(error)) from error


def settings_of_task() -> Settings:
    """All settings inside a task; a wrong one stays wrong however often the task is tried.

    Raises:
        AirflowFailException: settings are missing or unusable; the message lists every one with its cure.
    """
    from lakehouse.errors import SettingError
    from lakehouse.settings import settings_at_run

    with failing_at_once(SettingError):
        return settings_at_run()
