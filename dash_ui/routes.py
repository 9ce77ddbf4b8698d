"""Plain HTTP beside the live connection: pictures, uploads, health. The browser talks to one origin only."""

from typing import Annotated
from urllib.parse import unquote
from uuid import UUID

from fastapi import FastAPI, Header, Request
from fastapi.responses import JSONResponse, Response

from dash_ui import distributions, matrices, past, totals
from dash_ui.client import ApiDown, ApiProblem
from dash_ui.hub import Hub
from dash_ui.problems import body_of, problem

MAX_UPLOAD_BYTES = 10 * 1024 * 1024
# An image never changes under its id; who has signed out does not get it from the browser's memory.
FOREVER = {"Cache-Control": "private, max-age=31536000, immutable", "Vary": "Cookie"}

#: What can be saved as CSV: which answer of the API, and how it is written.
EXPORTS = {
    "history": (past.ask, past.csv),
    "distributions": (distributions.ask, distributions.csv),
    "plane": (past.ask, totals.csv),
    **{name: (matrices.ask, matrices.csv(name)) for name in matrices.TABLES},
}


def add_routes(server: FastAPI, hub: Hub) -> None:
    """Add the routes; called before Dash adds its own, which catch every path."""

    @server.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok", "api": hub.board.link.state}

    @server.get("/thumb/{image_id}")
    async def thumb(image_id: UUID) -> Response:
        data, content_type = await hub.pictures.get(str(image_id))
        return Response(data, media_type=content_type, headers=FOREVER)

    @server.get("/original/{image_id}")
    async def original(image_id: UUID) -> Response:
        data, content_type = await hub.pictures.get(str(image_id), "original")
        return Response(data, media_type=content_type, headers=FOREVER)

    @server.get("/export.csv")
    async def export(window: str, figures: str = "history") -> Response:
        if window not in past.WINDOWS or figures not in EXPORTS:
            return problem(
                400,
                "unknown-window",
                "No such figures",
                f"window is one of {', '.join(past.WINDOWS)}, figures one of {', '.join(EXPORTS)}",
            )
        asked, written = EXPORTS[figures]
        ask = asked(window)
        lines = written(await hub.mine().get(ask.path, ask.params))
        return Response("".join(lines), media_type="text/csv", headers={"Cache-Control": "no-store"})

    # The header is also what keeps other sites out: a browser does not send it across origins unasked.
    @server.post("/upload")
    async def upload(
        request: Request, x_filename: Annotated[str, Header()], x_camera: Annotated[str, Header()] = ""
    ) -> Response:
        data = await body_of(request, MAX_UPLOAD_BYTES)
        if data is None:
            return problem(413, "too-large", "The file is too large", "an image may have at most 10 MB")
        fields = {"source": "webcam", "camera_id": unquote(x_camera)} if x_camera else {}
        answer = await hub.mine().upload(unquote(x_filename), data, fields)
        return JSONResponse({"image_id": answer["images"][0]["image_id"]}, 202)

    _add_problems(server)


def _add_problems(server: FastAPI) -> None:
    """What the API refuses, or that it is away, is an answer too."""

    @server.exception_handler(ApiProblem)
    async def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiProblem)
        return problem(error.status, error.name, error.title, error.detail, error.retry_after)

    @server.exception_handler(ApiDown)
    async def down(_request: Request, error: Exception) -> Response:
        return problem(502, "api-down", "The API does not answer", f"{error}; try again when the page is live")
