"""The page's HTTP answers: its own files, and figures as JSON. It runs behind `guard.Guard` only."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.errors import LakehouseError

from kpi.answers import table_answer, view_answer
from kpi.downloads import leaderboard_csv
from kpi.figures import Figures
from kpi.guard import READER, App
from kpi.questions import QuestionError, level_of, question_of
from kpi.read_model import Limits
from kpi.readers import Reader, visible
from kpi.shelf import NothingYetError, PreparingError, Shelf, Shown
from lake_model.contracts.kpi_contract import KpiContract, read_kpi_contracts

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True)
class Desk:
    """What answers need: contracts and read models.

    Attributes:
        contracts: gives those of all tables, as they are now.
        confidential_roles: who sees confidential columns, in lower case.
    """

    contracts: Callable[[], tuple[KpiContract, ...]]
    shelf: Shelf
    confidential_roles: Collection[str]

    def tables(self, reader: Reader) -> list[KpiContract]:
        """What the reader may look at."""
        found = [visible(contract, reader, self.confidential_roles) for contract in self.contracts()]
        return [contract for contract in found if contract.hierarchies and contract.measures]

    def table(self, reader: Reader, name: str | None) -> tuple[KpiContract, Shown]:
        """A table by its name, or the first one.

        Raises:
            QuestionError: the reader sees no such table.
            NothingYetError: there is none at all.
            LakehouseError: it cannot be shown.
        """
        known = {contract.name: contract for contract in self.tables(reader)}
        if not known:
            raise NothingYetError(
                "no contract of a One Big Table declares kpis and hierarchies yet: add them to have its page"
            )
        contract = known.get(name) if name else next(iter(known.values()))
        if contract is None:
            raise QuestionError(f"table must be one of {', '.join(known)}")
        # The read model is the same for all readers: what one of them may not see is never asked of it.
        whole = next(one for one in self.contracts() if one.name == contract.name)
        return contract, self.shelf.get(whole)


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
    roles = frozenset(role.lower() for role in settings.kpi_confidential_roles)
    return Desk(lambda: read_kpi_contracts(Path(settings.contracts_root)), shelf, roles)


def app_of(desk: Callable[[], Desk]) -> App:
    """The page; `desk` is called at each request, and raises LakehouseError where settings are wrong."""
    from starlette.applications import Starlette
    from starlette.responses import FileResponse, JSONResponse
    from starlette.responses import Response as PlainResponse
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles

    def index(_request: Request) -> Response:
        return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})

    def tables(request: Request) -> Response:
        found = desk().tables(_reader(request))
        return JSONResponse([table_answer(contract) for contract in found])

    def view(request: Request) -> Response:
        contract, shown = desk().table(_reader(request), request.query_params.get("table"))
        about = shown.model.about
        question = question_of(contract, request.query_params.multi_items(), *about.span)
        return JSONResponse(view_answer(shown, Figures(shown.model, question), question))

    def download(request: Request) -> Response:
        contract, shown = desk().table(_reader(request), request.query_params.get("table"))
        question = question_of(contract, request.query_params.multi_items(), *shown.model.about.span)
        level = level_of(contract, request.query_params.get("level", ""))
        content = leaderboard_csv(Figures(shown.model, question), question, level)
        name = f"{contract.table}-{level.column}-{question.measure.name}.csv"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return PlainResponse(content, media_type="text/csv; charset=utf-8", headers=headers)

    app: Any = Starlette(
        routes=[
            Route("/", index),
            Route("/api/tables", _answered(tables)),
            Route("/api/view", _answered(view)),
            Route("/api/download", _answered(download)),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
    )
    return app  # type: ignore[no-any-return]


def _reader(request: Request) -> Reader:
    found: Reader = request.scope["state"][READER]
    return found


def _answered(endpoint: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """An endpoint that tells its errors as people can read them, and whose answers nobody keeps."""
    from starlette.responses import JSONResponse

    @functools.wraps(endpoint)
    def answer(request: Request) -> Response:
        try:
            response = endpoint(request)
        except QuestionError as error:
            response = JSONResponse({"detail": str(error), "state": "nonsense"}, 422)
        except PreparingError as error:
            response = JSONResponse({"detail": str(error), "state": "preparing"}, 503, {"retry-after": "1"})
        except NothingYetError as error:
            response = JSONResponse({"detail": str(error), "state": "empty"}, 404)
        except LakehouseError as error:
            response = JSONResponse({"detail": str(error), "state": "error"}, 503)
        response.headers["cache-control"] = "no-store"
        return response

    return answer
