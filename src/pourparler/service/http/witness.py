"""The routes of a witness (c2sp.org/tlog-witness): the submission prefix and the monitoring prefix are one."""

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from pourparler.core import limits
from pourparler.core.ledger import ADD_CHECKPOINT
from pourparler.core.ledger.witness import TEXT_CONTENT_TYPE
from pourparler.service.http.application import bounded_body
from pourparler.service.witness import Witness

FRESH_SECONDS = 60  # how old what monitors see may be; the protocol allows an hour


def witness_routes(witness: Witness) -> list[BaseRoute]:
    """Return the routes ``POST /add-checkpoint`` and ``GET /<digest of the origin>/checkpoint``."""

    async def add_checkpoint(request: Request) -> Response:
        body = await bounded_body(request, limits.WITNESS_BODY_MAX_BYTES)
        answer = await run_in_threadpool(witness.add_checkpoint, body)
        request.state.said = f"{asked_for(body)} {answer.reason}".strip()
        return typed(answer.body, answer.status, answer.content_type)

    async def checkpoint(request: Request) -> Response:
        note = await run_in_threadpool(witness.shown_at, f"{request.path_params['origin']}/checkpoint")
        if note is None:
            raise HTTPException(404, "nothing was cosigned for this origin")
        return typed(note, 200, TEXT_CONTENT_TYPE, {"Cache-Control": f"max-age={FRESH_SECONDS}"})

    return [
        Route(f"/{ADD_CHECKPOINT}", add_checkpoint, methods=["POST"]),
        Route("/{origin}/checkpoint", checkpoint, methods=["GET"]),
    ]


def typed(body: bytes, status: int, content_type: str, headers: dict[str, str] | None = None) -> Response:
    """Return an answer whose content type is exactly the one that the protocol names."""
    return Response(body, status, {**(headers or {}), "Content-Type": content_type})


def asked_for(body: bytes) -> str:
    """Return origin and sizes of a request, for the log."""
    head, _, note = body.partition(b"\n\n")
    lines = [head.partition(b"\n")[0], *note.split(b"\n", 2)[:2]]
    return " ".join(line[:100].decode("utf-8", "replace") for line in lines)
