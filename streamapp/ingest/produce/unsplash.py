"""Random photographs of Unsplash, by its API and its terms: 50 requests an hour, downloads reported, authors named."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

from streamapp.errors import SourceError
from streamapp.ingest.produce.budget import HourlyBudget
from streamapp.ingest.produce.client import Picture

API = "https://api.unsplash.com"
KEY_VARIABLE = "UNSPLASH_ACCESS_KEY"
#: Another address of the API: a proxy, or the tests' own server.
API_VARIABLE = "UNSPLASH_API_URL"
#: Requests that a demo application may make in an hour (https://unsplash.com/documentation#rate-limiting).
REQUESTS_PER_HOUR = 50
#: Photographs that one request for random ones may bring.
BATCH = 30
TIMEOUT = aiohttp.ClientTimeout(total=30, connect=5)
TRIES = 5
FIRST_DELAY_S = 1.0
#: The longest sleep before the budget is looked at again.
LONGEST_WAIT_S = 60.0


class Unsplash:
    """A client of the Unsplash API. Files come from another host, whose requests are not counted."""

    def __init__(
        self, key: str, budget: HourlyBudget, say: Callable[[str], None], *, query: str = "", api: str = API
    ) -> None:
        """Check that there is a key.

        Raises:
            SourceError: there is none; the text says where to get it.
        """
        if not key:
            raise SourceError(f"set {KEY_VARIABLE} to an access key from https://unsplash.com/developers")
        self._headers = {"Authorization": f"Client-ID {key}", "Accept-Version": "v1"}
        self._budget = budget
        self._say = say
        self._params = {"count": str(BATCH)} | ({"query": query} if query else {})
        self._api = api

    async def pictures(self) -> AsyncGenerator[Picture]:
        """Photographs without end, as fast as the hourly budget allows.

        Raises:
            SourceError: the key is refused, or Unsplash does not answer as documented.
        """
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            while True:
                for photo in await self._batch(session):
                    await self._ask(session, photo.download_location, {})  # their terms ask for this
                    answer = await _get(session, photo.url, {}, {})
                    if answer.status != 200:
                        raise SourceError(f"Unsplash's image server answered {answer.status} for {photo.url}")
                    self._say(f"Photo by {photo.author} on Unsplash: {photo.page}")
                    yield Picture(answer.body, f"{photo.id}.jpg", "unsplash")

    async def _batch(self, session: aiohttp.ClientSession) -> list["Photo"]:
        body = await self._ask(session, f"{self._api}/photos/random", self._params)
        try:
            return [Photo.of(entry) for entry in json.loads(body)]
        except (ValueError, KeyError, TypeError) as error:
            raise SourceError(f"Unsplash answered something else than a list of photographs: {error!r}") from error

    async def _ask(self, session: aiohttp.ClientSession, url: str, params: dict[str, str]) -> bytes:
        """One counted request, once the budget allows it."""
        while True:
            await self._turn()
            self._budget.spend()
            answer = await _get(session, url, params, self._headers)
            if answer.status == 200:
                return answer.body
            if not answer.used_up:
                raise SourceError(_refusal(answer.status))
            self._budget.exhaust()

    async def _turn(self) -> None:
        told = False
        while (wait_s := self._budget.wait_s()) > 0:
            if not told:
                self._say(f"{REQUESTS_PER_HOUR} requests in the last hour; the next one in {wait_s / 60:.0f} min")
                told = True
            await asyncio.sleep(min(wait_s, LONGEST_WAIT_S))


@dataclass(frozen=True)
class Photo:
    """What is used of a photograph's description."""

    id: str
    url: str
    download_location: str
    author: str
    page: str

    @classmethod
    def of(cls, entry: Any) -> "Photo":
        """From an entry of the API's answer (https://unsplash.com/documentation#get-a-random-photo)."""
        links = entry["links"]
        return cls(
            entry["id"], entry["urls"]["regular"], links["download_location"], entry["user"]["name"], links["html"]
        )


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; `used_up`: it says that the hour's requests are spent."""

    status: int
    body: bytes
    used_up: bool


async def _get(session: aiohttp.ClientSession, url: str, params: dict[str, str], headers: dict[str, str]) -> Answer:
    """A GET, tried again while the connection fails.

    Raises:
        SourceError: it failed to the last.
    """
    delay = FIRST_DELAY_S
    for left in reversed(range(TRIES)):
        try:
            async with session.get(url, params=params, headers=headers) as answer:
                used_up = answer.status in (403, 429) and answer.headers.get("X-Ratelimit-Remaining", "0") == "0"
                return Answer(answer.status, await answer.read(), used_up)
        except (aiohttp.ClientError, TimeoutError) as error:
            if not left:
                raise SourceError(f"Unsplash does not answer: {error or 'timeout'}") from error
        await asyncio.sleep(delay)
        delay *= 2
    raise AssertionError("the last try returns or raises")


def _refusal(status: int) -> str:
    if status == 401:
        return f"Unsplash refuses the key in {KEY_VARIABLE}"
    return f"Unsplash answered {status}"
