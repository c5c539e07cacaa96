"""The page's HTTP answers: its own files, and figures as JSON. It runs behind `guard.Guard` only."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.errors import LakehouseError
from lakehouse.trace import Trace, trace_date

from kpi.answers import pivot_answer, rows_answer, table_answer, trace_answer, versions_answer, view_answer
from kpi.desk import Desk, NotForReaderError
from kpi.detail_rows import DEEPEST_ROW, PAGE_ROWS, detail_rows
from kpi.downloads import MEDIA_TYPES, Sheet, file_of, leaderboard_sheet, pivot_sheet
from kpi.figures import Figures
from kpi.guard import READER, App
from kpi.origins import Origins, read_origins
from kpi.pivot import MOST_LINES, pivot_of
from kpi.pivot_questions import PivotQuestion, pivot_question_of
from kpi.questions import Question, QuestionError, date_of, level_of, page_of, question_of, text_of
from kpi.read_model import Limits
from kpi.readers import Reader, RoleNames
from kpi.seen import Seen
from kpi.shelf import CHECK_SECONDS, WAREHOUSE_CHECK_SECONDS, NothingYetError, PreparingError, Shelf
from kpi.versions import versions_of
from lake_model.contracts.kpi_contract import KpiContract, read_kpi_contracts

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_OF_THE_PLATFORM = "this cannot be shown now: the API server's log has the reason"
STATIC = Path(__file__).parent / "static"


def make_app() -> App:
    """The page over the lake of Airflow's settings."""
    return app_of(functools.cache(_desk_of_settings))


def _desk_of_settings() -> Desk:
    from airflow.configuration import AIRFLOW_HOME
    from airflow.sdk import Variable
    from lakehouse.readable_lake import readable_lake
    from lakehouse.settings import load_settings

    settings = load_settings(os.environ, lambda name: Variable.get(name, default=None), for_spark=False)
    folder = Path(settings.kpi_folder or Path(AIRFLOW_HOME) / "kpi")
    contracts = Path(settings.contracts_root)

    def origins(contract: KpiContract) -> Origins:
        return read_origins(contracts / contract.schema, contract.table)

    limits = Limits(settings.kpi_memory_mb, settings.kpi_threads)
    lake = functools.partial(readable_lake, functools.partial(getattr, settings))
    shelf = Shelf(lake, folder, limits, origins, WAREHOUSE_CHECK_SECONDS if settings.warehouse else CHECK_SECONDS)
    roles = RoleNames(settings.kpi_unrestricted_roles, settings.kpi_roles)

    def trace(contract: KpiContract, day: dt.date) -> Trace:
        return trace_date(lake(), contracts / contract.schema, contract.table, day)

    return Desk(lambda: read_kpi_contracts(contracts), shelf, roles, trace, lambda: lake().tables)


class _Endpoints:
    """The answers; each is a function of a request."""

    def __init__(self, desk: Callable[[], Desk]) -> None:
        self._desk = desk

    def sees_everything(self, request: Request) -> bool:
        return self._desk().roles.sees_everything(_reader(request))

    def tables(self, request: Request) -> Response:
        return _json([table_answer(contract) for contract in self._desk().tables(_reader(request))])

    def view(self, request: Request) -> Response:
        seen = self._seen(request)
        question = _question(seen, request)
        return _json(view_answer(seen, Figures(seen.sight, question), question))

    def download(self, request: Request) -> Response:
        seen = self._seen(request)
        question = _question(seen, request)
        level = level_of(seen.contract, request.query_params.get("level", ""))
        return _file(request, leaderboard_sheet(seen, Figures(seen.sight, question), question, level))

    def pivot(self, request: Request) -> Response:
        seen = self._seen(request)
        asked = _pivot_question(seen, request)
        return _json(pivot_answer(asked, pivot_of(seen.sight, asked)))

    def pivot_download(self, request: Request) -> Response:
        seen = self._seen(request)
        asked = dataclasses.replace(_pivot_question(seen, request), page=1)
        return _file(request, pivot_sheet(seen, asked, pivot_of(seen.sight, asked, MOST_LINES)))

    def rows(self, request: Request) -> Response:
        seen = self._seen(request)
        page = page_of(request.query_params.get("detail") or "1", "detail")
        if page * PAGE_ROWS > DEEPEST_ROW:
            raise QuestionError(f"only the first {DEEPEST_ROW} rows are shown: narrow the period or filter")
        return _json(rows_answer(detail_rows(seen.sight, _question(seen, request), page), page))

    def trace(self, request: Request) -> Response:
        seen = self._seen(request)
        _question(seen, request)
        found = self._desk().trace(seen.contract, date_of(request.query_params, "day"))
        return _json(trace_answer(found if seen.is_whole else found.open_part()))

    def versions(self, request: Request) -> Response:
        seen = self._seen(request)
        _question(seen, request)
        level = level_of(seen.contract, request.query_params.get("level", ""))
        value = text_of(request.query_params.get("value", ""), "value")
        return _json(versions_answer(versions_of(self._desk().lake_tables(), seen, level, value)))

    def _seen(self, request: Request) -> Seen:
        return self._desk().table(_reader(request), request.query_params.get("table"))


def app_of(desk: Callable[[], Desk]) -> App:
    """The page; `desk` is called at each request, and raises LakehouseError where settings are wrong."""
    from starlette.applications import Starlette
    from starlette.responses import FileResponse
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles

    def index(_request: Request) -> Response:
        return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})

    give = _Endpoints(desk)
    answers = {
        "tables": give.tables,
        "view": give.view,
        "download": give.download,
        "pivot": give.pivot,
        "pivot/download": give.pivot_download,
        "rows": give.rows,
        "trace": give.trace,
        "versions": give.versions,
    }
    routes = [Route(f"/api/{name}", _answered(one, give.sees_everything)) for name, one in answers.items()]
    app: Any = Starlette(routes=[Route("/", index), *routes, Mount("/static", StaticFiles(directory=STATIC))])
    return app  # type: ignore[no-any-return]


def _json(content: Any) -> Response:
    from starlette.responses import JSONResponse

    return JSONResponse(content)


def _file(request: Request, sheet: Sheet) -> Response:
    from starlette.responses import Response as PlainResponse

    kind = request.query_params.get("format", "csv")
    if kind not in MEDIA_TYPES:
        raise QuestionError(f"format must be one of {', '.join(MEDIA_TYPES)}")
    headers = {"content-disposition": f'attachment; filename="{sheet.name}.{kind}"'}
    return PlainResponse(file_of(sheet, kind), media_type=MEDIA_TYPES[kind], headers=headers)


def _reader(request: Request) -> Reader:
    found: Reader = request.scope["state"][READER]
    return found


def _question(seen: Seen, request: Request) -> Question:
    return question_of(seen.contract, request.query_params.multi_items(), *seen.sight.about.span)


def _pivot_question(seen: Seen, request: Request) -> PivotQuestion:
    return pivot_question_of(seen.contract, request.query_params.multi_items(), *seen.sight.about.span)


def _answered(
    endpoint: Callable[[Request], Response], sees_everything: Callable[[Request], bool]
) -> Callable[[Request], Response]:
    """An endpoint whose errors people can read, and whose answers no browser or proxy keeps."""
    from starlette.responses import JSONResponse

    @functools.wraps(endpoint)
    def answer(request: Request) -> Response:
        try:
            response = endpoint(request)
        except QuestionError as error:
            response = JSONResponse({"detail": str(error), "state": "nonsense"}, 422)
        except NotForReaderError as error:
            response = JSONResponse({"detail": str(error), "state": "forbidden"}, 403)
        except PreparingError as error:
            response = JSONResponse({"detail": str(error), "state": "preparing"}, 503, {"retry-after": "1"})
        except NothingYetError as error:
            response = JSONResponse({"detail": str(error), "state": "empty"}, 404)
        except LakehouseError as error:
            detail = str(error) if _may_know(request, sees_everything) else _OF_THE_PLATFORM
            response = JSONResponse({"detail": detail, "state": "error"}, 503)
        response.headers["cache-control"] = "no-store"
        return response

    return answer


def _may_know(request: Request, sees_everything: Callable[[Request], bool]) -> bool:
    """What is wrong with contracts and the lake names columns and tables, also such as are not for every reader."""
    import logging

    try:
        if sees_everything(request):
            return True
    except LakehouseError:
        return False  # Settings are wrong: then no reader is known to see everything.
    logging.getLogger(__name__).exception("shown to a reader in general words")
    return False
