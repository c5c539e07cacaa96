"""A server that is none gets no password, whatever it offers and asks for; one that is verified gets a login."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import MySQLdb
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from lakehouse.errors import SourceError
from lakehouse.source.mysql_connect import connect
from lakehouse.source.mysql_source import MySqlSource
from lakehouse.source.source_connection import info_from_parts

from tests.lakehouse.certificates import make_certificates
from tests.lakehouse.source.rogue_server import Heard, Rogue, rogue_server

PASSWORD = "s3cret-pass-word"
NO_TLS = "TLS is required, but the server does not"

EXTRAS: dict[str, dict[str, Any]] = {
    "no extra": {},
    "PREFERRED": {"ssl_mode": "PREFERRED"},
    "DISABLED": {"ssl_mode": "DISABLED"},
    "REQUIRED": {"ssl_mode": "REQUIRED"},
    "VERIFY_CA": {"ssl_mode": "VERIFY_CA"},
    "VERIFY_IDENTITY": {"ssl_mode": "VERIFY_IDENTITY"},
    "empty ssl": {"ssl": {}},
    "ssl.ca": {"ssl": {"ca": "{ca}"}},
    "ssl.cipher": {"ssl": {"cipher": "HIGH"}},
    "ssl.ca, PREFERRED": {"ssl": {"ca": "{ca}"}, "ssl_mode": "PREFERRED"},
    "ssl.ca, REQUIRED": {"ssl": {"ca": "{ca}"}, "ssl_mode": "REQUIRED"},
    "ssl.ca, VERIFY_CA": {"ssl": {"ca": "{ca}"}, "ssl_mode": "VERIFY_CA"},
    "ssl.ca, VERIFY_IDENTITY": {"ssl": {"ca": "{ca}"}, "ssl_mode": "VERIFY_IDENTITY"},
    "the server's public key": {"server_public_key": "{key}"},
}
VERIFYING = [name for name, extra in EXTRAS.items() if ("ssl" in extra and "ssl_mode" not in extra) or "VERIFY" in name]
ASKING = [
    *(Rogue(method) for method in ("mysql_clear_password", "caching_sha2_password")),
    *(
        Rogue(asks_for=method)
        for method in ("mysql_clear_password", "dialog", "caching_sha2_password", "sha256_password")
    ),
]


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The company's certificates: `ca.pem`, and those of its server."""
    folder = tmp_path_factory.mktemp("trusted")
    make_certificates(folder)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / "public_key.pem").write_bytes(pem)
    return folder


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates that another authority signed."""
    folder = tmp_path_factory.mktemp("foreign")
    make_certificates(folder)
    return folder


def log_in(heard: Heard, extra: dict[str, Any], trusted: Path, host: str = "127.0.0.1") -> Any:
    paths = {"{ca}": str(trusted / "ca.pem"), "{key}": str(trusted / "public_key.pem")}

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: filled(one) for name, one in value.items()}
        return paths.get(value, value)

    return connect(
        info_from_parts(
            "c", host=host, port=heard.port, user="jo", password=PASSWORD, database=None, extra=filled(extra)
        )
    )


@pytest.mark.parametrize("tls", [False, True], ids=["no TLS", "a stranger's certificate"])
@pytest.mark.parametrize("rogue", ASKING, ids=lambda rogue: f"{rogue.greets_with}-{rogue.asks_for}")
@pytest.mark.parametrize("extra", EXTRAS)
def test_a_rogue_never_learns_the_password(extra: str, rogue: Rogue, tls: bool, trusted: Path, foreign: Path) -> None:
    rogue = Rogue(rogue.greets_with, rogue.asks_for, foreign if tls else None)
    with rogue_server(rogue) as heard, contextlib.suppress(MySQLdb.Error):
        log_in(heard, EXTRAS[extra], trusted).close()
    assert not heard.knows(PASSWORD)


@pytest.mark.parametrize("extra", VERIFYING)
def test_a_server_that_cannot_be_verified_is_refused_before_the_login(extra: str, trusted: Path, foreign: Path) -> None:
    with rogue_server(Rogue()) as heard, pytest.raises(MySQLdb.OperationalError, match=r"\(2026"):
        log_in(heard, EXTRAS[extra], trusted)
    assert heard.packets == []

    with rogue_server(Rogue(certificate=foreign)) as heard, pytest.raises(MySQLdb.OperationalError, match=r"\(2026"):
        log_in(heard, EXTRAS[extra], trusted)
    # The request for TLS, which names nobody.
    assert [len(packet) for packet in heard.packets] == [32]


@pytest.mark.parametrize("extra", ["REQUIRED", "ssl.ca, REQUIRED"])
def test_required_tls_is_there_before_the_login(extra: str, trusted: Path) -> None:
    with rogue_server(Rogue()) as heard, pytest.raises(MySQLdb.OperationalError, match=NO_TLS):
        log_in(heard, EXTRAS[extra], trusted)
    assert heard.packets == []

    with rogue_server(Rogue(certificate=trusted)) as heard:
        log_in(heard, EXTRAS[extra], trusted).close()
        assert heard.encrypted


def test_a_certificate_with_another_name_is_refused(trusted: Path) -> None:
    with (
        rogue_server(Rogue(certificate=trusted), "127.0.0.2") as heard,
        pytest.raises(MySQLdb.OperationalError, match=r"\(2026"),
    ):
        log_in(heard, EXTRAS["ssl.ca"], trusted, host="127.0.0.2")
    assert not heard.knows(PASSWORD)


@pytest.mark.parametrize("extra", ["ssl.ca", "ssl.ca, VERIFY_CA", "ssl.ca, VERIFY_IDENTITY"])
def test_a_verified_server_may_ask_for_a_full_login_but_not_for_the_password_alone(extra: str, trusted: Path) -> None:
    with rogue_server(Rogue(asks_for="caching_sha2_password", certificate=trusted)) as heard:
        log_in(heard, EXTRAS[extra], trusted).close()
        assert heard.knows(PASSWORD)

    clear = Rogue(asks_for="mysql_clear_password", certificate=trusted)
    with rogue_server(clear) as heard, pytest.raises(MySQLdb.OperationalError, match="5010"):
        log_in(heard, EXTRAS[extra], trusted)
    assert not heard.knows(PASSWORD)


def test_an_account_may_use_a_safe_method_though_the_servers_first_choice_is_another(trusted: Path) -> None:
    with rogue_server(Rogue("caching_sha2_password", "mysql_native_password")) as heard:
        log_in(heard, {}, trusted).close()


def test_a_refused_method_is_told_with_its_cure(trusted: Path) -> None:
    info = info_from_parts("c", host="127.0.0.1", port=1, user="jo", password=PASSWORD, database=None, extra={})
    with rogue_server(Rogue(asks_for="caching_sha2_password")) as heard, pytest.raises(SourceError) as caught:
        MySqlSource(type(info)(**{**vars(info), "port": heard.port})).__enter__()
    assert "(error 5010): the server asks for a login that would give it the password" in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_a_message_that_is_not_utf8_is_no_crash() -> None:
    with rogue_server(Rogue(answer=b"\xff\x15\x04#28000caf\xe9")) as heard:
        info = info_from_parts("c", host="127.0.0.1", port=heard.port, user="jo", password="", database=None, extra={})
        with pytest.raises(SourceError, match=r"without a message that can be read \(error 1045\)"):
            MySqlSource(info).__enter__()


def test_a_public_key_that_cannot_be_read_is_not_asked_of_the_server(trusted: Path, tmp_path: Path) -> None:
    rogue = Rogue("caching_sha2_password")
    with (
        rogue_server(rogue) as heard,
        pytest.raises(SourceError, match="server_public_key in its extra cannot be"),
    ):
        log_in(heard, {"server_public_key": str(tmp_path / "missing.pem")}, trusted)
    with rogue_server(rogue) as heard, pytest.raises(SourceError, match="is no public key in PEM form"):
        log_in(heard, {"server_public_key": str(trusted / "ca.pem")}, trusted)
    assert heard.packets == []


def test_no_file_is_given_to_a_server_that_asks_for_one(trusted: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("what only this machine knows")
    with rogue_server(Rogue(answer=b"\xfb" + str(secret).encode(), answer_to=b"LOAD")) as heard:
        connection = log_in(heard, {}, trusted)
        with pytest.raises(MySQLdb.Error):
            connection.query("LOAD DATA LOCAL INFILE 'x' INTO TABLE t")
        connection.close()
    assert heard.queries()[-1] == b"LOAD DATA LOCAL INFILE 'x' INTO TABLE t"
    assert not any(b"only this machine" in packet for packet in heard.packets)


@pytest.mark.parametrize("host", ["127.0.0.1;plugin-dir=/tmp", "host=127.0.0.1", "unix:///tmp/s"])
def test_a_host_is_no_list_of_options(host: str) -> None:
    with pytest.raises(SourceError, match="its host must be a name or an address"):
        info_from_parts("c", host=host, port=1, user="jo", password="", database=None, extra={})


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (
            {"ssl": {"ca": "/ca.pem"}, "ssl_mode": "DISABLED"},
            "its extra asks for TLS by ssl, and for none by ssl_mode",
        ),
        ({"ssl": {"ca": "/ca.pem"}, "server_public_key": "/k"}, "server_public_key in its extra is for connections"),
        ({"ssl_mode": "REQUIRED", "server_public_key": "/k"}, "server_public_key in its extra is for connections"),
        ({"server_public_key": True}, "server_public_key in its extra must be a file's path, not True"),
    ],
)
def test_extras_that_contradict_each_other_are_named(extra: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceError, match=f"connection c: {message}"):
        info_from_parts("c", host="h", port=1, user="jo", password="", database=None, extra=extra)
