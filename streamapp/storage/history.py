"""Figures of the past, in buckets of time, from what is stored of every prediction."""

from datetime import datetime

from pydantic import AwareDatetime, Field, computed_field

from streamapp.storage.postgres import Database
from streamapp.storage.queries import HISTORY
from streamapp.storage.views import View


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


async def read(db: Database, bucket_s: int, begin: datetime, end: datetime, model: str | None) -> list[PastBucket]:
    """Every bucket of `bucket_s` seconds in which something happened from `begin` to before `end`, by time and model.

    Raises:
        StoreUnavailable: PostgreSQL does not answer, or there is too much for one statement's time.
    """
    async with db.connection() as connection:
        rows = await connection.fetch(HISTORY["history"], float(bucket_s), begin, end, model)
    return [PastBucket.model_validate(dict(row)) for row in rows]
