"""A database in memory with the methods that the API uses, stores that can be told to fail, and an API on them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application
from prometheus_client import CollectorRegistry

from streamapp.errors import StreamappError
from streamapp.metrics import Metrics
from streamapp.records import ImageMessage, LabelMessage, Prediction, Verdict, now
from streamapp.resend import Message
from streamapp.serving import ReloadOrder
from streamapp.settings import Settings
from streamapp.storage.listing import ImageFilter, Span
from streamapp.storage.memory import MemoryCache, MemoryObjects
from streamapp.storage.views import ImageView, StoredImage
from streamapp.stream import HANDLER_ARGS
from streamapp.topics import RAW_IMAGES_BUCKET
from streamapp.web import setup
from streamapp.web.context import ApiContext
from streamapp.web.live import LiveView
from streamapp.web.server import Runner


class MemoryDatabase:
    """What `Database` does for the API, in a dict."""

    def __init__(self) -> None:
        self.images: dict[UUID, StoredImage] = {}
        self.predictions: dict[UUID, list[Prediction]] = {}
        self.verdicts: dict[UUID, Verdict] = {}
        self.mark_calls = 0
        self.fails: StreamappError | None = None

    def _ask(self) -> None:
        if self.fails is not None:
            raise self.fails

    async def insert_pending(self, image: ImageMessage, width: int, height: int, size_bytes: int) -> None:
        self._ask()
        size = {"width": width, "height": height, "size_bytes": size_bytes}
        self.images[image.image_id] = StoredImage(**image.model_dump(), **size, state="pending")

    async def mark_published(self, image_ids: set[UUID]) -> None:
        self._ask()
        self.mark_calls += 1
        for image_id in image_ids:
            self.images[image_id] = self.images[image_id].model_copy(update={"state": "published"})

    async def discard_pending(self, image_ids: list[UUID]) -> None:
        self._ask()
        for image_id in image_ids:
            if self.images[image_id].state == "pending":
                del self.images[image_id]

    async def pending_older_than(self, seconds: float, limit: int) -> list[ImageMessage]:
        self._ask()
        due = [
            image
            for image in self.images.values()
            if image.state == "pending" and (now() - image.timestamp).total_seconds() > seconds
        ]
        return [ImageMessage.model_validate(image.model_dump()) for image in due[:limit]]

    async def image(self, image_id: UUID) -> ImageView | None:
        self._ask()
        image = self.images.get(image_id)
        predictions = self.predictions.get(image_id, [])
        return ImageView(image=image, predictions=predictions, verdict=self.verdicts.get(image_id)) if image else None

    async def recent_images(self, limit: int, span: Span, which: ImageFilter) -> list[ImageView]:
        self._ask()
        assert which == ImageFilter(), "filters are the real database's business"
        newest = sorted(self.images.values(), key=lambda image: image.cursor, reverse=True)
        chosen = [image for image in newest if image.cursor < span.before][:limit]
        return [view for image in chosen if (view := await self.image(image.image_id)) is not None]

    async def prediction(self, prediction_id: UUID) -> Prediction | None:
        self._ask()
        every = [prediction for predictions in self.predictions.values() for prediction in predictions]
        return next((prediction for prediction in every if prediction.prediction_id == prediction_id), None)


class Objects(MemoryObjects):
    """The object store in memory, with its bucket."""

    def __init__(self) -> None:
        super().__init__()
        self.buckets[RAW_IMAGES_BUCKET] = {}
        self.fails: StreamappError | None = None

    async def put(self, path: str, data: bytes, content_type: str) -> None:
        if self.fails is not None:
            raise self.fails
        await super().put(path, data, content_type)


class Broker:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.published: list[tuple[ImageMessage, bytes | None]] = []
        self.orders: list[ReloadOrder] = []
        self.labels: list[LabelMessage] = []
        self.sent: list[Message] = []
        self.fails: StreamappError | None = None

    async def publish(self, image: ImageMessage, inline: bytes | None) -> None:
        if self.fails is not None:
            raise self.fails
        self.published.append((image, inline))

    async def order(self, order: ReloadOrder) -> None:
        if self.fails is not None:
            raise self.fails
        self.orders.append(order)

    async def label(self, label: LabelMessage) -> None:
        if self.fails is not None:
            raise self.fails
        self.labels.append(label)

    async def send(self, message: Message) -> None:
        if self.fails is not None:
            raise self.fails
        self.sent.append(message)


def make_context(**settings: Any) -> ApiContext:
    broker = Broker()
    return ApiContext(
        settings=Settings(**settings),
        db=MemoryDatabase(),
        objects=Objects(),
        cache=MemoryCache(),
        publish=broker.publish,
        order=broker.order,
        label=broker.label,
        send=broker.send,
        live=LiveView(),
        metrics=Metrics(CollectorRegistry()),
    )


class ServedAsByWorkers(TestServer):
    """An application on the connections that workers have."""

    async def _make_runner(self, **kwargs: Any) -> Runner:
        return Runner(self.app, **kwargs)


@asynccontextmanager
async def running_api(context: ApiContext) -> AsyncIterator[TestClient]:
    """The API on a free port."""
    app = Application(handler_args=HANDLER_ARGS)
    setup(app, context)
    setup(app, context)  # Faust calls it twice
    async with TestClient(ServedAsByWorkers(app)) as client:
        yield client


async def until(condition: Callable[[], object], within_s: float = 3) -> None:
    """Wait until it holds, and fail when it does not."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110  # the conditions are states of others' objects
            await asyncio.sleep(0.005)
