"""The routes of a static view: whatever answers for a path with bytes, such as a ledger as tiles, over HTTP."""

from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

IMMUTABLE = "public, max-age=31536000, immutable"
PASSING = "max-age=5"


class Resource(Protocol):
    """What is served at a path: its bytes, its media type, and whether it will stay the same for ever."""

    @property
    def data(self) -> bytes:
        """The bytes."""

    @property
    def content_type(self) -> str:
        """The media type, as the header has it."""

    @property
    def immutable(self) -> bool:
        """Whether nobody need ask again."""


class View(Protocol):
    """What answers for paths; safe to use from several threads."""

    def resource(self, path: str) -> Resource | None:
        """Return what is served at a path, which has no slash before it, or None. Raises :class:`StoreError`."""


def static_routes(view: View) -> list[BaseRoute]:
    """Return the one route that serves everything a view has; anybody's page may read it (CORS)."""

    async def serve(request: Request) -> Response:
        found = await run_in_threadpool(view.resource, request.path_params["path"])
        if found is None:
            raise HTTPException(404, "there is nothing here", {"Access-Control-Allow-Origin": "*"})
        headers = {
            "Content-Type": found.content_type,
            "Cache-Control": IMMUTABLE if found.immutable else PASSING,
            "Access-Control-Allow-Origin": "*",
            "X-Content-Type-Options": "nosniff",
        }
        return Response(found.data, 200, headers)

    return [Route("/{path:path}", serve, methods=["GET"])]
