"""A temporary worker: one model does the images of a run, and its outcomes go to PostgreSQL, never to a topic."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from streamapp import topics
from streamapp.classify import Classifier
from streamapp.fetch import Fetcher
from streamapp.inference import InferenceThread
from streamapp.metrics import Metrics
from streamapp.records import DeadLetter, ImageMessage, Prediction, Shed
from streamapp.roles.shared import Shared
from streamapp.runtime.spec import Model
from streamapp.settings import Settings
from streamapp.storage.postgres import Database
from streamapp.storage.rows import Rows
from streamapp.storage.runs import Run, RunStore
from streamapp.storage.views import Cursor

#: Images whose outcomes are stored together at most, and how many seconds' worth of a slow replay.
PAGE, PAGE_S = 100, 5.0


@dataclass(frozen=True)
class Past:
    """An image of history as an event and its message, the way an agent gets them from a topic."""

    value: bytes
    topic: str = topics.IMAGES
    partition: int = -1
    offset: int = -1
    headers: None = None

    @property
    def message(self) -> "Past":
        """The message of the event."""
        return self


class Gathered:
    """Takes outcomes until they are stored."""

    def __init__(self) -> None:
        self.rows = Rows()

    async def predicted(self, prediction: Prediction) -> None:
        """The model has answered."""
        self.rows.predictions.append(prediction)

    async def dead(self, letter: DeadLetter) -> None:
        """The model has given up: an outcome of this run, and no letter that anybody could send again."""
        self.rows.dead_letters.append(letter)

    async def shed(self, shed: Shed) -> None:
        """The model has left a frame out."""
        self.rows.shed.append(shed)


class Pace:
    """Lets so many through in a second; with 0, as many as come."""

    def __init__(self, rate: float) -> None:
        self.page = max(1, min(PAGE, int(rate * PAGE_S))) if rate else PAGE
        self._every_s = 1 / rate if rate else 0.0
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for the next turn."""
        present = asyncio.get_running_loop().time()
        at = max(present, self._next)
        self._next = at + self._every_s
        await asyncio.sleep(at - present)


class Worker:
    """Does runs with one loaded model, in the lane of this host: live models get their turns in between."""

    def __init__(self, model: Model, settings: Settings, fetcher: Fetcher, db: Database, metrics: Metrics) -> None:
        self._shared = Shared(settings, metrics)
        self._info = model.info
        self._fetcher = fetcher
        self._db = db
        name = f"replay-{model.info.model}"
        self._inference = InferenceThread(name, model, self._shared.lane(), settings.inference_timeout_s)

    def close(self) -> None:
        """Close the model after its last call."""
        self._inference.close()
        self._shared.decoders.shutdown(wait=False)

    async def do(self, run: Run, pace: Pace, done: Callable[[], None]) -> None:
        """Do what this model has not done in a run yet, oldest first; `done` is called after each image.

        What is done is stored page by page, and also when this is cancelled.

        Raises:
            StoreUnavailable: PostgreSQL does not answer; what is stored by then is not done again.
            RowRefused: it does not take an outcome.
        """
        after: Cursor | None = None
        while images := await RunStore(self._db).to_do(run, self._info.model, after, pace.page):
            gathered = Gathered()
            try:
                await self._classify(images, run.run_id, gathered, pace, done)
            finally:
                await self._db.store(gathered.rows)
            after = Cursor(images[-1].timestamp, images[-1].image_id)

    async def _classify(
        self, images: list[ImageMessage], run_id: str, gathered: Gathered, pace: Pace, done: Callable[[], None]
    ) -> None:
        shared = self._shared
        classify = Classifier(
            shared.settings,
            self._info,
            self._inference,
            self._fetcher,
            shared.decoders,
            gathered,
            shared.metrics,
            run_id,
        )
        slots = asyncio.Semaphore(shared.settings.window)

        async def one(image: ImageMessage) -> None:
            async with slots:
                await classify(cast(Any, Past(image.encode())))
            done()

        async with asyncio.TaskGroup() as group:
            for image in images:
                await pace.turn()
                group.create_task(one(image))
