"""The API over HTTP: the one place of the dashboard that knows its paths."""

import json
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from copy import copy
from typing import Any, Protocol

import aiohttp

API = "/api/v1"
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

    def __init__(self, status: int, title: str, detail: str, name: str = "", retry_after: str = "") -> None:
        super().__init__(f"{status} {title}: {detail}" if detail else f"{status} {title}")
        self.status, self.title, self.detail, self.name, self.retry_after = status, title, detail, name, retry_after


class Keys(Protocol):
    """Who knows the keys: gives the one to ask with, and is told what the API thinks of it."""

    def key(self) -> str | None:
        """An API key or token; None: ask without."""

    def answered(self, key: str | None) -> None:
        """The API has answered a request with this key."""

    def refused(self, key: str | None) -> None:
        """The API has answered 401 to a request with this key."""


class Api:
    """A client of the API at `url`; use it as an async context manager. Without `keys` it asks without one."""

    def __init__(self, url: str, keys: Keys | None = None) -> None:
        self.url = url.rstrip("/")
        self._keys = keys
        self._key: Callable[[], str | None] = keys.key if keys else lambda: None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Api":
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=ANSWER_S, connect=CONNECT_S),
            read_bufsize=MAX_EVENT_BYTES,
        )
        return self

    def of(self, key: str | None) -> "Api":
        """The same client, asking with this key."""
        other = copy(self)
        other._key = lambda: key
        return other

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

    async def post(self, path: str, body: Mapping[str, Any], within_s: float = ANSWER_S) -> Any:
        """The JSON answer to a POST of JSON, which may take so many seconds."""
        timeout = aiohttp.ClientTimeout(total=within_s, connect=CONNECT_S)
        async with self._request("POST", path, json=dict(body), timeout=timeout) as response:
            return await response.json()

    async def delete(self, path: str, params: Iterable[tuple[str, str]] = ()) -> Any:
        """The JSON answer to a DELETE."""
        async with self._request("DELETE", path, params=list(params)) as response:
            return await response.json()

    async def _json(self, path: str, **params: str) -> dict[str, Any]:
        return dict(await self.get(path, params.items()))

    @asynccontextmanager
    async def _request(self, method: str, path: str, **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request whose failures are errors of this module."""
        if self._session is None:
            raise RuntimeError("Api must be entered before it is used")
        key = self._key()
        headers = {"Authorization": f"Bearer {key}"} if key else None
        try:
            async with self._session.request(method, self.url + path, headers=headers, **options) as response:
                if self._keys and response.status == 401:
                    self._keys.refused(key)
                if response.status >= 400:
                    raise await _problem(response)
                if self._keys:
                    self._keys.answered(key)
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
    after = response.headers.get("Retry-After", "")
    try:
        body = await response.json(content_type=None)
        name = str(body.get("type") or "").rpartition(":")[2]
        return ApiProblem(response.status, str(body["title"]), str(body.get("detail") or ""), name, after)
    except (ValueError, KeyError, TypeError, AttributeError):
        return ApiProblem(response.status, response.reason or "error", "", retry_after=after)
