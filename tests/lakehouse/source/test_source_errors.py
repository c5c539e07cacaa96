"""Which errors of a server are tried again, MySQL's own numbers too, and that each has its cure in one line."""

from __future__ import annotations

import MySQLdb
import pytest
from lakehouse.errors import SourceError, SourceUnavailableError
from lakehouse.source.source_errors import source_error, without_values

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
    ],
)
def test_what_no_retry_mends_fails_at_once(code: int, cure: str) -> None:
    error = source_error(MySQLdb.ProgrammingError(code, b"as bytes"), LABEL, "query")
    assert type(error) is SourceError
    assert str(error).startswith(f"{LABEL}: cannot query: as bytes (error {code}): ")
    assert str(error).endswith(cure)


@pytest.mark.parametrize("code", [1411, 1644, 1690, 4163, 6138, 9999])
def test_words_that_may_hold_a_value_are_left_out(code: int) -> None:
    told = without_values(MySQLdb.OperationalError(code, "Incorrect string value: '4111-SECRET' for function f"))
    assert (type(told), told.args[0], "SECRET" in str(told)) == (MySQLdb.OperationalError, code, False)
    assert str(source_error(told, LABEL, "read")) == (
        f"{LABEL}: cannot read: in words that may hold a row's value and are left out here (error {code}): read the "
        "table or view on the server to see them, and mend there what it computes"
    )


@pytest.mark.parametrize("code", [1038, 1054, 1142, 1305, 1370, 1712, 2013, 2026])
def test_words_that_name_things_are_told(code: int) -> None:
    error = MySQLdb.OperationalError(code, "Unknown column 'code'")
    assert without_values(error) is error


def test_an_error_without_a_number_is_told_as_it_is() -> None:
    assert str(source_error(MySQLdb.InterfaceError("odd"), LABEL, "connect")) == (
        f"{LABEL}: cannot connect: odd (error 0): see the error"
    )
