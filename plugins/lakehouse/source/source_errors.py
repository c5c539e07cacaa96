"""What the source's errors mean: which may heal by themselves, what to do about each, whose text may be shown."""

from __future__ import annotations

from collections.abc import Mapping

import MySQLdb

from lakehouse.errors import SourceError, SourceUnavailableError

TRANSIENT = "nothing was changed; the task tries again"
_SETTINGS = "correct the setting copy_session_settings"
_TLS = 'set the TLS options in the connection\'s extra, such as {"ssl": {"ca": "/path/ca.pem"}}'
_CURES: Mapping[int, str] = {
    1021: f"the server's disk is full: {TRANSIENT}",
    1040: f"the server has no free connection: {TRANSIENT}",
    1044: "grant the user SELECT on the schema",
    1045: f"correct the login and password of the connection; where server or account ask for TLS, {_TLS}",
    1049: "correct the schema's name, or create it on the server",
    1114: f"the server has no room for a temporary table: {TRANSIENT}",
    1129: "the server has blocked this host after too many broken connections: run FLUSH HOSTS there",
    1130: "let the user connect from this host (CREATE USER … @'host')",
    1142: "grant the user SELECT on the table",
    1143: "grant the user SELECT on every column of the table",
    1146: "correct the table's name, or remove its contract",
    1193: f"the server does not know this session setting: {_SETTINGS}",
    1203: f"the user has no free connection: {TRANSIENT}",
    1205: f"another session holds a lock on the table: {TRANSIENT}",
    1226: f"the user's limit is used up for now: {TRANSIENT}",
    1227: f"the user may not set this session setting: {_SETTINGS}",
    1231: f"the server refuses the value of this session setting: {_SETTINGS}",
    1232: f"the value of this session setting has the wrong type: {_SETTINGS}",
    1229: f"this cannot be set for a session: {_SETTINGS}",
    1238: f"this cannot be set for a session: {_SETTINGS}",
    1317: f"the query was killed on the server: {TRANSIENT}",
    1356: "mend the view on the server, or remove its contract",
    1412: f"the table was altered during the copy: {TRANSIENT}",
    1698: "correct the login and password of the connection",
    1820: "the user's password has expired: give it a new one",
    1862: "the user's password has expired: give it a new one",
    1927: f"the connection was killed on the server: {TRANSIENT}",
    1969: "the server's time limit for a query was reached: raise max_statement_time for the user, or set it in "
    "copy_session_settings",
    2002: "see that the server runs and that host, port and socket are right",
    2003: "see that the server runs, and that host, port and firewall let this machine reach it",
    2005: "correct the host of the connection",
    2006: f"the connection was lost: {TRANSIENT}",
    2013: f"the connection was lost: {TRANSIENT}",
    2026: "correct the TLS options in the connection's extra (ssl, ssl_mode): the authority in ssl.ca must have signed "
    "the server's certificate, and the server must offer TLS",
    2059: "the client cannot log in by this account's method: give it mysql_native_password or caching_sha2_password",
    3024: "the server's time limit for a query was reached: raise max_execution_time for the user, or set it in "
    "copy_session_settings",
    3032: f"the server is in offline mode: {TRANSIENT}",
    3118: "the account is locked: unlock it on the server",
    3159: f"the server takes encrypted connections only: {_TLS}",
    3169: f"the connection was killed on the server: {TRANSIENT}",
    5010: "the server asks for a login that would give it the password, and nothing proves which server it is: "
    f"{_TLS}, or its server_public_key for caching_sha2_password without TLS; mysql_clear_password is never used",
    4151: "the account is locked: unlock it on the server",
}
# Of these, and of the driver's own, the words name tables, columns, routines, files and accounts. Other words may hold
# a value of a row, or be those of a function that a view calls.
_NAMING = frozenset(_CURES) | {
    1016, 1017, 1030, 1031, 1033, 1034, 1037, 1038, 1041, 1053, 1054, 1064, 1109, 1135, 1153, 1158, 1159, 1160, 1161,
    1180, 1194, 1195, 1206, 1213, 1223, 1242, 1267, 1270, 1271, 1290, 1305, 1370, 1436, 1449, 1615, 1712, 1836, 1877,
    1932, 3170, 4031,
}  # fmt: skip
_CLIENT = range(2000, 3000)
_LEFT_OUT = "in words that may hold a row's value and are left out here"
_READ_THERE = "read the table or view on the server to see them, and mend there what it computes"
# The others fail a task at once: no retry mends a login, a grant or a name.
_PASSING = {
    1021, 1040, 1053, 1114, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1226, 1317, 1412, 1927,
    2002, 2003, 2005, 2006, 2013, 2055, 3032, 3169, 4031,
}  # fmt: skip


def without_values(error: MySQLdb.Error) -> MySQLdb.Error:
    """The error itself where its words can hold no value of a row, else one of the same number without them.

    Messages, logs and alerts have more readers than the table; a log also shows the cause of an error.
    """
    code = _code(error)
    if not code or code in _NAMING or code in _CLIENT:
        return error
    return type(error)(code, _LEFT_OUT)


def source_error(error: MySQLdb.Error, label: str, action: str) -> SourceError:
    """The driver's error as one message: where, what, why, and what to do.

    Args:
        error: as `without_values` gave it.
        label: the connection in messages.
        action: what was being done.

    Returns:
        A `SourceUnavailableError` where trying again may help, else a `SourceError`.
    """
    code, text = _code(error), _text(error)
    kind = SourceUnavailableError if code in _PASSING else SourceError
    cure = _CURES.get(code, _READ_THERE if text == _LEFT_OUT else "see the error")
    return kind(f"{label}: cannot {action}: {text} (error {code}): {cure}")


def _code(error: MySQLdb.Error) -> int:
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def _text(error: MySQLdb.Error) -> str:
    # Where a message is not UTF-8 the driver leaves a hole in the arguments, and to read it brings Python down.
    if repr(error.args).endswith("<NULL>)"):
        return "without a message that can be read"
    detail = error.args[-1] if error.args else error
    return detail.decode("utf-8", "replace") if isinstance(detail, bytes) else str(detail)
