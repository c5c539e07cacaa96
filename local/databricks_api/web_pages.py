"""HTTP around the pages for a browser: who may see them, and the cookie that opens them all."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from local.databricks_api.clock import Clock
from local.databricks_api.errors import UnknownRunError
from local.databricks_api.overview_page import RUNS_SHOWN, render_overview
from local.databricks_api.page_addresses import PageAddresses
from local.databricks_api.page_frame import HEADERS, page
from local.databricks_api.run_page import PAGE_LOG_LIMIT, render_run_page
from local.databricks_api.run_store import RunStore
from local.databricks_api.settings import ServerSettings
from local.databricks_api.spark_driver import DriverStatus
from local.databricks_api.task_files import read_log

_CLOSED = "This address is not complete: open it as it was printed, with its key."


class WebPages:
    """Renders each page as of now."""

    def __init__(
        self,
        settings: ServerSettings,
        store: RunStore,
        addresses: PageAddresses,
        driver_status: Callable[[], DriverStatus],
        clock: Clock,
    ) -> None:
        self.addresses = addresses
        self._settings = settings
        self._store = store
        self._driver_status = driver_status
        self._clock = clock

    def overview(self) -> str:
        """HTML of the page of the server."""
        runs = list(self._store.newest_first(limit=RUNS_SHOWN))
        return render_overview(self._driver_status(), str(self._settings.logs), runs, self._clock())

    def run(self, run_id: int) -> str:
        """HTML of the page of a run, also by the id of one of its task runs.

        Raises:
            UnknownRunError: there is neither.
        """
        run = self._store.get(run_id)
        logs = {
            task.run_id: read_log(self._settings.task_folder(run.run_id, task.run_id) / "log.txt", PAGE_LOG_LIMIT)
            for task in run.tasks
        }
        return render_run_page(run, logs, self._clock())


def add_pages(app: FastAPI, pages: WebPages) -> None:
    """Serve the pages. The overview's key becomes a cookie, so that no address in a browser's history keeps it."""
    addresses = pages.addresses

    @app.get("/")
    async def overview(request: Request, key: str = "") -> Response:
        if addresses.opens_all(key):
            answer = RedirectResponse("/", 303, HEADERS)
            is_https = addresses.overview().startswith("https:")
            answer.set_cookie(addresses.cookie, key, httponly=True, samesite="lax", secure=is_https)
            return answer
        if not addresses.opens_all(request.cookies.get(addresses.cookie, "")):
            return _message(_CLOSED, 403)
        return HTMLResponse(await run_in_threadpool(pages.overview), headers=HEADERS)

    @app.get("/runs/{run_id}")
    async def run(request: Request, run_id: str, key: str = "") -> Response:
        number = int(run_id) if run_id.isascii() and run_id.isdigit() and len(run_id) < 19 else 0
        cookie = request.cookies.get(addresses.cookie, "")
        if not addresses.opens_run(number, key) and not addresses.opens_all(cookie):
            return _message(_CLOSED, 403)
        try:
            return HTMLResponse(await run_in_threadpool(pages.run, number), headers=HEADERS)
        except UnknownRunError:
            return _message(f"There is no run {number}, or no longer.", 404)

    # FastAPI recognises the request by its annotation, which `from __future__ import annotations` leaves as text.
    for endpoint in (overview, run):
        endpoint.__annotations__["request"] = Request


def _message(text: str, status: int) -> Response:
    return HTMLResponse(page("Local Databricks", f"<p>{text}</p>"), status, HEADERS)
