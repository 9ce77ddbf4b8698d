"""Was every accepted image answered exactly once by every model? By the platform's own ledger, and image by image."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from streamapp.commands.ledger import read
from streamapp.ingest.target import credentials

PAGE = 100
#: Longest wait until nothing moves, and until the live figures, which come a moment later, are those that are stored.
IDLE_S, FIGURES_S = 60.0, 15.0


@dataclass(frozen=True)
class Ledger:
    """The platform's ledger at the end of a measurement, against what its client remembers.

    Attributes:
        acknowledged: images that the API acknowledged to us.
        books: the ledger, as `GET /api/v1/ledger` tells it.
        faults: what is wrong with single images, by kind; empty when each has its answers exactly once.
    """

    acknowledged: int
    books: dict[str, Any]
    faults: dict[str, int]

    @property
    def exact(self) -> bool:
        """Nothing is lost and nothing is double, in the stores and in the live figures."""
        return self.books["adds_up"] is True and agrees(self.books) and not self.faults


async def ledger(api_url: str, acknowledged: Sequence[str], models: Sequence[str]) -> Ledger:
    """Ask the API, once nothing moves any more."""
    url, deadline = f"{api_url}/api/v1/ledger", time.monotonic() + FIGURES_S
    while not agrees(books := await read(url, IDLE_S)) and time.monotonic() < deadline:  # noqa: ASYNC110  # it changes elsewhere
        await asyncio.sleep(0.5)
    async with aiohttp.ClientSession(api_url, headers=credentials()) as session:
        return Ledger(len(acknowledged), books, await _faults(session, acknowledged, sorted(models)))


def agrees(books: dict[str, Any]) -> bool:
    """Whether the live figures of every model are those of its stored outcomes."""
    return all(account["live"]["agrees"] for account in books["models"])


async def _faults(session: aiohttp.ClientSession, acknowledged: Sequence[str], models: list[str]) -> dict[str, int]:
    """Look at every acknowledged image through the API, newest first."""
    left, faults, cursor = set(acknowledged), Counter[str](), ""
    faults["acknowledged twice"] = len(acknowledged) - len(left)
    while left and cursor is not None:
        query = {"limit": str(PAGE)} | ({"before": cursor} if cursor else {})
        async with session.get("/api/v1/images", params=query, raise_for_status=True) as answer:
            page: dict[str, Any] = await answer.json()
        cursor = page["next"]
        for entry in page["images"]:
            if entry["image"]["image_id"] in left:
                left.remove(entry["image"]["image_id"])
                answered = sorted(prediction["model"] for prediction in entry["predictions"])
                faults["not each model exactly once"] += answered != models
                faults["no complete verdict"] += not (entry["verdict"] and entry["verdict"]["complete"])
    faults["unknown to the API"] = len(left)
    return {kind: count for kind, count in faults.items() if count}
