"""Which errors of a server are tried again, MySQL's own numbers too, and that each has its cure in one line."""

from __future__ import annotations

import MySQLdb
import pytest
from lakehouse.errors import SourceError, SourceUnavailableError
from lakehouse.source.source_errors import source_error

LABEL = "connection mysql_onprem (lakehouse@db:3306)"
TRIES_AGAIN = "nothing was changed; the task tries again"


@pytest.mark.parametrize(
    ("code", "cure"),
    [
        (1040, TRIES_AGAIN),
        (1205, TRIES_AGAIN),
        (1412, TRIES_AGAIN),
        (2013, TRIES_AGAIN),
        (3032, TRIES_AGAIN),
        (3169, TRIES_AGAIN),
    ],
)
def test_what_may_heal_is_tried_again(code: int, cure: str) -> None:
    error = source_error(MySQLdb.OperationalError(code, "as the server says"), LABEL, "read")
    assert isinstance(error, SourceUnavailableError)
    assert str(error).startswith(f"{LABEL}: cannot read: as the server says (error {code}): ")
    assert str(error).endswith(cure)


@pytest.mark.parametrize(
    ("code", "cure"),
    [
        (1142, "grant the user SELECT on the table"),
        (2059, "give it mysql_native_password or caching_sha2_password"),
        (3024, "raise max_execution_time for the user, or set it in copy_session_settings"),
        (3159, 'set the TLS options in the connection\'s extra, such as {"ssl": {"ca": "/path/ca.pem"}}'),
        (4151, "unlock it on the server"),
        (9999, "see the error"),
    ],
)
def test_what_no_retry_mends_fails_at_once(code: int, cure: str) -> None:
    error = source_error(MySQLdb.ProgrammingError(code, b"as bytes"), LABEL, "query")
    assert type(error) is SourceError
    assert str(error).startswith(f"{LABEL}: cannot query: as bytes (error {code}): ")
    assert str(error).endswith(cure)


def test_an_error_without_a_number_is_told_as_it_is() -> None:
    assert str(source_error(MySQLdb.InterfaceError("odd"), LABEL, "connect")) == (
        f"{LABEL}: cannot connect: odd (error 0): see the error"
    )
