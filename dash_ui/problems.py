"""Refusals as problem details (RFC 9457), and bodies that are not too large."""

from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse

PROBLEM = "urn:streamapp:problem:"


def problem(status: int, name: str, title: str, detail: str, retry_after: str = "") -> JSONResponse:
    """A refusal; `retry_after` says in how many seconds it may be tried again."""
    content: dict[str, Any] = {"type": f"{PROBLEM}{name}", "title": title, "status": status, "detail": detail}
    headers = {"Retry-After": retry_after} if retry_after else None
    return JSONResponse(content, status, headers, media_type="application/problem+json")


async def body_of(request: Request, most: int) -> bytes | None:
    """The body of a request, None when it has more bytes than that."""
    if int(request.headers.get("content-length") or 0) > most:
        return None
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most:
            return None
    return bytes(data)
