"""The API over HTTP: the one place of the dashboard that knows its paths."""

import json
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

API = "/api/v1"
#: The variable with the API key or token that the API asks for.
TOKEN = "STREAMAPP_API_TOKEN"
# The API sends statistics every second, so a stream that says nothing for this long is broken.
SILENCE_S = 20
ANSWER_S = 10
CONNECT_S = 3
MAX_EVENT_BYTES = 1 << 20
NO_FIELDS: Mapping[str, str] = {}


class ApiDown(Exception):
    """The API does not answer; the text says why."""


class ApiProblem(Exception):
    """The API refused a request (RFC 9457 problem details); `name` is the last part of the problem's type."""

    def __init__(self, status: int, title: str, detail: str, name: str = "") -> None:
        super().__init__(f"{status} {title}: {detail}" if detail else f"{status} {title}")
        self.status, self.title, self.detail, self.name = status, title, detail, name


class Api:
    """A client of the API at `url`; use it as an async context manager."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Api":
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=ANSWER_S, connect=CONNECT_S),
            read_bufsize=MAX_EVENT_BYTES,
            headers={"Authorization": f"Bearer {token}"} if (token := os.environ.get(TOKEN)) else None,
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def newest(self, limit: int) -> list[dict[str, Any]]:
        """The newest images with predictions and verdicts, newest first."""
        page = await self._json(f"{API}/images", limit=str(limit))
        return list(page["images"])

    async def stats(self, window: str) -> dict[str, Any]:
        """The figures of every model over a window."""
        return await self._json(f"{API}/stats", window=window)

    async def models(self) -> list[dict[str, Any]]:
        """What each model worker serves."""
        return list((await self._json(f"{API}/models"))["models"])

    async def picture(self, image_id: str, size: str) -> tuple[bytes, str]:
        """The bytes and content type of an image; `size` is `thumbnail` or `original`."""
        async with self._request("GET", f"{API}/images/{image_id}/{size}") as response:
            return await response.read(), response.content_type

    async def upload(self, name: str, data: bytes, fields: Mapping[str, str] = NO_FIELDS) -> dict[str, Any]:
        """Send one image, with `source` and `camera_id` where it has them; the API's answer names the accepted image.

        Raises:
            ApiProblem: the API refuses the image; title and detail say why.
        """
        form = aiohttp.FormData(quote_fields=False)
        for field, value in fields.items():
            form.add_field(field, value)
        form.add_field("file", data, filename=name, content_type="application/octet-stream")
        async with self._request("POST", f"{API}/images", data=form) as response:
            return dict(await response.json())

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
        """The stream of events: entered once it is open, it yields (event, data) until it ends.

        Raises:
            ApiDown: the API cannot be reached, or the stream breaks or falls silent.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=SILENCE_S)
        async with self._request("GET", f"{API}/events", timeout=timeout) as response:
            yield parse_events(response.content)

    async def get(self, path: str, params: Iterable[tuple[str, str]] = ()) -> Any:
        """The JSON answer to a GET."""
        async with self._request("GET", path, params=list(params)) as response:
            return await response.json()

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON answer to a POST of JSON."""
        async with self._request("POST", path, json=dict(body)) as response:
            return await response.json()

    async def _json(self, path: str, **params: str) -> dict[str, Any]:
        return dict(await self.get(path, params.items()))

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
        name = str(body.get("type") or "").rpartition(":")[2]
        return ApiProblem(response.status, str(body["title"]), str(body.get("detail") or ""), name)
    except (ValueError, KeyError, TypeError, AttributeError):
        return ApiProblem(response.status, response.reason or "error", "")
