"""A certificate authority of the tests' own, and a server certificate that it signed."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def make_certificates(folder: Path) -> None:
    """Write `ca.pem`, `stranger.pem` (another authority), and `cert.pem` with `key.pem` for 127.0.0.1."""
    ca_key, ca = _authority("the tests' authority")
    _, stranger = _authority("another authority")
    key = ec.generate_private_key(ec.SECP256R1())
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        _builder("127.0.0.1", ca.subject, key.public_key()).add_extension(address, False).sign(ca_key, hashes.SHA256())
    )
    for name, one in (("ca", ca), ("stranger", stranger), ("cert", certificate)):
        (folder / f"{name}.pem").write_bytes(one.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )


def _authority(name: str) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, _name(name), key.public_key())
    certificate = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), True).sign(
        key, hashes.SHA256()
    )
    return key, certificate


def _builder(name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
