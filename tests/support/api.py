"""The API in the test's process, on real stores and a real broker, each behind a connection that can be cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestClient
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry

from streamapp import topics
from streamapp.brokers import client_options
from streamapp.errors import PublishFailed
from streamapp.metrics import Metrics
from streamapp.records import ImageMessage, LabelMessage
from streamapp.resend import Message
from streamapp.serving import ReloadOrder
from streamapp.settings import Settings
from streamapp.storage.cache import Cache
from streamapp.storage.objects import ObjectStore
from streamapp.storage.postgres import Database
from streamapp.stream import HANDLER_ARGS
from streamapp.web import setup
from streamapp.web.context import ApiContext
from streamapp.web.live import LiveView
from tests.support.proxy import Proxy
from tests.unit.web.doubles import ServedAsByWorkers


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[tuple[str, Proxy]]:
    """The same server by another port."""
    proxy = Proxy(url)
    await proxy.start()
    try:
        yield proxy.url, proxy
    finally:
        await proxy.cut()


class Broker:
    """Publishes as the API role does; can be told to be away."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self.away = False

    async def publish(self, image: ImageMessage, inline: bytes | None) -> None:
        if self.away:
            raise PublishFailed("the broker did not acknowledge a message within 5 s")
        headers = [("image", inline)] if inline else None
        try:
            await self._producer.send_and_wait(
                topics.IMAGES, image.encode(), str(image.image_id).encode(), headers=headers
            )
        except KafkaError as error:
            raise PublishFailed(str(error)) from error

    async def order(self, order: ReloadOrder) -> None:
        if self.away:
            raise PublishFailed("the broker did not acknowledge a message within 5 s")
        await self._producer.send_and_wait(topics.MODELS_CONTROL, order.encode(), order.model.encode())

    async def label(self, label: LabelMessage) -> None:
        if self.away:
            raise PublishFailed("the broker did not acknowledge a message within 5 s")
        await self._producer.send_and_wait(topics.LABELS, label.encode(), str(label.image_id).encode())

    async def send(self, message: Message) -> None:
        if self.away:
            raise PublishFailed("the broker did not acknowledge a message within 5 s")
        headers = list(message.headers.items())
        await self._producer.send_and_wait(
            message.topic, message.value, message.key, partition=message.partition, headers=headers
        )


class Api:
    """The running API, and what a test looks at behind it."""

    def __init__(self, client: TestClient, context: ApiContext, broker: Broker, proxies: dict[str, Proxy]) -> None:
        self.client, self.context, self.broker, self.proxies = client, context, broker, proxies

    @property
    def url(self) -> str:
        return str(self.client.make_url("/")).rstrip("/")

    async def upload(self, data: bytes, **fields: str) -> tuple[int, dict[str, Any]]:
        form = aiohttp.FormData()
        form.add_field("file", data, filename="x.jpg")
        for name, value in fields.items():
            form.add_field(name, value)
        async with self.client.post("/api/v1/images", data=form) as answer:
            return answer.status, await answer.json()

    async def accepted(self, data: bytes, **fields: str) -> UUID:
        status, body = await self.upload(data, **fields)
        assert status == 202, body
        return UUID(body["images"][0]["image_id"])

    async def get(self, path: str) -> Any:
        async with self.client.get(f"/api/v1/{path}") as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def state(self, image_id: UUID) -> str | None:
        view = await self.context.db.image(image_id)
        return view.image.state if view else None

    async def becomes(self, image_id: UUID, state: str | None) -> None:
        async with asyncio.timeout(3):
            while await self.state(image_id) != state:  # noqa: ASYNC110  # it changes in the database
                await asyncio.sleep(0.02)


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Api]:
    """The API on these servers."""
    await topics.ensure(settings)
    async with AsyncExitStack() as stack:
        database_url, database = await stack.enter_async_context(proxied(settings.database_url))
        objects_url, objects = await stack.enter_async_context(proxied(settings.object_store_url))
        redis_url, redis = await stack.enter_async_context(proxied(settings.redis_url))
        producer = AIOKafkaProducer(**client_options(settings))
        await producer.start()
        stack.push_async_callback(producer.stop)
        broker = Broker(producer)
        context = ApiContext(
            settings=settings,
            db=await stack.enter_async_context(Database.connect(database_url)),
            objects=await stack.enter_async_context(ObjectStore.connect(objects_url)),
            cache=await stack.enter_async_context(Cache.connect(redis_url)),
            publish=broker.publish,
            order=broker.order,
            label=broker.label,
            send=broker.send,
            live=LiveView(),
            metrics=Metrics(CollectorRegistry()),
        )
        await context.db.migrate()
        await context.objects.ensure_bucket(topics.RAW_IMAGES_BUCKET)
        app = web.Application(handler_args=HANDLER_ARGS)
        setup(app, context)
        client = await stack.enter_async_context(TestClient(ServedAsByWorkers(app)))
        yield Api(client, context, broker, {"database": database, "objects": objects, "redis": redis})
