"""Plain HTTP beside the live connection: pictures, uploads, health. The browser talks to one origin only."""

from typing import Annotated, Any
from urllib.parse import unquote
from uuid import UUID

from fastapi import FastAPI, Header, Request
from fastapi.responses import JSONResponse, Response

from dash_ui import distributions, past
from dash_ui.client import ApiDown, ApiProblem
from dash_ui.hub import Hub

PROBLEM = "urn:streamapp:problem:"
MAX_UPLOAD_BYTES = 10 * 1024 * 1024
# An image never changes under its id.
FOREVER = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}

#: What can be saved as CSV: which answer of the API, and how it is written.
EXPORTS = {"history": (past.ask, past.csv), "distributions": (distributions.ask, distributions.csv)}


def add_routes(server: FastAPI, hub: Hub) -> None:
    """Add the routes; called before Dash adds its own, which catch every path."""

    @server.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok", "api": hub.board.link.state}

    @server.get("/thumb/{image_id}")
    async def thumb(image_id: UUID) -> Response:
        data, content_type = await hub.pictures.thumbnail(str(image_id))
        return Response(data, media_type=content_type, headers=FOREVER)

    @server.get("/original/{image_id}")
    async def original(image_id: UUID) -> Response:
        data, content_type = await hub.api.picture(str(image_id), "original")
        return Response(data, media_type=content_type, headers=FOREVER)

    @server.get("/export.csv")
    async def export(window: str, figures: str = "history") -> Response:
        if window not in past.WINDOWS or figures not in EXPORTS:
            known = f"window is one of {', '.join(past.WINDOWS)}, figures one of {', '.join(EXPORTS)}"
            return _problem(400, "unknown-window", "No such figures", known)
        asked, written = EXPORTS[figures]
        ask = asked(window)
        lines = written(await hub.api.get(ask.path, ask.params))
        return Response("".join(lines), media_type="text/csv", headers={"Cache-Control": "no-store"})

    # The header is also what keeps other sites out: a browser does not send it across origins unasked.
    @server.post("/upload")
    async def upload(
        request: Request, x_filename: Annotated[str, Header()], x_camera: Annotated[str, Header()] = ""
    ) -> Response:
        data = await _body(request)
        if data is None:
            return _problem(413, "too-large", "The file is too large", "an image may have at most 10 MB")
        fields = {"source": "webcam", "camera_id": unquote(x_camera)} if x_camera else {}
        answer = await hub.api.upload(unquote(x_filename), data, fields)
        return JSONResponse({"image_id": answer["images"][0]["image_id"]}, 202)

    _add_problems(server)


def _add_problems(server: FastAPI) -> None:
    """What the API refuses, or that it is away, is an answer too."""

    @server.exception_handler(ApiProblem)
    async def refused(_request: Request, problem: Exception) -> Response:
        assert isinstance(problem, ApiProblem)
        return _problem(problem.status, problem.name, problem.title, problem.detail)

    @server.exception_handler(ApiDown)
    async def down(_request: Request, error: Exception) -> Response:
        return _problem(502, "api-down", "The API does not answer", f"{error}; try again when the page is live")


async def _body(request: Request) -> bytes | None:
    """The body of a request, None when it is larger than an upload may be."""
    if int(request.headers.get("content-length") or 0) > MAX_UPLOAD_BYTES:
        return None
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_UPLOAD_BYTES:
            return None
    return bytes(data)


def _problem(status: int, name: str, title: str, detail: str) -> JSONResponse:
    """Problem details (RFC 9457)."""
    content: dict[str, Any] = {"type": f"{PROBLEM}{name}", "title": title, "status": status, "detail": detail}
    return JSONResponse(content, status, media_type="application/problem+json")
