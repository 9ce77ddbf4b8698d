"""Figures of the past, in buckets of time, from what is stored of every prediction."""

from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, Field, computed_field

from streamapp.storage.postgres import Database
from streamapp.storage.queries import HISTORY
from streamapp.storage.views import View

#: The shares at which distributions are told, and to how many digits of a millisecond.
SHARES = [share / 100 for share in range(101)]
DIGITS = 3
#: Workers that change over one after the other are done after so many seconds.
SETTLED_S = 60.0


class PastBucket(View):
    """One model in one bucket of time, which begins at `start`. Figures of nothing are null."""

    start: AwareDatetime
    model: str
    predictions: int
    errors: int
    shed: int
    labelled: int = Field(description="Predictions of trained weights whose image has a label by now.")
    correct: int
    avg_confidence: float | None
    avg_latency_ms: float | None = Field(description="Mean inference time.")
    total_p50_ms: float | None = Field(description="Median of the time from the image's timestamp to the answer.")
    total_p95_ms: float | None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def accuracy(self) -> float | None:
        """Share of the labelled that are correct."""
        return self.correct / self.labelled if self.labelled else None


class StageTimes(View):
    """Times of each stage in ms: 101 quantiles, from the least (0 %) over the median to the most (100 %), or none."""

    queue: list[float]
    fetch: list[float]
    preprocess: list[float]
    lane: list[float] = Field(description="Waiting for the turn among the models of one host.")
    inference: list[float] = Field(description="Without those that were run beside the lane.")
    total: list[float] = Field(description="From the image's timestamp to the answer.")


class Distribution(View):
    """How the times of one model are distributed."""

    model: str
    predictions: int
    stages: StageTimes


class Change(View):
    """Another version of a model began to answer; `before` is null where none did before."""

    model: str
    at: AwareDatetime
    version: str
    before: str | None


async def read(db: Database, bucket_s: int, begin: datetime, end: datetime, model: str | None) -> list[PastBucket]:
    """Every bucket of `bucket_s` seconds in which something happened from `begin` to before `end`, by time and model.

    Raises:
        StoreUnavailable: PostgreSQL does not answer, or there is too much for one statement's time.
    """
    async with db.connection() as connection:
        rows = await connection.fetch(HISTORY["history"], float(bucket_s), begin, end, model)
    return [PastBucket.model_validate(dict(row)) for row in rows]


async def distributions(db: Database, begin: datetime, end: datetime, model: str | None) -> list[Distribution]:
    """How the times of every model that answered from `begin` to before `end` are distributed, by name.

    Raises:
        StoreUnavailable: as for `read`.
    """
    async with db.connection() as connection:
        rows = await connection.fetch(HISTORY["distributions"], begin, end, model, SHARES)
    return [_distribution(row) for row in rows]


def _distribution(row: Any) -> Distribution:
    stages = {name: [round(value, DIGITS) for value in row[name] or ()] for name in StageTimes.model_fields}
    return Distribution(model=row["model"], predictions=row["predictions"], stages=StageTimes(**stages))


async def changes(db: Database, begin: datetime, end: datetime, model: str | None) -> list[Change]:
    """When each model began to answer with another version, from `begin` to before `end`, the newest first.

    Raises:
        StoreUnavailable: as for `read`.
    """
    async with db.connection() as connection:
        rows = await connection.fetch(HISTORY["changes"], begin, end, model, SETTLED_S)
    return [Change.model_validate(dict(row)) for row in reversed(rows)]
