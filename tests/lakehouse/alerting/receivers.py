"""What a channel's receiver was sent, and the connections that lead to the tests' own receivers."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from tests.lakehouse.alerting.test_alerts import task_context


@dataclass
class Received:
    """What a receiver was sent, and how it answers."""

    bodies: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    status: int = 200
    answer: str = "the answer"
    port: int = 0


def failed(message: str = "the disk is full") -> Any:
    """A failed copy's context."""
    return task_context(OSError(message), plan={"table": "transactions"}, business_date="2026-11-20")


def hook(receiver: Received, **more: Any) -> dict[str, Any]:
    """A webhook's connection."""
    return {"conn_type": "http", "host": "127.0.0.1", "schema": "http", "port": receiver.port, **more}


def mail(receiver: Received, **extra: Any) -> dict[str, Any]:
    """A mail server's connection."""
    plain = {"disable_tls": True, "disable_ssl": True, "from_email": "lakehouse@example.com", "retry_limit": 0}
    return {"conn_type": "smtp", "host": "127.0.0.1", "port": receiver.port, "extra": {**plain, **extra}}


def text_of(message: Message) -> str:
    """The decoded body of a mail."""
    part = next(part for part in message.walk() if not part.is_multipart())
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()
