"""A factory's linked services as Airflow connections, without any secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cli.adf.export_files import Factory, Json
from cli.adf.expressions import is_expression, text_of

MYSQL_SERVICES = frozenset({"MySql", "AzureMySql", "MariaDB", "AzureMariaDB"})
LAKE_SERVICES = frozenset({"AzureBlobFS", "AzureBlobStorage", "AzureDataLakeStore", "AzureStorage"})
DATABRICKS_SERVICES = frozenset({"AzureDatabricks", "AzureDatabricksDeltaLake"})
VAULT_SERVICE = "AzureKeyVault"
_SECRET_WORDS = frozenset(
    {"password", "pwd", "accountkey", "accesstoken", "sastoken", "sasuri", "serviceprincipalkey", "token"}
    | {"serviceprincipalcredential", "sharedaccesssignature"}
)
_DEFAULT_PORT = 3306
_NO_TLS = {"0", "1", "none", "disabled", "preferred"}
_ACCOUNT = re.compile(r"https?://([\w-]+)\.(?:dfs|blob)\.")


@dataclass(frozen=True)
class Connection:
    """An Airflow connection to make.

    Attributes:
        conn_id: its id here.
        service: the linked service that it comes from.
        document: its JSON without any secret.
        vault: the Key Vault's name or address that the secret lies in now; None: it lies in none.
        secret: the name that the secret has there.
        notes: what one must know who makes it, each a sentence.
    """

    conn_id: str
    service: str
    document: Mapping[str, Any]
    vault: str | None = None
    secret: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Connections:
    """All that the linked services become, and those that become nothing, with the reason."""

    made: tuple[Connection, ...]
    vaults: Mapping[str, str]
    left: Mapping[str, str]


def connections_of(factory: Factory) -> Connections:
    """Each linked service's connection; one deployment has one lake and one workspace, and reads one server."""
    services = factory.of("linkedServices")
    vaults = {
        name: _setting(service, "baseUrl") or "<vault>"
        for name, service in services.items()
        if service.get("type") == VAULT_SERVICE
    }
    made: dict[str, Connection] = {}
    left: dict[str, str] = {}
    for name, service in services.items():
        kind = str(service.get("type"))
        if kind == VAULT_SERVICE:
            continue
        make = next((make for kinds, make in _MAKERS if kind in kinds), None)
        if make is None:
            left[name] = f"nothing here speaks to a {kind}: whatever used it is in this list too"
            continue
        one = make(name, service)
        if kind in MYSQL_SERVICES:
            one = _with_secret(one, service, vaults)
        if one.conn_id in made and kind in MYSQL_SERVICES:
            number = sum(each.startswith(one.conn_id) for each in made) + 1
            one = replace(one, conn_id=f"{one.conn_id}_{number}")
            left[name] = (
                "a deployment reads one server, that of mysql_onprem: schemas of this one need another deployment "
                f"with LAKEHOUSE_MYSQL_CONN_ID={one.conn_id}"
            )
        elif one.conn_id in made:
            first = made[one.conn_id].service
            left[name] = f"a deployment has one {one.conn_id}, which is {first}: what used this one is to use that"
            continue
        made[one.conn_id] = one
    return Connections(tuple(made.values()), vaults, left)


def mysql_schema(service: Json) -> str | None:
    """The database that a MySQL linked service names; None: it names none, or by an expression."""
    name = _mysql_fields(service).get("database", "")
    return name if name and not is_expression(name) and not name.startswith("[") else None


def secrets_in_clear(service: Json) -> list[str]:
    """The fields of a linked service that hold a secret as a text, by their names."""
    properties: Json = service.get("typeProperties") or {}
    found = []
    for field, value in properties.items():
        text = value.get("value", "") if isinstance(value, dict) and value.get("type") == "SecureString" else value
        if not isinstance(text, str) or not text.strip("*") or is_expression(text) or text.startswith("["):
            continue
        words = {key.lower() for key, given in _parts(text).items() if given.strip("*")}
        if field.lower() in _SECRET_WORDS or words & _SECRET_WORDS:
            found.append(field)
    return found


def _mysql(name: str, service: Json) -> Connection:
    fields = _mysql_fields(service)
    notes = []
    if fields.get("sslmode", "").lower() in _NO_TLS:
        notes.append("the factory asked for no verified TLS: give extra.ssl.ca the file of the server's authority")
    runtime = (service.get("connectVia") or {}).get("referenceName")
    if runtime and runtime != "AutoResolveIntegrationRuntime":
        notes.append(
            f"integration runtime {runtime}: run a worker beside the server, with LAKEHOUSE_COPY_QUEUE=onprem and "
            "LAKEHOUSE_COPY_EXECUTOR set; bin/lakehouse worker looks whether it can work"
        )
    document = {
        "conn_type": "mysql",
        "host": _plain(fields.get("server")) or "<host>",
        "port": int(fields["port"]) if fields.get("port", "").isdigit() else _DEFAULT_PORT,
        "login": _plain(fields.get("user")) or "lakehouse",
        "schema": mysql_schema(service) or "<schema>",
    }
    return Connection("mysql_onprem", name, document, notes=tuple(notes))


def _lake(name: str, service: Json) -> Connection:
    url = _setting(service, "url") or _setting(service, "serviceEndpoint")
    named = _ACCOUNT.match(url or "") or re.search(r"AccountName=([\w-]+)", _setting(service, "connectionString") or "")
    account = named[1] if named else "<account>"
    document = {
        "conn_type": "wasb",
        "host": f"https://{account}.blob.core.windows.net",
        "extra": {"account_name": account, "anon": False},
    }
    note = "no key is needed: Airflow's identity gets the role Storage Blob Data Contributor on the account"
    return Connection("adls_gen2", name, document, notes=(note,))


def _databricks(name: str, service: Json) -> Connection:
    host = (_setting(service, "domain") or "").removeprefix("https://").rstrip("/") or "<workspace>"
    document = {"conn_type": "databricks", "host": host, "extra": {"use_default_azure_credential": True}}
    notes = ["no token is needed: Airflow's identity is a service principal of the workspace"]
    compute = sorted({"newClusterNodeType", "existingClusterId", "instancePoolId"} & set(_properties(service)))
    if compute:
        notes.append(f"its cluster ({', '.join(compute)}) is the setting LAKEHOUSE_COMPUTE here")
    return Connection("databricks_default", name, document, notes=tuple(notes))


_MAKERS = ((MYSQL_SERVICES, _mysql), (LAKE_SERVICES, _lake), (DATABRICKS_SERVICES, _databricks))


def _with_secret(made: Connection, service: Json, vaults: Mapping[str, str]) -> Connection:
    for field, value in _properties(service).items():
        if isinstance(value, dict) and value.get("type") == "AzureKeyVaultSecret":
            if field == "connectionString":
                note = "Key Vault holds its whole connection string: take server, database, user and password out of it"
                return replace(made, notes=(*made.notes, note))
            store = str((value.get("store") or {}).get("referenceName", ""))
            secret = _plain(text_of(value.get("secretName"))) or "<secret>"
            return replace(made, vault=vaults.get(store, store), secret=secret)
    return made


def _mysql_fields(service: Json) -> dict[str, str]:
    """Server, port, database, user and TLS, from the fields of the newer form or the older one's text."""
    properties = _properties(service)
    text = properties.get("connectionString")
    parts = {key.lower(): value for key, value in _parts(text_of(text)).items()}
    parts |= {key.lower(): text_of(value) for key, value in properties.items() if key != "connectionString"}
    names = {"server": ("server", "host", "data source"), "user": ("username", "user", "uid", "user id")}
    names |= {"port": ("port",), "database": ("database", "initial catalog"), "sslmode": ("sslmode", "ssl mode")}
    return {field: next((parts[name] for name in given if parts.get(name)), "") for field, given in names.items()}


def _parts(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";") if "=" in part)
    return {key.strip(): value.strip() for key, _, value in pairs}


def _properties(service: Json) -> Json:
    properties: Json = service.get("typeProperties") or {}
    return properties


def _setting(service: Json, field: str) -> str | None:
    return _plain(text_of(_properties(service).get(field)))


def _plain(text: str | None) -> str | None:
    """A text that the export itself knows: no expression, and no parameter of a template."""
    return text if text and not is_expression(text) and not text.startswith("[") else None
