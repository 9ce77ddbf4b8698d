"""A steady load of uploads, and what became of each."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Self
from uuid import UUID

from aiohttp import ClientError, ClientSession, ClientTimeout, FormData

from tests.support.platform import picture
from tests.support.workers import Worker

#: The labels that images come with, in turn; an image without one is counted in no accuracy.
LABELS = (None, "cat", "ship")


@dataclass
class Load:
    """Posts pictures at a steady rate, each once, whatever becomes of the others; keeps what was acknowledged.

    With `cameras`, every second picture is a frame of one, which a model may leave out. `refusals` are the answers
    other than 202 and the seconds until they came; status 0 is no answer at all.
    """

    api: Worker
    rate: float
    seeds: "Seeds"
    cameras: bool = False
    acknowledged: dict[UUID, int] = field(default_factory=dict)
    refusals: list[tuple[int, float]] = field(default_factory=list)
    _posts: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Post until the end of the block, or until `stop`."""
        async with ClientSession(timeout=ClientTimeout(30)) as http:
            self._posting = asyncio.create_task(self._post_all(http))
            try:
                yield self
            finally:
                await self.stop()

    async def stop(self) -> None:
        """Post nothing more, and wait for the answers."""
        self._posting.cancel()
        await asyncio.gather(self._posting, *self._posts, return_exceptions=True)

    async def _post_all(self, http: ClientSession) -> None:
        start, number = time.monotonic(), 0
        while True:
            await asyncio.sleep(max(0.0, start + number / self.rate - time.monotonic()))
            number += 1
            post = asyncio.create_task(self._post(http, self.seeds.next()))
            self._posts.add(post)
            post.add_done_callback(self._posts.discard)

    async def _post(self, http: ClientSession, seed: int) -> None:
        """Post one picture."""
        form = FormData()
        if label := LABELS[seed % len(LABELS)]:
            form.add_field("label", label)
        if self.cameras and seed % 2:
            form.add_field("source", "webcam")
            form.add_field("camera_id", f"camera-{seed % 3}")
        form.add_field("file", picture(seed), filename=f"{seed}.jpg", content_type="image/jpeg")
        began, status = time.monotonic(), 0
        with suppress(ClientError, OSError):
            async with http.post(f"{self.api.url}/api/v1/images", data=form) as answer:
                status = answer.status
                if status == 202:
                    self.acknowledged[UUID((await answer.json())["images"][0]["image_id"])] = seed
        if status != 202:
            self.refusals.append((status, time.monotonic() - began))


@dataclass
class Seeds:
    """Numbers of pictures, none twice."""

    last: int = 0

    def next(self) -> int:
        """The next one."""
        self.last += 1
        return self.last
