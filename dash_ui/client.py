"""The API over HTTP: the one place of the dashboard that knows its paths."""

import json
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

# The API sends statistics every second, so a stream that says nothing for this long is broken.
SILENCE_S = 20
ANSWER_S = 10
CONNECT_S = 3
MAX_EVENT_BYTES = 1 << 20


class ApiDown(Exception):
    """The API does not answer; the text says why."""


class ApiProblem(Exception):
    """The API refused a request (RFC 9457 problem details)."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(f"{status} {title}: {detail}" if detail else f"{status} {title}")
        self.status, self.title, self.detail = status, title, detail


class Api:
    """A client of the API at `url`; use it as an async context manager."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Api":
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=ANSWER_S, connect=CONNECT_S), read_bufsize=MAX_EVENT_BYTES
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def newest(self, limit: int) -> list[dict[str, Any]]:
        """The newest images with predictions and verdicts, newest first."""
        page = await self._json("/api/v1/images", limit=str(limit))
        return list(page["images"])

    async def image(self, image_id: str) -> dict[str, Any]:
        """One image with its predictions and verdict.

        Raises:
            ApiProblem: status 404 when there is no such image.
        """
        return await self._json(f"/api/v1/images/{image_id}")

    async def stats(self, window: str) -> dict[str, Any]:
        """The figures of every model over a window."""
        return await self._json("/api/v1/stats", window=window)

    async def models(self) -> list[dict[str, Any]]:
        """What each model worker serves."""
        return list((await self._json("/api/v1/models"))["models"])

    async def picture(self, image_id: str, size: str) -> tuple[bytes, str]:
        """The bytes and content type of an image; `size` is `thumbnail` or `original`."""
        async with self._request("GET", f"/api/v1/images/{image_id}/{size}") as response:
            return await response.read(), response.content_type

    async def upload(self, name: str, data: bytes) -> dict[str, Any]:
        """Send one image; the API's answer names the accepted image.

        Raises:
            ApiProblem: the API refuses the image; title and detail say why.
        """
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("file", data, filename=name, content_type="application/octet-stream")
        async with self._request("POST", "/api/v1/images", data=form) as response:
            return dict(await response.json())

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
        """The stream of events: entered once it is open, it yields (event, data) until it ends.

        Raises:
            ApiDown: the API cannot be reached, or the stream breaks or falls silent.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=SILENCE_S)
        async with self._request("GET", "/api/v1/events", timeout=timeout) as response:
            yield parse_events(response.content)

    async def _json(self, path: str, **params: str) -> dict[str, Any]:
        async with self._request("GET", path, params=params) as response:
            return dict(await response.json())

    @asynccontextmanager
    async def _request(self, method: str, path: str, **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request whose failures are errors of this module."""
        if self._session is None:
            raise RuntimeError("Api must be entered before it is used")
        try:
            async with self._session.request(method, self.url + path, **options) as response:
                if response.status >= 400:
                    raise await _problem(response)
                yield response
        except (aiohttp.ClientError, OSError) as error:
            raise ApiDown(str(error) or type(error).__name__) from None


async def parse_events(lines: AsyncIterable[bytes]) -> AsyncIterator[tuple[str, Any]]:
    """Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) with JSON data."""
    event, data = "message", list[str]()
    async for raw in lines:
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if line == "":
            if data:
                yield event, json.loads("\n".join(data))
            event, data = "message", []
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "event":
                event = value
            elif name == "data":
                data.append(value)


async def _problem(response: aiohttp.ClientResponse) -> ApiProblem:
    """The refusal in the API's own words, or in HTTP's where it has none."""
    try:
        body = await response.json(content_type=None)
        return ApiProblem(response.status, str(body["title"]), str(body.get("detail") or ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ApiProblem(response.status, response.reason or "error", "")
