"""Pictures for readers: nothing for who has them already, a part for who wants one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from streamapp.errors import StoreUnavailable
from streamapp.web.problems import Problem

#: A reader who takes nothing for this long is dropped, in seconds.
WRITE_TIMEOUT_S = 30.0
#: A picture never changes under its id.
HEADERS = {"Cache-Control": "private, max-age=86400, immutable", "X-Content-Type-Options": "nosniff"}


class Open(Protocol):
    """Opens the pieces of a file, or of `length` bytes of it from `offset`."""

    def __call__(self, offset: int, length: int) -> AbstractAsyncContextManager[AsyncIterator[bytes]]: ...  # noqa: D102


@dataclass(frozen=True)
class File:
    """A file that is sent as it is stored, to be saved under `name` where it has one. `size` in bytes."""

    name: str
    etag: str
    size: int
    content_type: str
    open: Open


def not_modified(request: web.Request, etag: str) -> web.Response | None:
    """The answer for a reader who has what `etag` stands for (without its quotes)."""
    known = request.if_none_match or ()
    if not any(tag.value in ("*", etag) for tag in known):
        return None
    return web.Response(status=304, headers={"ETag": f'"{etag}"', "Cache-Control": HEADERS["Cache-Control"]})


def picture(data: bytes, content_type: str, etag: str) -> File:
    """A picture that is in memory, to be shown."""

    @asynccontextmanager
    async def opened(offset: int, length: int) -> AsyncIterator[AsyncIterator[bytes]]:
        async def pieces() -> AsyncIterator[bytes]:
            yield data[offset : offset + length]

        yield pieces()

    return File("", etag, len(data), content_type, opened)


async def send(request: web.Request, file: File) -> web.StreamResponse:
    """Send a file, or the part of it that is asked for; raises what opening it raises."""
    if (known := not_modified(request, file.etag)) is not None:
        return known
    part = _part(request, file)
    if part is None:
        answer = Problem(416, "range", "There is no such part", f"the picture has {file.size} bytes").answer()
        answer.headers["Content-Range"] = f"bytes */{file.size}"
        return answer
    if request.method == "HEAD":
        return _head(file, part)
    async with file.open(part.start, len(part)) as pieces:
        stream = _head(file, part)
        await _write(request, stream, pieces)
        return stream


def _part(request: web.Request, file: File) -> range | None:
    """The bytes that are asked for; None where there are none. A range that cannot be understood is left out."""
    whole = range(file.size)
    if request.headers.get("If-Range", f'"{file.etag}"') != f'"{file.etag}"':
        return whole
    try:
        asked = request.http_range
    except ValueError:
        return whole
    return whole[asked.start : asked.stop] or None


def _head(file: File, part: range) -> web.StreamResponse:
    whole = len(part) == file.size
    answer = web.StreamResponse(status=200 if whole else 206, headers=HEADERS)
    answer.headers["ETag"] = f'"{file.etag}"'
    answer.headers["Accept-Ranges"] = "bytes"
    if file.name:
        answer.headers["Content-Disposition"] = f'attachment; filename="{file.name}"'
    if not whole:
        answer.headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{file.size}"
    answer.content_type = file.content_type
    answer.content_length = len(part)
    return answer


async def _write(request: web.Request, answer: web.StreamResponse, pieces: AsyncIterator[bytes]) -> None:
    """Send piece after piece. What ends in the middle ends the connection: nobody takes half of it for the whole."""
    await answer.prepare(request)
    try:
        async for piece in pieces:
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await answer.write(piece)
    except ConnectionError:  # the reader has left
        pass
    except (StoreUnavailable, TimeoutError):
        if request.transport is not None:
            request.transport.abort()
