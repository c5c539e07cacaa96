"""Databricks SQL: a statement on a warehouse, and its answer as Arrow batches."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from airflow.providers.databricks.hooks.databricks import DatabricksHook

from lakehouse.errors import NoSuchTableError, StatementError
from lakehouse.lake.warehouse_table import catalog_name

if TYPE_CHECKING:
    import pyarrow as pa

_STATEMENTS = "2.0/sql/statements"
_FIRST_WAIT_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 5.0
_LINK_SECONDS = 300
_UNFINISHED = {"PENDING", "RUNNING"}
_NOT_FOUND = (
    "[TABLE_OR_VIEW_NOT_FOUND]",
    "[DELTA_TABLE_NOT_FOUND]",
    "[DELTA_MISSING_DELTA_TABLE]",
    "[SCHEMA_NOT_FOUND]",
)
_PLAIN_TYPES = {
    "STRING": "string", "BOOLEAN": "bool_", "TINYINT": "int8", "SMALLINT": "int16", "INT": "int32", "BIGINT": "int64",
    "LONG": "int64", "SHORT": "int16", "BYTE": "int8", "FLOAT": "float32", "DOUBLE": "float64", "DATE": "date32",
    "BINARY": "binary",
}  # fmt: skip


class SqlWarehouseHook(DatabricksHook):
    """Asks a SQL warehouse by the Statement Execution API, with the login of a Databricks connection."""

    def __init__(self, databricks_conn_id: str, warehouse_id: str, **kwargs: Any) -> None:
        super().__init__(databricks_conn_id, **kwargs)
        self.warehouse_id = warehouse_id

    def ask(self, statement: str, pause: Callable[[float], None] = time.sleep) -> pa.RecordBatchReader:
        """The answer of a statement; its rows are fetched part by part, as they are read.

        Raises:
            NoSuchTableError: a table that it names is not there.
            StatementError: the warehouse cannot be reached, or refuses it.
        """
        import pyarrow as pa

        answer = self._call("POST", _STATEMENTS, {
            "warehouse_id": self.warehouse_id, "statement": statement, "disposition": "EXTERNAL_LINKS",
            "format": "ARROW_STREAM", "wait_timeout": "30s", "on_wait_timeout": "CONTINUE",
        })  # fmt: skip
        wait = _FIRST_WAIT_SECONDS
        while answer["status"]["state"] in _UNFINISHED:
            pause(wait)
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
            answer = self._call("GET", f"{_STATEMENTS}/{answer['statement_id']}")
        if answer["status"]["state"] != "SUCCEEDED":
            raise _failure(answer["status"])
        manifest = answer["manifest"]
        if manifest.get("truncated"):
            raise StatementError(
                f"SQL warehouse {self.warehouse_id} gave a part of the rows only: the answer is too large"
            )
        first = answer.get("result", {})
        parts = self._parts(answer["statement_id"], first, int(manifest.get("total_chunk_count") or 0))
        head = next(parts, None)
        if head is None:
            return pa.RecordBatchReader.from_batches(_empty_schema(manifest["schema"]), iter(()))

        def batches() -> Iterator[pa.RecordBatch]:
            yield from head
            for part in parts:
                yield from part

        return pa.RecordBatchReader.from_batches(head.schema, batches())

    def test_connection(self, catalog: str = "") -> tuple[bool, str]:
        """Whether the warehouse answers, and shows silver and gold of a catalog; if not, which right is missing."""
        layers = [catalog_name(catalog, layer) for layer in ("silver", "gold")] if catalog else []
        try:
            (row,) = self.ask("SELECT current_user() AS reader").read_all().to_pylist()
            for layer in layers:
                self.ask(f"SHOW TABLES IN {layer}").read_all()
        except NoSuchTableError as error:
            schemas, whole = " and ".join(layers), catalog_name(catalog)
            missing = f"GRANT USE CATALOG ON CATALOG {whole}, and USE SCHEMA, SELECT ON SCHEMA {schemas}"
            return False, f"SQL warehouse {self.warehouse_id}: {error}: {missing} to its login"
        except StatementError as error:
            return False, str(error)
        return True, f"SQL warehouse {self.warehouse_id} answers to {row['reader']}"

    def _parts(self, statement_id: str, first: dict[str, Any], count: int) -> Iterator[pa.RecordBatchReader]:
        """Each part's rows; its link is asked for when its turn comes, since a link holds for minutes only."""
        import pyarrow as pa

        for number in range(count):
            links = first.get("external_links") or []
            found = next((one for one in links if one["chunk_index"] == number), None)
            if found is None:
                address = f"{_STATEMENTS}/{statement_id}/result/chunks/{number}"
                (found,) = self._call("GET", address)["external_links"]
            yield pa.ipc.open_stream(io.BytesIO(_download(found)))

    def _call(self, method: str, endpoint: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
        from airflow.providers.common.compat.sdk import AirflowException

        try:
            answer: dict[str, Any] = self._do_api_call((method, endpoint), content)
        except AirflowException as error:
            raise StatementError(
                f"SQL warehouse {self.warehouse_id} of connection {self.databricks_conn_id} does not answer: {error}"
            ) from error
        return answer


def _download(link: dict[str, Any]) -> bytes:
    """A part from the cloud's storage, which takes the link itself as the login and refuses any other."""
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    try:
        with urlopen(
            Request(link["external_link"], headers=link.get("http_headers") or {}), timeout=_LINK_SECONDS
        ) as part:
            return bytes(part.read())
    except OSError as error:
        # Its text would have the link, which is a login.
        status = f"HTTP status {error.code}" if isinstance(error, HTTPError) else "no answer"
        raise StatementError(
            f"a part of a SQL warehouse's answer could not be fetched ({status}): "
            "the API server must reach the workspace's storage account"
        ) from None


def _failure(status: dict[str, Any]) -> StatementError:
    error = status.get("error") or {}
    message = str(error.get("message") or f"the statement is {status['state']}").strip().partition("\n")[0]
    if any(name in message for name in _NOT_FOUND):
        return NoSuchTableError(message)
    return StatementError(f"the SQL warehouse refused a statement: {message}")


def _empty_schema(schema: dict[str, Any]) -> pa.Schema:
    """The columns of an answer without rows, which has no part that would show them."""
    import pyarrow as pa

    def kind(column: dict[str, Any]) -> pa.DataType:
        if column["type_name"] == "DECIMAL":
            return pa.decimal128(int(column["type_precision"]), int(column["type_scale"]))
        if column["type_name"] == "TIMESTAMP":
            return pa.timestamp("us", "UTC")
        plain = _PLAIN_TYPES.get(column["type_name"])
        return getattr(pa, plain)() if plain else pa.null()

    return pa.schema([(column["name"], kind(column)) for column in schema.get("columns", ())])
