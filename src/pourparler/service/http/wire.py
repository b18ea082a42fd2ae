"""The routes of a node on the wire: messages are posted, and messages come back (``spec/exchange.md`` section 9)."""

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from pourparler.core import limits
from pourparler.core.errors import Malformed
from pourparler.service.http.application import bounded_body
from pourparler.service.wire import CONTENT_TYPE, EXCHANGE, HEADS, Desk

UNKEPT = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def wire_routes(desk: Desk) -> list[BaseRoute]:
    """Return the routes ``POST /exchange`` and ``GET /heads``."""

    async def exchange(request: Request) -> Response:
        body = await bounded_body(request, limits.EXCHANGE_BATCH_MAX_BYTES)
        peer = request.client.host if request.client else ""
        try:
            answer = await run_in_threadpool(desk.answer, body, peer)
        except Malformed as error:
            raise HTTPException(400, str(error)) from None
        request.state.said = f"{len(body)} bytes, answered with {len(answer)}"
        return Response(answer, 200, UNKEPT, CONTENT_TYPE)

    async def heads(_request: Request) -> Response:
        return Response(await run_in_threadpool(desk.heads), 200, UNKEPT, CONTENT_TYPE)

    return [Route(f"/{EXCHANGE}", exchange, methods=["POST"]), Route(f"/{HEADS}", heads, methods=["GET"])]
