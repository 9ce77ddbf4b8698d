"""JSON answers, and the parts of requests that several handlers read."""

from typing import Any
from uuid import UUID

import orjson
from aiohttp import web
from pydantic import BaseModel

API = "/api/v1"


def dumps(data: Any) -> bytes:
    """As JSON; messages and rows with all their fields, times in UTC with a `Z`."""
    return orjson.dumps(data, default=_plain, option=orjson.OPT_UTC_Z)


def json_answer(data: Any, status: int = 200) -> web.Response:
    """A JSON answer that no cache keeps."""
    return web.Response(
        body=dumps(data), status=status, content_type="application/json", headers={"Cache-Control": "no-store"}
    )


def not_found(what: str, name: object) -> web.HTTPNotFound:
    """The answer where an id is unknown; `what` is the kind of thing that it would name."""
    return web.HTTPNotFound(text=f"there is no {what} {str(name)[:100]}")


def image_url(image_id: UUID, part: str = "") -> str:
    """Where an image, or its `thumbnail` or `original`, is found."""
    return f"{API}/images/{image_id}" + (f"/{part}" if part else "")


def _plain(value: object) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(by_alias=True)
    if isinstance(value, UUID):  # asyncpg's own kind, which orjson does not know
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
