"""Stands around the whole page: only an Airflow login with the right to see plugins passes.

A mounted application inherits nothing of Airflow's own checks, and each of its paths, also those that do not exist and
its scripts, has to be closed. Nothing heavy is imported before the first request: schedulers load plugins too.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.responses import Response

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

READER = "kpi_reader"
"""Where the page finds who asks, in a request's state."""
SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """An ASGI application that lets only those through to the page who may see it."""

    def __init__(self, make_app: Callable[[], App], authorize: Callable[[Any], Awaitable[Any]]) -> None:
        """Args:
        make_app: makes the page; called at the first request that passes.
        authorize: gives the reader of a Starlette request, or raises PermissionError: with the HTTP status 401
            or 403 as its errno, and why as its text.
        """
        self._app = functools.cache(make_app)
        self._authorize = authorize

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            # There is none, but what comes later must not pass either.
            await send({"type": "websocket.close", "code": 1008} if scope["type"] == "websocket" else {})
            return
        from starlette.requests import Request

        try:
            reader = await self._authorize(Request(scope))
        except PermissionError as error:
            await _refusal(error.errno or 401, str(error.strerror or error))(scope, receive, _secured(send))
            return
        if scope["method"] not in {"GET", "HEAD"}:
            await _refusal(405, "this page is only read")(scope, receive, _secured(send))
            return
        scope.setdefault("state", {})[READER] = reader
        await self._app()(scope, receive, _secured(send))


def _refusal(status: int, reason: str) -> Response:
    from starlette.responses import JSONResponse

    return JSONResponse({"detail": reason}, status, headers={"cache-control": "no-store"})


def _secured(send: Send) -> Send:
    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            added = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
            message = {**message, "headers": [*message.get("headers", []), *added]}
        await send(message)

    return sent


async def authorize_by_airflow(request: Any) -> Any:
    """The reader whose login a request carries.

    Raises:
        PermissionError: 401 without a login that holds, 403 without the right to see plugins.
    """
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
    from airflow.api_fastapi.core_api.security import resolve_user_from_token
    from fastapi import HTTPException

    from kpi.readers import reader_of

    kind, _, given = request.headers.get("authorization", "").partition(" ")
    # As in Airflow itself: who gives a token means that one, and not the browser's.
    token = given.strip() if kind.lower() == "bearer" else request.cookies.get(COOKIE_NAME_JWT_TOKEN)
    try:
        user = await resolve_user_from_token(token)
    except HTTPException as error:
        raise PermissionError(401, "log in to Airflow to see this page") from error
    if not get_auth_manager().is_authorized_view(access_view=AccessView.PLUGINS, user=user):
        raise PermissionError(403, "your Airflow role may not see plugins, and so not this page")
    return reader_of(user)
