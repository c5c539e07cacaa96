"""The page's HTTP answers: its own files, and figures as JSON. It runs behind `guard.Guard` only."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.errors import LakehouseError

from kpi.answers import pivot_answer, table_answer, view_answer
from kpi.downloads import MEDIA_TYPES, Sheet, file_of, leaderboard_sheet, pivot_sheet
from kpi.figures import Figures
from kpi.guard import READER, App
from kpi.pivot import MOST_LINES, pivot_of
from kpi.pivot_questions import PivotQuestion, pivot_question_of
from kpi.questions import Question, QuestionError, level_of, question_of
from kpi.read_model import Limits
from kpi.readers import Reader, RoleNames
from kpi.seen import Seen, seen_of
from kpi.shelf import NothingYetError, PreparingError, Shelf
from lake_model.contracts.kpi_contract import KpiContract, read_kpi_contracts
from lake_model.contracts.table_access import Access

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_OF_THE_PLATFORM = "this cannot be shown now: whoever runs the platform finds why in the API server's log"
STATIC = Path(__file__).parent / "static"


class NotForReaderError(LakehouseError):
    """No role of the reader's reads any table."""


@dataclass(frozen=True)
class Desk:
    """What answers need: contracts, read models, and who sees what of them.

    Attributes:
        contracts: gives those of all tables, as they are now.
    """

    contracts: Callable[[], tuple[KpiContract, ...]]
    shelf: Shelf
    roles: RoleNames

    def tables(self, reader: Reader) -> list[KpiContract]:
        """What the reader may look at, as far as they see it."""
        return [contract for contract, _, _ in self._seen(reader)]

    def table(self, reader: Reader, name: str | None) -> Seen:
        """A table by its name, or the first one.

        Raises:
            QuestionError: the reader sees no such table.
            NothingYetError: there is none at all.
            NotForReaderError: no role of the reader's reads one.
            LakehouseError: it cannot be shown.
        """
        known = {contract.name: (contract, whole, access) for contract, whole, access in self._seen(reader)}
        if not known:
            raise NothingYetError(
                "no contract of a One Big Table declares kpis and hierarchies yet: add them to have its page"
            )
        found = known.get(name) if name else next(iter(known.values()))
        if found is None:
            raise QuestionError(f"table must be one of {', '.join(known)}")
        contract, whole, access = found
        # The read model is the same for all readers.
        return seen_of(self.shelf.get(whole), contract, whole, access)

    def _seen(self, reader: Reader) -> list[tuple[KpiContract, KpiContract, Access]]:
        contracts = self.contracts()
        allowed = [(one, access) for one in contracts if (access := self.roles.access(one, reader)) is not None]
        if contracts and not allowed:
            raise NotForReaderError(
                "no table here is for one of your Airflow roles: whoever runs the platform gives the roles that a "
                "table's contract names (LAKEHOUSE_KPI_ROLES)"
            )
        found = [(whole.seen_by(access), whole, access) for whole, access in allowed]
        return [one for one in found if one[0].hierarchies and one[0].measures]


def make_app() -> App:
    """The page over the lake of Airflow's settings."""
    return app_of(functools.cache(_desk_of_settings))


def _desk_of_settings() -> Desk:
    from airflow.configuration import AIRFLOW_HOME
    from airflow.sdk import Variable
    from lakehouse.lake.lake_root import lake_root
    from lakehouse.settings import load_settings

    settings = load_settings(os.environ, lambda name: Variable.get(name, default=None), for_spark=False)
    folder = Path(settings.kpi_folder or Path(AIRFLOW_HOME) / "kpi")
    shelf = Shelf(lambda: lake_root(settings), folder, Limits(settings.kpi_memory_mb, settings.kpi_threads))
    roles = RoleNames(settings.kpi_unrestricted_roles, settings.kpi_roles)
    return Desk(lambda: read_kpi_contracts(Path(settings.contracts_root)), shelf, roles)


def app_of(desk: Callable[[], Desk]) -> App:
    """The page; `desk` is called at each request, and raises LakehouseError where settings are wrong."""
    from starlette.applications import Starlette
    from starlette.responses import FileResponse, JSONResponse
    from starlette.responses import Response as PlainResponse
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles

    def sees_everything(request: Request) -> bool:
        return desk().roles.sees_everything(_reader(request))

    def index(_request: Request) -> Response:
        return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})

    def tables(request: Request) -> Response:
        found = desk().tables(_reader(request))
        return JSONResponse([table_answer(contract) for contract in found])

    def view(request: Request) -> Response:
        seen = desk().table(_reader(request), request.query_params.get("table"))
        question = _question(seen, request)
        return JSONResponse(view_answer(seen, Figures(seen.sight, question), question))

    def download(request: Request) -> Response:
        seen = desk().table(_reader(request), request.query_params.get("table"))
        question = _question(seen, request)
        level = level_of(seen.contract, request.query_params.get("level", ""))
        return file(request, leaderboard_sheet(seen, Figures(seen.sight, question), question, level))

    def pivot(request: Request) -> Response:
        seen = desk().table(_reader(request), request.query_params.get("table"))
        asked = _pivot_question(seen, request)
        return JSONResponse(pivot_answer(asked, pivot_of(seen.sight, asked)))

    def pivot_download(request: Request) -> Response:
        seen = desk().table(_reader(request), request.query_params.get("table"))
        asked = dataclasses.replace(_pivot_question(seen, request), page=1)
        return file(request, pivot_sheet(seen, asked, pivot_of(seen.sight, asked, MOST_LINES)))

    def file(request: Request, sheet: Sheet) -> Response:
        kind = request.query_params.get("format", "csv")
        if kind not in MEDIA_TYPES:
            raise QuestionError(f"format must be one of {', '.join(MEDIA_TYPES)}")
        headers = {"content-disposition": f'attachment; filename="{sheet.name}.{kind}"'}
        return PlainResponse(file_of(sheet, kind), media_type=MEDIA_TYPES[kind], headers=headers)

    app: Any = Starlette(
        routes=[
            Route("/", index),
            Route("/api/tables", _answered(tables, sees_everything)),
            Route("/api/view", _answered(view, sees_everything)),
            Route("/api/download", _answered(download, sees_everything)),
            Route("/api/pivot", _answered(pivot, sees_everything)),
            Route("/api/pivot/download", _answered(pivot_download, sees_everything)),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
    )
    return app  # type: ignore[no-any-return]


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
    """An endpoint that tells its errors as people can read them, and whose answers nobody keeps."""
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
        return False  # Settings are wrong: then nobody is known to see everything.
    logging.getLogger(__name__).exception("told a reader in general words")
    return False
