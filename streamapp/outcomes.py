"""What a model makes of an image, exactly one of three: predicted, dead or shed; and where it goes."""

from typing import Protocol

import faust

from streamapp import topics
from streamapp.letters import send_dead_letter
from streamapp.metrics import Metrics
from streamapp.publish import publish_surely
from streamapp.records import DeadLetter, Prediction, Shed
from streamapp.stream import raw_topic


class Outcomes(Protocol):
    """Takes outcomes. When a method returns, the outcome cannot be lost any more."""

    async def predicted(self, prediction: Prediction) -> None:
        """The model has answered; raises MessageSizeTooLargeError where the answer can never be published."""

    async def dead(self, letter: DeadLetter) -> None:
        """The model has given up."""

    async def shed(self, shed: Shed) -> None:
        """The model has left the image out."""


class PublishedOutcomes:
    """Outcomes on their topics, keyed by image; the broker has acknowledged each when its method returns.

    Frames that were left out have a topic of their own: a reader of predictions finds predictions and nothing else,
    a dead letter is a failure that somebody may want to look at, and a camera that is too fast for a model has many.
    """

    def __init__(self, app: faust.App, metrics: Metrics) -> None:
        self._predictions = raw_topic(app, topics.PREDICTIONS)
        self._dead_letters = raw_topic(app, topics.DEAD_LETTERS)
        self._shed = raw_topic(app, topics.SHED)
        self._metrics = metrics

    async def predicted(self, prediction: Prediction) -> None:
        """Publish an answer, and count it with its times."""
        await publish_surely(self._predictions, str(prediction.image_id).encode(), prediction.encode())
        self._metrics.predictions.labels(prediction.model).inc()
        for stage in ("queue", "fetch", "preprocess", "lane", "inference", "total"):
            milliseconds = getattr(prediction, f"{stage}_ms")
            self._metrics.stage_seconds.labels(prediction.model, stage).observe(milliseconds / 1000)
        if prediction.lane == "bypassed":
            self._metrics.lane_bypassed.labels(prediction.model).inc()

    async def dead(self, letter: DeadLetter) -> None:
        """Publish a dead letter."""
        await send_dead_letter(self._dead_letters, letter)
        self._metrics.dead_letters.labels(letter.model or "", letter.stage).inc()

    async def shed(self, shed: Shed) -> None:
        """Say that a frame was left out."""
        await publish_surely(self._shed, str(shed.image_id).encode(), shed.encode())
        self._metrics.shed.labels(shed.model).inc()
