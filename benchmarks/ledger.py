"""Was every accepted image answered exactly once by every model? Asked of PostgreSQL and of the API."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from streamapp.storage.views import Counts

PAGE = 100


@dataclass(frozen=True)
class Ledger:
    """What was stored between two counts, against what was acknowledged.

    Attributes:
        acknowledged: images that the API acknowledged to us.
        accepted: images in PostgreSQL.
        outcomes: predictions and dead letters in PostgreSQL, by model.
        expected: outcomes there must be: one for each accepted image and model.
        faults: what is wrong with single images, by kind; empty when each has its answers exactly once.
    """

    acknowledged: int
    accepted: int
    outcomes: dict[str, int]
    expected: int
    faults: dict[str, int]

    @property
    def exact(self) -> bool:
        """Nothing is lost and nothing is double."""
        complete = all(count == self.accepted for count in self.outcomes.values())
        return complete and sum(self.outcomes.values()) == self.expected and not self.faults


async def ledger(
    before: Counts, after: Counts, acknowledged: Sequence[str], models: Sequence[str], session: aiohttp.ClientSession
) -> Ledger:
    """Compare; `session` is one on the API's base URL."""
    outcomes = {model: _answers(after, model) - _answers(before, model) for model in models}
    accepted = after.accepted - before.accepted
    faults = await _faults(session, acknowledged, sorted(models))
    return Ledger(len(acknowledged), accepted, outcomes, accepted * len(models), faults)


def _answers(counts: Counts, model: str) -> int:
    return sum(counts.outcomes.get(model, {}).values())


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
