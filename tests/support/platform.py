"""What the tests of the running platform do to it: upload, ask, kill, count."""

import asyncio
import io
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
from aiohttp import ClientSession, FormData
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import TopicPartition
from PIL import Image

from streamapp.brokers import client_options
from streamapp.settings import Settings
from streamapp.storage.postgres import Database
from streamapp.storage.views import Counts
from tests.support.stack import Stack


def picture(seed: int) -> bytes:
    """A JPEG that no other seed gives."""
    pixels = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize((160, 120), Image.Resampling.BICUBIC).save(buffer, "JPEG")
    return buffer.getvalue()


@dataclass
class Client:
    """A client of one running platform; it keeps every id that was acknowledged, as the tests' oracle."""

    stack: Stack
    http: ClientSession
    accepted: set[UUID] = field(default_factory=set)
    api: str = ""

    def __post_init__(self) -> None:
        self.api = self.api or self.stack.api_url

    @property
    def settings(self) -> Settings:
        """The settings of the platform's own workers."""
        return Settings.load(self.stack.environ)

    async def upload(self, *seeds: int, label: str | None = None) -> list[UUID]:
        """Post pictures; returns the acknowledged ids. A 503 is tried again, as a good client does."""
        while True:
            form = FormData()
            if label:
                form.add_field("label", label)
            for seed in seeds:
                form.add_field("file", picture(seed), filename=f"{seed}.jpg", content_type="image/jpeg")
            async with self.http.post(f"{self.api}/api/v1/images", data=form) as answer:
                if answer.status == 503:
                    await asyncio.sleep(0.3)
                    continue
                assert answer.status == 202, await answer.text()
                ids = [UUID(image["image_id"]) for image in (await answer.json())["images"]]
                self.accepted.update(ids)
                return ids

    async def stream(self, count: int, rate: float, first_seed: int = 0) -> None:
        """Post `count` pictures, `rate` a second."""
        start = time.monotonic()
        for number in range(count):
            await asyncio.sleep(max(0.0, start + number / rate - time.monotonic()))
            await self.upload(first_seed + number)

    async def get(self, path: str) -> Any:
        """JSON of a successful GET."""
        async with self.http.get(f"{self.api}{path}") as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def counts(self) -> Counts:
        """What PostgreSQL holds."""
        async with Database.connect(self.stack.database_url) as db:
            return await db.counts()

    async def lag(self, group: str, topic: str) -> int:
        """Messages on `topic` that `group` has not committed."""
        settings = self.settings
        admin = AIOKafkaAdminClient(**client_options(settings))
        await admin.start()
        try:
            parts = [TopicPartition(topic, number) for number in range(settings.partitions)]
            committed = await admin.list_consumer_group_offsets(group, partitions=parts)
            consumer = AIOKafkaConsumer(**client_options(settings))
            await consumer.start()
            try:
                ends = await consumer.end_offsets(parts)
            finally:
                await consumer.stop()
            return sum(ends[part] - max(0, committed[part].offset) for part in parts)
        finally:
            await admin.close()

    def kill(self, process: str, number: int = signal.SIGKILL) -> int:
        """Send a signal to one process of the stack; returns its pid."""
        pid = self.stack.processes()[process]
        os.kill(pid, number)
        return pid


async def eventually(check: Callable[[], Awaitable[Any]], wait_s: float, what: str) -> Any:
    """The first true answer of `check` within `wait_s` seconds; a failure says `what` and the last answer."""
    deadline = time.monotonic() + wait_s
    while True:
        answer = await check()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{what}: not within {wait_s:g} s; last answer: {answer!r}"
        await asyncio.sleep(0.1)
