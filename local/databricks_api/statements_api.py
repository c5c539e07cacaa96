"""The calls of the Statement Execution API: SQL on the one driver, its answers as Arrow streams behind links.

Every warehouse id means the same warehouse. Links are logins of their own, as those of a cloud's storage are.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import io
import math
import re
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from databricks.sdk.service.sql import (
    BaseChunkInfo,
    ColumnInfo,
    ColumnInfoTypeName,
    Disposition,
    ExecuteStatementRequestOnWaitTimeout,
    ExternalLink,
    Format,
    ResultData,
    ResultManifest,
    ResultSchema,
    ServiceError,
    ServiceErrorCode,
    StatementExecutionAPI,
    StatementResponse,
    StatementState,
    StatementStatus,
)

from local.databricks_api.clock import Clock
from local.databricks_api.errors import ApiError, InvalidParameterError
from local.databricks_api.fields import field_types, read_fields
from local.databricks_api.jobs_api import Document, Parameters

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK_ROWS = 10_000
_LINK_MINUTES = 15
_DEFAULT_WAIT_SECONDS = 10
_KEPT_STATEMENTS = 100
_KNOWN = ("statement", "warehouse_id", "disposition", "format", "wait_timeout", "on_wait_timeout")
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")


@dataclass
class _Statement:
    """A statement, and what came of it."""

    statement_id: str
    state: StatementState = StatementState.PENDING
    error: ServiceError | None = None
    columns: list[ColumnInfo] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    chunk_rows: list[int] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)


class StatementsApi:
    """Answers each call; every method raises an `ApiError` where the request is wrong."""

    def __init__(self, base_url: str, token: str, driver_address: Callable[[], str | None], clock: Clock) -> None:
        """Prepare; `driver_address` gives where Spark Connect clients find the driver, None while it is not ready."""
        self._base_url = base_url.rstrip("/")
        self._token = token
        self._driver_address = driver_address
        self._clock = clock
        self._statements: dict[str, _Statement] = {}
        self._lock = threading.Lock()

    def execute(self, parameters: Parameters) -> Document:
        """`POST sql/statements`: begin a statement, and wait for it as long as is asked for."""
        given = read_fields(field_types(StatementExecutionAPI.execute_statement), parameters, "", _KNOWN, {})
        for name in ("statement", "warehouse_id"):
            if not given.get(name):
                raise InvalidParameterError(f"Missing required field: {name}")
        chosen = (given.get("disposition", Disposition.INLINE), given.get("format", Format.JSON_ARRAY))
        if chosen != (Disposition.EXTERNAL_LINKS, Format.ARROW_STREAM):
            raise InvalidParameterError(
                "The local Databricks API answers with disposition EXTERNAL_LINKS and format ARROW_STREAM only."
            )
        seconds = _wait_seconds(given.get("wait_timeout"))
        if given.get("on_wait_timeout") == ExecuteStatementRequestOnWaitTimeout.CANCEL:
            raise InvalidParameterError("on_wait_timeout CANCEL is not supported by the local Databricks API.")
        address = self._driver_address()
        if address is None:
            raise ApiError(503, "TEMPORARILY_UNAVAILABLE", "The Spark driver is not ready yet.")
        statement = _Statement(str(uuid.uuid4()))
        with self._lock:
            self._statements[statement.statement_id] = statement
            for old in list(self._statements)[:-_KEPT_STATEMENTS]:
                del self._statements[old]
        threading.Thread(target=_run, args=(statement, given["statement"], address), daemon=True).start()
        statement.ended.wait(seconds)
        return self._document(statement)

    def get(self, parameters: Parameters) -> Document:
        """`GET sql/statements/{id}`."""
        return self._document(self._statement(parameters))

    def chunk(self, parameters: Parameters) -> Document:
        """`GET sql/statements/{id}/result/chunks/{index}`: a fresh link to a part of the answer."""
        statement = self._statement(parameters)
        text = str(parameters["chunk_index"])
        if not text.isdecimal() or int(text) >= len(statement.chunks):
            raise InvalidParameterError(f"Chunk {text} does not exist: there are {len(statement.chunks)}.")
        return ResultData(external_links=[self._link(statement, int(text))]).as_dict()

    def content(self, statement_id: str, number: int, signature: str) -> bytes | None:
        """A part of an answer for the holder of its link; None where the link is wrong or the part gone."""
        if not hmac.compare_digest(self._signature(statement_id, number).encode(), signature.encode(errors="replace")):
            return None
        found = self._statements.get(statement_id)
        return found.chunks[number] if found is not None and number < len(found.chunks) else None

    def _statement(self, parameters: Parameters) -> _Statement:
        found = self._statements.get(parameters["statement_id"])
        if found is None:
            raise ApiError(404, "NOT_FOUND", f"The statement {parameters['statement_id']} was not found.")
        return found

    def _document(self, statement: _Statement) -> Document:
        response = StatementResponse(
            statement_id=statement.statement_id, status=StatementStatus(state=statement.state, error=statement.error)
        )
        if statement.state == StatementState.SUCCEEDED:
            response.manifest = ResultManifest(
                format=Format.ARROW_STREAM,
                schema=ResultSchema(column_count=len(statement.columns), columns=statement.columns),
                total_chunk_count=len(statement.chunks),
                total_row_count=sum(statement.chunk_rows),
                total_byte_count=sum(map(len, statement.chunks)),
                chunks=[
                    BaseChunkInfo(chunk_index=number, row_count=rows, row_offset=sum(statement.chunk_rows[:number]))
                    for number, rows in enumerate(statement.chunk_rows)
                ],
                truncated=False,
            )
            # The first part's link alone: who reads on asks for the next.
            response.result = ResultData(external_links=[self._link(statement, 0)] if statement.chunks else [])
        return response.as_dict()

    def _link(self, statement: _Statement, number: int) -> ExternalLink:
        signature = self._signature(statement.statement_id, number)
        is_last = number + 1 == len(statement.chunks)
        expiration = dt.datetime.fromtimestamp(self._clock() / 1000, dt.UTC) + dt.timedelta(minutes=_LINK_MINUTES)
        return ExternalLink(
            chunk_index=number,
            row_count=statement.chunk_rows[number],
            row_offset=sum(statement.chunk_rows[:number]),
            byte_count=len(statement.chunks[number]),
            external_link=f"{self._base_url}/statement-results/{statement.statement_id}/{number}?signature={signature}",
            expiration=expiration.isoformat().replace("+00:00", "Z"),
            next_chunk_index=None if is_last else number + 1,
        )

    def _signature(self, statement_id: str, number: int) -> str:
        purpose = f"statement result {statement_id} {number}"
        return hmac.new(self._token.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def _wait_seconds(given: str | None) -> int:
    found = re.fullmatch(r"(\d+)s", given or f"{_DEFAULT_WAIT_SECONDS}s")
    if found is None or not (int(found[1]) == 0 or 5 <= int(found[1]) <= 50):
        raise InvalidParameterError("wait_timeout must be 0s, or between 5s and 50s.")
    return int(found[1])


def _run(statement: _Statement, sql: str, address: str) -> None:
    from pyspark.sql.connect.session import SparkSession

    statement.state = StatementState.RUNNING
    try:
        session = SparkSession.builder.remote(address).create()
        try:
            frame = session.sql(sql)
            statement.columns = [
                _column(place, one.name, one.dataType.simpleString()) for place, one in enumerate(frame.schema.fields)
            ]
            for rows, content in _streams(frame.toArrow()):
                statement.chunk_rows.append(rows)
                statement.chunks.append(content)
        finally:
            session.stop()
    except Exception as error:  # What the statement did wrong is its answer.
        statement.error = ServiceError(error_code=ServiceErrorCode.BAD_REQUEST, message=str(error))
        statement.state = StatementState.FAILED
    else:
        statement.state = StatementState.SUCCEEDED
    statement.ended.set()


def _streams(table: pa.Table) -> Any:
    """Rows and Arrow stream of each part; an answer without rows has none."""
    import pyarrow as pa

    for number in range(math.ceil(table.num_rows / CHUNK_ROWS)):
        part = table.slice(number * CHUNK_ROWS, CHUNK_ROWS)
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, part.schema) as writer:
            writer.write_table(part)
        yield part.num_rows, sink.getvalue()


def _column(place: int, name: str, kind: str) -> ColumnInfo:
    digits = _DECIMAL.fullmatch(kind)
    plain = re.split(r"[(<]", kind)[0].upper()
    known = {one.value: one for one in ColumnInfoTypeName}
    # The API has names of its own for two of Spark's.
    named = known.get({"BIGINT": "LONG", "SMALLINT": "SHORT", "TINYINT": "BYTE"}.get(plain, plain))
    return ColumnInfo(
        name=name,
        position=place,
        type_name=named,
        type_text=kind.upper(),
        type_precision=int(digits[1]) if digits else None,
        type_scale=int(digits[2]) if digits else None,
    )
