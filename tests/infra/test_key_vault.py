"""Airflow's connections and the platform's variables out of a key vault, asked as an identity without a secret."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from airflow.providers.microsoft.azure.secrets.key_vault import AzureKeyVaultBackend
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

TOKEN = "token-of-the-managed-identity"


@dataclass
class Vault:
    """The two addresses that a machine in Azure meets: its identity's, and the vault's. Notes what it is asked."""

    secrets: dict[str, str]
    certificate: Path
    asked: list[str] = field(default_factory=list)
    url: str = ""
    identity_url: str = ""


def _handler(vault: Vault) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path == "/identity":
                later = int(dt.datetime.now(dt.UTC).timestamp()) + 3600
                body = {"access_token": TOKEN, "expires_on": later, "token_type": "Bearer", "resource": "x"}
                self._answer(200, body)
            elif self.headers["Authorization"] != f"Bearer {TOKEN}":
                challenge = f'Bearer authorization="{vault.url}/tenant", resource="{vault.url}"'
                self._answer(401, {}, ("WWW-Authenticate", challenge))
            else:
                name = path.strip("/").split("/")[1]
                vault.asked.append(name)
                if name in vault.secrets:
                    url = f"{vault.url}/secrets/{name}/1"
                    self._answer(200, {"value": vault.secrets[name], "id": url, "attributes": {"enabled": True}})
                else:
                    self._answer(404, {"error": {"code": "SecretNotFound", "message": "no such secret"}})

        def _answer(self, status: int, body: dict[str, Any], *headers: tuple[str, str]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(content))), *headers):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Says nothing: what is asked stands in the vault."""

    return Handler


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of its own for localhost, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    start = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "vault.pem", folder / "vault.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    """A vault over TLS and an identity endpoint, which Azure's own client finds by its environment."""
    certificate, key = _certificate(tmp_path)
    made = Vault(
        {
            "airflow-connections-mysql-onprem": json.dumps(
                {
                    "conn_type": "mysql",
                    "host": "db",
                    "login": "lakehouse",
                    "password": "p%40ss/1",
                    "schema": "atliqsale",
                }
            ),
            "airflow-variables-lakehouse-catalog": "lakehouse_prod",
        },
        certificate,
    )
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), _handler(made)) for _ in range(2)]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    servers[0].socket = context.wrap_socket(servers[0].socket, server_side=True)
    made.url = f"https://localhost:{servers[0].server_port}"
    made.identity_url = f"http://127.0.0.1:{servers[1].server_port}/identity"
    monkeypatch.setenv("IDENTITY_ENDPOINT", made.identity_url)
    monkeypatch.setenv("IDENTITY_HEADER", "x")
    for name in ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def backend(vault: Vault) -> AzureKeyVaultBackend:
    """The backend by the settings of docs/guides/azure.md, and by what a vault on this machine needs beside them."""
    return AzureKeyVaultBackend(
        vault_url=vault.url, connection_verify=str(vault.certificate), verify_challenge_resource=False
    )


def test_a_connection_comes_whole_out_of_the_vault(backend: AzureKeyVaultBackend, vault: Vault) -> None:
    found = backend.get_connection("mysql_onprem")
    assert found is not None
    assert (found.conn_type, found.host, found.login, found.schema) == ("mysql", "db", "lakehouse", "atliqsale")
    assert found.password == "p%40ss/1"
    assert vault.asked == ["airflow-connections-mysql-onprem"]


def test_a_variable_of_the_platform_comes_out_of_the_vault(backend: AzureKeyVaultBackend, vault: Vault) -> None:
    assert backend.get_variable("lakehouse_catalog") == "lakehouse_prod"
    assert vault.asked == ["airflow-variables-lakehouse-catalog"]


def test_what_the_vault_does_not_have_is_left_to_the_next_place(backend: AzureKeyVaultBackend, vault: Vault) -> None:
    assert backend.get_connection("adls_gen2") is None
    assert backend.get_variable("lakehouse_lake_root") is None
    assert vault.asked == ["airflow-connections-adls-gen2", "airflow-variables-lakehouse-lake-root"]


def test_a_vault_that_shows_a_strange_certificate_is_not_asked(vault: Vault, tmp_path: Path) -> None:
    strange = tmp_path / "strange"
    strange.mkdir()
    backend = AzureKeyVaultBackend(
        vault_url=vault.url,
        connection_verify=str(_certificate(strange)[0]),
        verify_challenge_resource=False,
        retry_total=0,
    )
    with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
        backend.get_connection("mysql_onprem")
    assert vault.asked == []
