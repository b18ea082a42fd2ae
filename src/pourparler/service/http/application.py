"""The application: routes by role, one log line a request, answers that say no more than they must."""

import logging
import time
from collections.abc import Iterable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pourparler.ports import StoreError

LENGTH_DIGITS_MAX = 19  # of a Content-Length; a longer one is not worth reading

log = logging.getLogger("pourparler.http")


def application(*roles: Iterable[BaseRoute], prefix: str = "") -> ASGIApp:
    """Return the ASGI application that serves these roles' routes below ``prefix`` (``/x``, or nothing)."""
    routes: Sequence[BaseRoute] = [route for role in roles for route in role]
    served = Starlette(
        routes=[Mount(prefix, routes=routes)] if prefix else routes,
        exception_handlers={HTTPException: told, ClientDisconnect: hung_up, StoreError: failed, OSError: failed},
    )
    return Logged(served)


async def told(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers)


async def hung_up(request: Request, _error: Exception) -> Response:
    """Answer a client that broke off within its request, or sent what is no body: it is not there to read it."""
    request.state.said = "broke off within the request"
    return PlainTextResponse("the request broke off\n", 400)


async def failed(_request: Request, error: Exception) -> Response:
    """Answer where the medium or a key failed: nothing was stored, so the request may be sent again."""
    log.error("%s", error)
    return PlainTextResponse("this service cannot store or sign at the moment\n", 503, {"Retry-After": "60"})


async def bounded_body(request: Request, most: int) -> bytes:
    """Return the body of a request. Raises :class:`HTTPException` (413) past ``most`` bytes, however they are sent."""
    stated = request.headers.get("content-length", "0")
    if stated.isdecimal() and (len(stated) > LENGTH_DIGITS_MAX or int(stated) > most):
        raise HTTPException(413, f"at most {most} bytes")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise HTTPException(413, f"at most {most} bytes")
    return bytes(body)


class Logged:
    """Logs each request when it is answered: address, what was asked, status, milliseconds; and why, where a route has
    put ``said`` into the request's state."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.monotonic(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        scope.setdefault("state", {})
        try:
            await self.app(scope, receive, watched)
        finally:
            whose = (scope.get("client") or ("-",))[0]
            took = round((time.monotonic() - began) * 1_000)
            asked = printable(f"{scope['method']} {scope['path']}")
            log.info("%s %s %s %d ms %s", whose, asked, status, took, printable(scope["state"].get("said", "")))


def printable(text: str) -> str:
    """Return text for one line of a log or a terminal, whatever a stranger sent."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)[:300]
