"""HTTP around the Jobs API and the Statement Execution API: paths, the bearer token, JSON in and out."""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from local.databricks_api.errors import ApiError, MalformedRequestError, UnknownEndpointError
from local.databricks_api.jobs_api import Document, JobsApi, Parameters
from local.databricks_api.spark_driver import DriverStatus
from local.databricks_api.statements_api import StatementsApi
from local.databricks_api.web_pages import WebPages, add_pages

_STAND_IN = "Local stand-in for {} LTS (Apache Spark 4.1.4, Delta 4.4.0)"
# `select_spark_version` of the SDK looks for Scala 2.12 unless told otherwise; every version runs on the one driver.
SPARK_VERSIONS: Document = {
    "versions": [
        {"key": "18.x-scala2.13", "name": _STAND_IN.format(18)},
        {"key": "16.4.x-scala2.12", "name": _STAND_IN.format(16.4)},
    ]
}
ME: Document = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "id": "1",
    "userName": "local",
    "displayName": "Local user",
    "active": True,
}

_STATEMENT_PATHS = {
    "execute": ("POST", "sql/statements"),
    "get": ("GET", "sql/statements/{statement_id}"),
    "chunk": ("GET", "sql/statements/{statement_id}/result/chunks/{chunk_index}"),
}

_log = logging.getLogger(__name__)


def create_app(
    api: JobsApi,
    statements: StatementsApi,
    pages: WebPages,
    token: str,
    driver_status: Callable[[], DriverStatus],
) -> FastAPI:
    """The web application; all paths below /api/ ask for `token`."""
    app = FastAPI(title="Local Databricks Jobs API", docs_url=None, redoc_url=None, openapi_url=None)
    calls: dict[str, tuple[str, Callable[[Parameters], Document]]] = {
        "create": ("POST", api.create_job),
        "get": ("GET", api.get_job),
        "list": ("GET", api.list_jobs),
        "delete": ("POST", api.delete_job),
        "run-now": ("POST", api.run_now),
        "runs/submit": ("POST", api.submit),
        "runs/get": ("GET", api.get),
        "runs/get-output": ("GET", api.get_output),
        "runs/cancel": ("POST", api.cancel),
        "runs/delete": ("POST", api.delete),
        "runs/list": ("GET", api.list_runs),
    }
    for name, (method, call) in calls.items():
        for version in ("2.1", "2.2"):
            app.add_api_route(f"/api/{version}/jobs/{name}", _endpoint(call, token), methods=[method])
    for version in ("2.0", "2.1"):
        path = f"/api/{version}/clusters/spark-versions"
        app.add_api_route(path, _endpoint(lambda _parameters: SPARK_VERSIONS, token), methods=["GET"])
    app.add_api_route("/api/2.0/preview/scim/v2/Me", _endpoint(lambda _parameters: ME, token), methods=["GET"])
    _add_statements(app, statements, token)
    add_pages(app, pages)
    others = (
        *("GET clusters/spark-versions", "GET preview/scim/v2/Me"),
        *(f"{method} {path}" for method, path in _STATEMENT_PATHS.values()),
    )
    served = ", ".join([*(f"{method} jobs/{name}" for name, (method, _) in calls.items()), *others])

    @app.get("/healthz")
    async def health() -> JSONResponse:
        status = driver_status()
        word = {DriverStatus.READY: "ok", DriverStatus.STARTING: "starting", DriverStatus.FAILED: "failed"}[status]
        return JSONResponse({"status": word}, 200 if status == DriverStatus.READY else 503)

    @app.exception_handler(ApiError)
    def api_error(_request: Request, error: ApiError) -> JSONResponse:
        return _error_response(error)

    @app.exception_handler(HTTPException)
    def no_such_path(request: Request, error: HTTPException) -> JSONResponse:
        # The SDK asks for /.well-known/… without a token, to learn whether it is there.
        if request.url.path.startswith("/api/"):
            try:
                check_token(request.headers.get("authorization", ""), token)
            except ApiError as refused:
                return _error_response(refused)
        if error.status_code in {404, 405}:
            return _error_response(UnknownEndpointError(request.method, request.url.path, served))
        return _error_response(ApiError(error.status_code, "BAD_REQUEST", str(error.detail)))

    @app.exception_handler(Exception)
    def fault(_request: Request, error: Exception) -> JSONResponse:
        _log.error("A request could not be answered.", exc_info=error)
        return _error_response(ApiError(500, "INTERNAL_ERROR", f"The local Databricks API has a fault: {error}"))

    return app


def _add_statements(app: FastAPI, statements: StatementsApi, token: str) -> None:
    calls = {"execute": statements.execute, "get": statements.get, "chunk": statements.chunk}
    for name, (method, path) in _STATEMENT_PATHS.items():
        app.add_api_route(f"/api/2.0/{path}", _endpoint(calls[name], token), methods=[method])

    @app.get("/statement-results/{statement_id}/{number}")
    def content(request: Request, statement_id: str, number: int, signature: str = "") -> Response:
        # A cloud's storage refuses a second login beside the link's own.
        found = statements.content(statement_id, number, signature)
        if found is None or "authorization" in request.headers:
            return Response("This link is wrong, is used with another login, or leads to nothing any more.", 403)
        return Response(found, media_type="application/vnd.apache.arrow.stream")

    content.__annotations__["request"] = Request


def check_token(authorization: str, token: str) -> None:
    """Check an Authorization header.

    Raises:
        ApiError: there is no bearer token (401), or it is not the server's (403).
    """
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() != "bearer" or not given:
        raise ApiError(401, "UNAUTHENTICATED", "Credential was not sent or was of an unsupported type for this API.")
    if not hmac.compare_digest(given.strip().encode(), token.encode()):
        raise ApiError(403, "PERMISSION_DENIED", "Invalid access token.")


def _endpoint(call: Callable[[Parameters], Document], token: str) -> Callable[[Request], Any]:
    async def answer(request: Request) -> JSONResponse:
        check_token(request.headers.get("authorization", ""), token)
        return JSONResponse(await run_in_threadpool(call, await _parameters(request)))

    # FastAPI recognises the request by its annotation, which `from __future__ import annotations` leaves as text here.
    answer.__annotations__ = {"request": Request, "return": JSONResponse}
    return answer


async def _parameters(request: Request) -> Parameters:
    # Airflow's triggers send the parameters of a GET as its body, all others send them in the query.
    body = await request.body()
    if not body:
        return {**request.query_params, **request.path_params}
    try:
        document = json.loads(body, parse_constant=_refuse_constant)
        # A lone surrogate, written \\ud800, is read without complaint, but no answer could ever show it.
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise MalformedRequestError("Could not parse request object: it has text that is no valid Unicode") from None
    except (ValueError, RecursionError):
        raise MalformedRequestError(
            "Invalid JSON given in the body of the request - failed to parse given JSON"
        ) from None
    if not isinstance(document, dict):
        raise MalformedRequestError("Invalid JSON given in the body of the request - expected a map")
    return {**request.query_params, **document, **request.path_params}


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _error_response(error: ApiError) -> JSONResponse:
    return JSONResponse({"error_code": error.error_code, "message": error.message}, error.status)
