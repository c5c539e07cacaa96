"""HTTP around the Jobs API: paths, the bearer token, JSON in and out."""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from local.databricks_api.errors import ApiError, InvalidParameterError, UnknownEndpointError
from local.databricks_api.jobs_api import Document, JobsApi, Parameters
from local.databricks_api.run_documents import RunPages
from local.databricks_api.spark_driver import DriverStatus

SPARK_VERSIONS: Document = {
    "versions": [{"key": "18.x-scala2.13", "name": "Local stand-in for 18 LTS (Apache Spark 4.1.4, Delta 4.4.0)"}]
}

_log = logging.getLogger(__name__)


def create_app(api: JobsApi, pages: RunPages, token: str, driver_status: Callable[[], DriverStatus]) -> FastAPI:
    """The web application; all paths below /api/ ask for `token`."""
    app = FastAPI(title="Local Databricks Jobs API", docs_url=None, redoc_url=None, openapi_url=None)
    calls: dict[str, tuple[str, Callable[[Parameters], Document]]] = {
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
    served = ", ".join(
        [*(f"{method} jobs/{name}" for name, (method, _) in calls.items()), "GET clusters/spark-versions"]
    )

    @app.get("/healthz")
    async def health() -> JSONResponse:
        status = driver_status()
        word = {DriverStatus.READY: "ok", DriverStatus.STARTING: "starting", DriverStatus.FAILED: "failed"}[status]
        return JSONResponse({"status": word}, 200 if status == DriverStatus.READY else 503)

    @app.get("/runs/{run_id}")
    async def run_page(run_id: int, key: str = "") -> Response:
        if not pages.is_allowed(run_id, key):
            return HTMLResponse("This address is not complete: copy run_page_url as it is, with its key.", 403)
        return HTMLResponse(await run_in_threadpool(api.run_page, run_id))

    @app.exception_handler(ApiError)
    def api_error(_request: Request, error: ApiError) -> JSONResponse:
        return _error_response(error)

    @app.exception_handler(HTTPException)
    def no_such_path(request: Request, error: HTTPException) -> JSONResponse:
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
        return dict(request.query_params)
    try:
        document = json.loads(body)
    except ValueError as error:
        raise InvalidParameterError(f"The request body is no JSON: {error}.") from None
    if not isinstance(document, dict):
        raise InvalidParameterError("The request body must be a JSON object.")
    return {**request.query_params, **document}


def _error_response(error: ApiError) -> JSONResponse:
    return JSONResponse({"error_code": error.error_code, "message": error.message}, error.status)
