"""Takes out of a text what must not be sent on: secrets, control characters, and what chat programs act upon."""

from __future__ import annotations

import re

# What is longer says no more to a person, and costs time to search.
_LONGEST_TEXT = 20_000
_SECRET_WORDS = frozenset(
    {"pass", "passphrase", "pwd", "credential", "credentials", "secrets", "signature", "sig", "sas", "pat", "dsn",
     "apikey", "accountkey", "accesskey", "authkey", "privatekey", "secretkey", "sharedkey"}
)  # fmt: skip
_SECRET_ENDINGS = ("password", "passwd", "secret", "token")
_SECRET_KEYS = frozenset(
    {"account", "access", "api", "auth", "encryption", "fernet", "master", "private", "secret", "shared", "signing",
     "storage", "subscription"}
)  # fmt: skip
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_VALUE = r"""[bBuU]?(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|["']?[^\s'",;&]+)"""
_ASSIGNMENT = re.compile(rf"""(?<![\w.-])([A-Za-z_][\w.-]*)(["']?\s*(?:=>|[=:])\s*)({_VALUE})""")
_OPTION = re.compile(rf"(?<![\w-])(--?[A-Za-z][\w-]*)(\s+)({_VALUE})")
_WHOLE = (
    # To the last @, since a password may hold one.
    (re.compile(r"(://[^/\s:@]*):[^\s'\"]{1,1000}@"), r"\1:***@"),
    (re.compile(r"(?i)(\b(?:proxy-)?authorization['\"]?\s*[:=]\s*['\"]?(?:[a-z]+\s+)?)[^\s'\",;]+"), r"\1***"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), r"\1 ***"),
    (re.compile(r"(?i)(\bidentified\s+(?:via\s+|with\s+)?(?:\S+\s+)?(?:by|as|using)\s+(?:password\s+)?)(?:'[^']*'|\"[^\"]*\")"),
     r"\1'***'"),
    # A JSON web token and Databricks's own, wherever they stand.
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*"), "***"),
    (re.compile(r"\b(?:dapi|dkea|dose)[0-9a-f]{16,}(?:-\d+)?"), "***"),
)  # fmt: skip


def masked(text: str) -> str:
    """The text with `***` in place of every password, key, token and signature that its name or form shows."""
    text = text[:_LONGEST_TEXT]
    for pattern, replacement in _WHOLE:
        text = pattern.sub(replacement, text)
    return _OPTION.sub(_masked_value, _ASSIGNMENT.sub(_masked_value, text))


def printable(text: str) -> str:
    r"""The text as one line that any channel can carry: control characters, lone surrogates and the like as `\n`."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def for_chat(text: str) -> str:
    """The text as Slack and Teams show it and do not act upon it: no mention of a channel, no link under a name."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("](", "] (")


def _masked_value(found: re.Match[str]) -> str:
    name, between, value = found.groups()
    if not _names_a_secret(name) or value.endswith("***"):
        return found[0]
    quote = re.match(r"""[bBuU]?(["'])""", value)
    return (
        f"{name}{between}{quote[1]}***{quote[1] if value.endswith(quote[1]) else ''}"
        if quote
        else f"{name}{between}***"
    )


def _names_a_secret(name: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(name)]
    return any(
        word in _SECRET_WORDS or word.endswith(_SECRET_ENDINGS) or (word == "key" and before in _SECRET_KEYS)
        for before, word in zip(["", *words], words, strict=False)
    )
