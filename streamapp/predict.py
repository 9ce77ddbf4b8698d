"""From an image to a prediction: fetch, preprocess, infer in the lane, and where the time went."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from streamapp.clock import Clock
from streamapp.errors import ModelError, ObjectMissing, StoreUnavailable, UndecodableImage
from streamapp.fetch import Fetcher
from streamapp.inference import Inference, InferenceThread, ModelReplaced, Unwanted
from streamapp.metrics import Metrics
from streamapp.records import ImageMessage, Prediction, now, prediction_id
from streamapp.runtime.preprocess import decode
from streamapp.runtime.spec import ModelInfo
from streamapp.settings import Settings

log = logging.getLogger(__name__)

Stage = Literal["decode", "fetch", "preprocess", "inference", "publish"]
T = TypeVar("T")

#: Probabilities that travel with a prediction: the whole distribution for up to ten classes.
TOP_K = 10
LONGEST_PAUSE_S = 5


class GivenUp(Exception):
    """This image cannot be done by this model; it becomes a dead letter."""

    def __init__(self, stage: Stage, reason: str, error: object) -> None:
        super().__init__(str(error))
        self.stage: Stage = stage
        self.reason = reason


@dataclass(frozen=True)
class Job:
    """An image to be done in a run. `inline` is its original where that came along.

    The clock runs `since` then; after the `deadline`, if there is one, nobody wants the answer.
    """

    image: ImageMessage
    run_id: str
    since: datetime
    deadline: datetime | None = None
    inline: bytes | None = None

    def wanted(self) -> bool:
        """Whether an answer would still come in time."""
        return self.deadline is None or now() <= self.deadline


class Predictor:
    """Does the jobs of one model."""

    def __init__(
        self,
        settings: Settings,
        inference: InferenceThread,
        fetcher: Fetcher,
        decoders: Executor,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._inference = inference
        self._fetcher = fetcher
        self._decoders = decoders
        self._metrics = metrics

    async def predict(self, job: Job) -> Prediction:
        """The model's answer.

        Raises:
            GivenUp: there is none.
            Unwanted: the model is free for this job only after its deadline.
        """
        clock = Clock.start(job.since)
        data = job.inline or await self._fetch(job)
        clock.fetch_ms = clock.lap()
        answer = await self._answer(data, clock, job)
        # Waiting for this model's earlier images is queueing, as much as waiting in the topic is.
        clock.queue_ms += max(0.0, clock.lap() - answer.lane_ms - answer.inference_ms)
        return _prediction(job, clock, answer)

    async def _fetch(self, job: Job) -> bytes:
        delay = self._settings.retry_delay_s
        while True:
            try:
                return await self._fetcher.get(job.image.image_id, job.image.minio_path)
            except ObjectMissing as error:
                raise GivenUp("fetch", "object-missing", error) from error
            except StoreUnavailable as error:
                # A store that is down concerns every image: wait for it rather than bury them all.
                self._metrics.store_failures.labels("objects").inc()
                if not job.wanted():
                    raise Unwanted from error
                log.warning("%s; trying again in %.1f s", error, delay)
                await asyncio.sleep(delay)
                delay = min(delay * 2, LONGEST_PAUSE_S)

    async def _answer(self, data: bytes, clock: Clock, job: Job) -> Inference:
        """Preprocess and infer; once more where a version with another input has taken over in between."""
        while True:
            info = self._inference.info
            pixels = await self._preprocess(data, info)
            clock.preprocess_ms = clock.lap()
            try:
                return await self._infer(pixels, info, job)
            except ModelReplaced:
                clock.queue_ms += clock.lap()

    async def _preprocess(self, data: bytes, info: ModelInfo) -> npt.NDArray[np.uint8]:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._decoders, decode, data, info.input_size, info.detail)
        except UndecodableImage as error:
            raise GivenUp("preprocess", "undecodable-image", error) from error

    async def _infer(self, pixels: npt.NDArray[np.uint8], info: ModelInfo, job: Job) -> Inference:
        try:
            return await self._retried(lambda: self._inference.infer(pixels, info, job.wanted))
        except ModelError as error:
            raise GivenUp("inference", "model-failed", error) from error

    async def _retried(self, call: Callable[[], Awaitable[T]]) -> T:
        """Call until it succeeds, at most `settings.retries` more times; raises the last ModelError."""
        delay = self._settings.retry_delay_s
        for _ in range(self._settings.retries):
            try:
                return await call()
            except ModelError as error:
                log.warning("%s; trying again in %.1f s", error, delay)
                await asyncio.sleep(delay)
                delay *= 2
        return await call()


def _prediction(job: Job, clock: Clock, answer: Inference) -> Prediction:
    image, info = job.image, answer.info
    best = np.argsort(answer.probabilities)[::-1][:TOP_K]
    top_k = [(info.labels[index], round(float(answer.probabilities[index]), 6)) for index in best]
    made = now()
    return Prediction(
        prediction_id=prediction_id(image.image_id, info.model, job.run_id),
        image_id=image.image_id,
        model=info.model,
        model_version=info.model_version,
        trained=info.trained,
        run_id=job.run_id,
        prediction=top_k[0][0],
        confidence=min(1.0, top_k[0][1]),
        top_k=top_k,
        timestamp=made,
        source=image.source,
        camera_id=image.camera_id,
        label=image.label,
        queue_ms=round(clock.queue_ms, 3),
        fetch_ms=round(clock.fetch_ms, 3),
        preprocess_ms=round(clock.preprocess_ms, 3),
        lane_ms=round(answer.lane_ms, 3),
        inference_ms=round(answer.inference_ms, 3),
        total_ms=round(max(0.0, (made - job.since).total_seconds() * 1000), 3),
        lane=answer.lane,
    )
