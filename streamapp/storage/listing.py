"""Lists, newest first and a page at a time: images, verdicts and predictions, those that fit a filter."""

from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple, Self
from uuid import UUID

from streamapp.records import Prediction, Verdict
from streamapp.storage import views
from streamapp.storage.queries import READ
from streamapp.storage.search import searches
from streamapp.storage.views import Cursor, ImageView, StoredImage

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class Span(NamedTuple):
    """Where a page ends: before a position in the list, and at the earliest time that is asked for."""

    before: Cursor = Cursor(_LAST, UUID(int=2**128 - 1))
    since: datetime = _FIRST

    @classmethod
    def of(cls, before: Cursor | None, since: datetime | None, until: datetime | None) -> Self:
        """Of items at `since` or later, earlier than `until`, and after `before` in the list."""
        end = Cursor(until or _LAST, UUID(int=0 if until else 2**128 - 1))
        return cls(min(end, before) if before else end, since or _FIRST)

    @property
    def arguments(self) -> tuple[Any, ...]:
        """As the queries have it."""
        return (*self.before, self.since)


class ImageFilter(NamedTuple):
    """Which images; None means any. `disagreement` is the least; with `search` something of an image begins."""

    source: str | None = None
    camera_id: str | None = None
    label: str | None = None
    consensus: str | None = None
    disagreement: float | None = None
    labelled: bool | None = None
    search: str | None = None


class VerdictFilter(NamedTuple):
    """Which verdicts; None means any. `disagreement` is the least."""

    source: str | None = None
    camera_id: str | None = None
    consensus: str | None = None
    disagreement: float | None = None
    complete: bool | None = None


class PredictionFilter(NamedTuple):
    """Which predictions; None means any. `confidence` is the least."""

    model: str | None = None
    prediction: str | None = None
    confidence: float | None = None
    run_id: str | None = None


async def images(connection: Any, limit: int, span: Span, which: ImageFilter) -> list[ImageView]:
    """Images with their predictions and verdicts, in two queries more than without."""
    return await with_answers(connection, await bare_images(connection, limit, span, which))


async def bare_images(connection: Any, limit: int, span: Span, which: ImageFilter) -> list[StoredImage]:
    """Images alone, in one query, or one for each kind of thing that is searched."""
    *filters, text = which
    fetch = partial(connection.fetch, READ["newest_images"])
    if which != ImageFilter():  # planned anew each time, for it depends on the values which index helps
        fetch = (await connection.prepare(READ["newest_images"])).fetch
    found: dict[UUID, StoredImage] = {}
    for search in await searches(connection, text, which.label):
        rows = await fetch(limit, *span.arguments, *filters, *search)
        found |= {image.image_id: image for image in map(views.image, rows)}
    return sorted(found.values(), key=lambda image: image.cursor, reverse=True)[:limit]


async def verdicts(connection: Any, limit: int, span: Span, which: VerdictFilter) -> list[Verdict]:
    """Verdicts, without their predictions."""
    rows = await connection.fetch(READ["newest_verdicts"], limit, *span.arguments, *which)
    return [views.verdict(row) for row in rows]


async def predictions(connection: Any, limit: int, span: Span, which: PredictionFilter) -> list[Prediction]:
    """Predictions of any run."""
    rows = await connection.fetch(READ["newest_predictions"], limit, *span.arguments, *which)
    return [views.prediction(row) for row in rows]


async def with_answers(connection: Any, images: list[StoredImage]) -> list[ImageView]:
    """Add predictions and verdicts, in two queries however many images there are."""
    ids = [image.image_id for image in images]
    predictions: dict[UUID, list[Prediction]] = {image_id: [] for image_id in ids}
    for row in await connection.fetch(READ["live_predictions_of"], ids):
        predictions[row["image_id"]].append(views.prediction(row))
    verdicts = {row["image_id"]: views.verdict(row) for row in await connection.fetch(READ["verdicts_of"], ids)}
    return [
        ImageView(image=image, predictions=predictions[image.image_id], verdict=verdicts.get(image.image_id))
        for image in images
    ]
