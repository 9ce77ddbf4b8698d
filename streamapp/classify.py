"""The one body that every model agent runs: from a message to the image's one outcome, where it cannot be lost."""

import logging
from concurrent.futures import Executor
from datetime import timedelta

from aiokafka.errors import MessageSizeTooLargeError
from faust.types import EventT

from streamapp.errors import RecordError
from streamapp.fetch import Fetcher
from streamapp.inference import InferenceThread, Unwanted
from streamapp.letters import dead_letter
from streamapp.metrics import Metrics
from streamapp.outcomes import Outcomes
from streamapp.predict import GivenUp, Job, Predictor
from streamapp.records import LIVE, ImageMessage, Shed, now
from streamapp.retries import Retry
from streamapp.runtime.spec import ModelInfo
from streamapp.settings import Settings

log = logging.getLogger(__name__)


class Classifier:
    """Turns one message of `images-input-stream` into exactly one prediction, one dead letter, or one frame left out.

    A message that is sent again for another group is none of its business. With a `run_id` other than that of the live
    stream it does old images again: nothing is too old then, and the clock starts when an image comes.
    """

    def __init__(
        self,
        settings: Settings,
        info: ModelInfo,
        inference: InferenceThread,
        fetcher: Fetcher,
        decoders: Executor,
        outcomes: Outcomes,
        metrics: Metrics,
        run_id: str = LIVE,
    ) -> None:
        self.settings = settings
        self.model = info.model
        self._predictor = Predictor(settings, inference, fetcher, decoders, metrics)
        self._outcomes = outcomes
        self._run_id = run_id
        self._group = f"streamapp-{info.model}"
        self._in_flight = metrics.in_flight.labels(info.model)

    async def __call__(self, event: EventT) -> None:
        """Do one message completely: when this returns, its outcome is where it cannot be lost."""
        retry = Retry.of(event.message)
        if retry and retry.only != self._group:
            return
        with self._in_flight.track_inprogress():
            image = None
            try:
                image = self._read(event)
                await self._do(self._job(event, image, retry), retry)
            except GivenUp as given_up:
                await self._bury(event, image, given_up)

    def _read(self, event: EventT) -> ImageMessage:
        try:
            return ImageMessage.decode(event.message.value)
        except RecordError as error:
            raise GivenUp("decode", "bad-message", error) from error

    def _job(self, event: EventT, image: ImageMessage, retry: Retry | None) -> Job:
        inline = dict(event.message.headers or ()).get("image")
        inline = bytes(inline) if inline else None
        if retry or self._run_id != LIVE:
            return Job(image, self._run_id, now(), inline=inline)
        deadline_s = self.settings.camera_deadline_s
        try:
            deadline = image.timestamp + timedelta(seconds=deadline_s) if deadline_s and is_live(image) else None
        except OverflowError as error:
            raise GivenUp("decode", "bad-message", f"timestamp: {error}") from error
        return Job(image, self._run_id, image.timestamp, deadline, inline)

    async def _do(self, job: Job, retry: Retry | None) -> None:
        try:
            if not job.wanted():  # before anything of it costs time
                raise Unwanted
            prediction = await self._predictor.predict(job)
        except Unwanted:
            await self._leave_out(job.image)
            return
        if retry and retry.amends:
            prediction = prediction.model_copy(update={"amends": retry.amends})
        try:
            await self._outcomes.predicted(prediction)
        except MessageSizeTooLargeError as error:
            raise GivenUp("publish", "message-too-large", error) from error

    async def _leave_out(self, image: ImageMessage) -> None:
        at = now()
        shed = Shed(
            image_id=image.image_id,
            model=self.model,
            timestamp=at,
            age_ms=round((at - image.timestamp).total_seconds() * 1000, 3),
            deadline_ms=self.settings.camera_deadline_s * 1000,
            source=image.source,
            camera_id=image.camera_id,
        )
        await self._outcomes.shed(shed)

    async def _bury(self, event: EventT, image: ImageMessage | None, given_up: GivenUp) -> None:
        letter = dead_letter(
            event.message,
            group=self._group,
            stage=given_up.stage,
            reason=given_up.reason,
            error=given_up,
            image_id=image.image_id if image else None,
            model=self.model,
            run_id=self._run_id,
        )
        log.warning("%s: %s in %s: %s", image.image_id if image else "?", given_up.reason, given_up.stage, given_up)
        await self._outcomes.dead(letter)


def is_live(image: ImageMessage) -> bool:
    """Whether an image is worth something only while it is new: a camera's frame that nobody has labelled."""
    return image.source == "webcam" and image.label is None
