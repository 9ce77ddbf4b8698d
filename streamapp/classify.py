"""The one body that every model agent runs: decode, fetch, preprocess, infer in the lane, publish."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt
from aiokafka.errors import MessageSizeTooLargeError
from faust.types import EventT, TopicT

from streamapp.clock import Clock
from streamapp.errors import ModelError, ObjectMissing, RecordError, StoreUnavailable, UndecodableImage
from streamapp.fetch import Fetcher
from streamapp.inference import Inference, InferenceThread, ModelReplaced
from streamapp.letters import dead_letter, send_dead_letter
from streamapp.metrics import Metrics
from streamapp.publish import publish_surely
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


class Classifier:
    """Turns one message of `images-input-stream` into exactly one prediction or one dead letter."""

    def __init__(
        self,
        settings: Settings,
        info: ModelInfo,
        inference: InferenceThread,
        fetcher: Fetcher,
        decoders: Executor,
        predictions: TopicT,
        dead_letters: TopicT,
        metrics: Metrics,
    ) -> None:
        self.settings = settings
        self.info = info
        self._inference = inference
        self._fetcher = fetcher
        self._decoders = decoders
        self._predictions = predictions
        self._dead_letters = dead_letters
        self._metrics = metrics
        self._in_flight = metrics.in_flight.labels(info.model)

    async def __call__(self, event: EventT) -> None:
        """Do one message completely: when this returns, the broker has acknowledged its outcome."""
        with self._in_flight.track_inprogress():
            image = None
            try:
                image = self._read(event)
                prediction = await self._predict(event, image)
                await self._publish(prediction)
            except GivenUp as given_up:
                await self._bury(event, image, given_up)

    def _read(self, event: EventT) -> ImageMessage:
        try:
            return ImageMessage.decode(event.message.value)
        except RecordError as error:
            raise GivenUp("decode", "bad-message", error) from error

    async def _predict(self, event: EventT, image: ImageMessage) -> Prediction:
        clock = Clock.start(image.timestamp)
        data = await self._fetch(event, image)
        clock.fetch_ms = clock.lap()
        answer = await self._answer(data, clock)
        # Waiting for this model's earlier images is queueing, as much as waiting in the topic is.
        clock.queue_ms += max(0.0, clock.lap() - answer.lane_ms - answer.inference_ms)
        return self._prediction(image, clock, answer)

    async def _fetch(self, event: EventT, image: ImageMessage) -> bytes:
        inline = dict(event.message.headers or ()).get("image")
        if inline:
            return bytes(inline)
        delay = self.settings.retry_delay_s
        while True:
            try:
                return await self._fetcher.get(image.image_id, image.minio_path)
            except ObjectMissing as error:
                raise GivenUp("fetch", "object-missing", error) from error
            except StoreUnavailable as error:
                # A store that is down concerns every image: wait for it rather than bury them all.
                self._metrics.store_failures.labels("objects").inc()
                log.warning("%s; trying again in %.1f s", error, delay)
                await asyncio.sleep(delay)
                delay = min(delay * 2, LONGEST_PAUSE_S)

    async def _answer(self, data: bytes, clock: Clock) -> Inference:
        """Preprocess and infer; once more where a version with another input has taken over in between."""
        while True:
            info = self._inference.info
            pixels = await self._preprocess(data, info)
            clock.preprocess_ms = clock.lap()
            try:
                return await self._infer(pixels, info)
            except ModelReplaced:
                clock.queue_ms += clock.lap()

    async def _preprocess(self, data: bytes, info: ModelInfo) -> npt.NDArray[np.uint8]:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._decoders, decode, data, info.input_size, info.detail)
        except UndecodableImage as error:
            raise GivenUp("preprocess", "undecodable-image", error) from error

    async def _infer(self, pixels: npt.NDArray[np.uint8], info: ModelInfo) -> Inference:
        try:
            return await self._retried(lambda: self._inference.infer(pixels, info))
        except ModelError as error:
            raise GivenUp("inference", "model-failed", error) from error

    async def _retried(self, call: Callable[[], Awaitable[T]]) -> T:
        """Call until it succeeds, at most `settings.retries` more times; raises the last ModelError."""
        delay = self.settings.retry_delay_s
        for _ in range(self.settings.retries):
            try:
                return await call()
            except ModelError as error:
                log.warning("%s; trying again in %.1f s", error, delay)
                await asyncio.sleep(delay)
                delay *= 2
        return await call()

    def _prediction(self, image: ImageMessage, clock: Clock, answer: Inference) -> Prediction:
        best = np.argsort(answer.probabilities)[::-1][:TOP_K]
        top_k = [(self.info.labels[index], round(float(answer.probabilities[index]), 6)) for index in best]
        made = now()
        return Prediction(
            prediction_id=prediction_id(image.image_id, self.info.model),
            image_id=image.image_id,
            model=self.info.model,
            model_version=answer.info.model_version,
            trained=answer.info.trained,
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
            total_ms=round(max(0.0, (made - image.timestamp).total_seconds() * 1000), 3),
            lane=answer.lane,
        )

    async def _publish(self, prediction: Prediction) -> None:
        try:
            await publish_surely(self._predictions, str(prediction.image_id).encode(), prediction.encode())
        except MessageSizeTooLargeError as error:
            raise GivenUp("publish", "message-too-large", error) from error
        self._metrics.predictions.labels(prediction.model).inc()
        for stage in ("queue", "fetch", "preprocess", "lane", "inference", "total"):
            milliseconds = getattr(prediction, f"{stage}_ms")
            self._metrics.stage_seconds.labels(prediction.model, stage).observe(milliseconds / 1000)
        if prediction.lane == "bypassed":
            self._metrics.lane_bypassed.labels(prediction.model).inc()

    async def _bury(self, event: EventT, image: ImageMessage | None, given_up: GivenUp) -> None:
        letter = dead_letter(
            event.message,
            group=f"streamapp-{self.info.model}",
            stage=given_up.stage,
            reason=given_up.reason,
            error=given_up,
            image_id=image.image_id if image else None,
            model=self.info.model,
        )
        log.warning("%s: %s in %s: %s", image.image_id if image else "?", given_up.reason, given_up.stage, given_up)
        await send_dead_letter(self._dead_letters, letter)
        self._metrics.dead_letters.labels(self.info.model, given_up.stage).inc()
