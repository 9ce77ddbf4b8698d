"""One upload to `POST /api/v1/images`, tried again while the API is away or busy."""

import asyncio
import time
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from uuid import uuid4

import aiohttp

from streamapp.errors import ApiError, ImageRejected
from streamapp.ingest.target import credentials
from streamapp.records import Source

#: How long an API that has never answered is waited for, and one that has answered before, in seconds.
FIRST_CONTACT_S = 15.0
PATIENCE_S = 300.0
FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 5.0
REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=60, connect=5)

BUSY = (429, 502, 503, 504)
#: Statuses that speak of the one file; any other refusal speaks of the request, and repeating it is of no use.
FILE_REFUSED = (400, 413, 415, 422)


@dataclass(frozen=True)
class Picture:
    """An image on its way: an encoded file, its name for messages, where it comes from, and its class if known."""

    data: bytes
    filename: str
    source: Source = "upload"
    label: str | None = None
    camera_id: str | None = None


class Uploader:
    """Posts pictures to the API."""

    def __init__(self, api_url: str) -> None:
        self.api_url = api_url
        self.retries = 0
        self._answered = False
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Uploader":
        self._session = aiohttp.ClientSession(timeout=REQUEST_TIMEOUT, headers=credentials())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The open HTTP session."""
        assert self._session is not None, "use `async with Uploader(…)`"
        return self._session

    async def send(self, picture: Picture) -> str:
        """Upload one picture and return its image id, waiting while the API is away or busy.

        Every try has the same request key, so a connection that breaks after the API took the picture makes no second
        image of it (while the API has its cache).

        Raises:
            ImageRejected: the API refuses this file.
            ApiError: the API stays away, or refuses the request whatever the file.
        """
        url, key = f"{self.api_url}/api/v1/images", {"Idempotency-Key": uuid4().hex}
        started, delay = time.monotonic(), FIRST_DELAY_S
        while True:
            try:
                async with self.session.post(url, data=form(picture), headers=key) as answer:
                    self._answered = True
                    if answer.status not in BUSY:
                        return await _image_id(answer)
                    problem = await reason(answer)
                    delay = max(delay, _retry_after(answer))
            except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
                raise ApiError(f"--api-url must be http(s)://host:port, not {self.api_url!r}") from None
            except (aiohttp.ClientError, TimeoutError) as error:  # an answer that breaks off may be an acceptance
                problem = str(error) or "no answer in time"
            if time.monotonic() - started + delay > (PATIENCE_S if self._answered else FIRST_CONTACT_S):
                raise ApiError(f"the API at {self.api_url} does not take images: {problem}{self._hint()}")
            self.retries += 1
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_DELAY_S)

    def _hint(self) -> str:
        return "" if self._answered else "; start the platform with `streamapp up`, or give its --api-url"


def form(picture: Picture) -> aiohttp.FormData:
    """The form of an upload; one of its own for every try, since aiohttp sends a form once."""
    fields = aiohttp.FormData(quote_fields=False)
    for name in ("source", "label", "camera_id"):
        if (value := getattr(picture, name)) is not None:
            fields.add_field(name, value)
    fields.add_field("file", BytesIO(picture.data), filename=picture.filename, content_type="application/octet-stream")
    return fields


async def _image_id(answer: aiohttp.ClientResponse) -> str:
    """The image id of an accepted upload.

    Raises:
        ImageRejected: the file was refused.
        ApiError: the answer is no acceptance and says nothing about the file.
    """
    if answer.status == 202:
        try:
            return str((await answer.json())["images"][0]["image_id"])
        except (ValueError, LookupError, TypeError):
            raise ApiError(f"{answer.url} answered 202 without an image id") from None
    problem = await reason(answer)
    if answer.status in FILE_REFUSED:
        raise ImageRejected(problem)
    raise ApiError(f"{answer.url} answered {answer.status}: {problem}")


async def reason(answer: aiohttp.ClientResponse) -> str:
    """Why the API refused, in words: the `detail` of its problem document, or the status line."""
    if answer.content_type == "application/problem+json":
        problem: dict[str, Any] = await answer.json(content_type=None)
        return str(problem.get("detail") or problem.get("title"))
    return f"{answer.status} {answer.reason}"


def _retry_after(answer: aiohttp.ClientResponse) -> float:
    """Seconds that the API asks to wait, within our bounds; dates, which our API never sends, count as none."""
    text = answer.headers.get("Retry-After", "")
    return min(float(text), LONGEST_DELAY_S) if text.isdigit() else 0.0
