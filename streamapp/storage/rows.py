"""What is written to PostgreSQL: a batch of messages, and each message as the arguments of its query."""

import json
from base64 import b64decode
from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple

from streamapp.records import LIVE, DeadLetter, ImageMessage, LabelMessage, Prediction, Shed, Verdict

Arguments = tuple[Any, ...]


class Write(NamedTuple):
    """One query with the arguments of every row that it writes."""

    table: str
    query: str
    arguments: list[Arguments]


class Published(NamedTuple):
    """An image with the place of its message on the topic."""

    image: ImageMessage
    partition: int
    offset: int


@dataclass
class Rows:
    """Messages that are stored together, in one transaction. Their order matters only within one kind."""

    images: list[Published] = field(default_factory=list)
    predictions: list[Prediction] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    labels: list[LabelMessage] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    shed: list[Shed] = field(default_factory=list)

    def __len__(self) -> int:
        """Messages in the batch."""
        outcomes: tuple[Sized, ...] = (self.predictions, self.dead_letters, self.shed)
        others: tuple[Sized, ...] = (self.images, self.verdicts, self.labels)
        return sum(map(len, outcomes + others))

    def writes(self) -> Iterator[Write]:
        """The queries that store this batch; those without rows are left out.

        Rows are sorted by their keys (the sort is stable, so that the first outcome stays the first), and every writer
        goes through the tables in this same order, so that two recorders with the same rows do not deadlock.
        """
        failed = [letter for letter in self.dead_letters if letter.image_id and letter.model]
        letters = [letter for letter in self.dead_letters if letter.run_id == LIVE]  # replays read no messages
        kinds: tuple[tuple[str, str, Iterable[Arguments], int], ...] = (
            ("images", "record_image", map(_image, self.images), 1),
            ("outcomes", "record_prediction", map(_prediction, self.predictions), 3),
            ("outcomes", "record_dead", map(_dead, failed), 3),
            ("outcomes", "record_shed", map(_shed, self.shed), 3),
            ("verdicts", "record_verdict", map(_verdict, self.verdicts), 1),
            ("labels", "record_label", map(_label, self.labels), 3),
            ("dead_letters", "record_dead_letter", map(_dead_letter, letters), 4),
        )
        for table, query, arguments, key_columns in kinds:
            ordered = sorted(arguments, key=itemgetter(slice(key_columns)))
            if ordered:
                yield Write(table, query, ordered)


def image_arguments(image: ImageMessage) -> Arguments:
    """The columns of `images` that an image's message has."""
    return (
        *(image.image_id, image.minio_path, image.timestamp, image.source, image.camera_id),
        *(image.label, image.content_type, image.sha256),
    )


def _image(row: Published) -> Arguments:
    return (*image_arguments(row.image), row.partition, row.offset)


def _prediction(row: Prediction) -> Arguments:
    return (
        *(row.image_id, row.model, row.run_id, row.prediction_id, row.model_version, row.trained),
        *(row.prediction, row.confidence, json.dumps(row.top_k), row.timestamp, row.source, row.camera_id, row.label),
        *(row.queue_ms, row.fetch_ms, row.preprocess_ms, row.lane_ms, row.inference_ms, row.total_ms, row.lane),
    )


def _dead(row: DeadLetter) -> Arguments:
    return (row.image_id, row.model, row.run_id, row.timestamp, row.reason, row.error)


def _shed(row: Shed) -> Arguments:
    error = f"{row.age_ms:.0f} ms old, the deadline is {row.deadline_ms:.0f} ms"
    return (row.image_id, row.model, row.run_id, row.timestamp, error, row.source, row.camera_id)


def _verdict(row: Verdict) -> Arguments:
    return (
        *(row.image_id, row.timestamp, row.expected, row.answers, row.complete, row.fastest, row.most_confident),
        *(row.consensus, row.agreement, row.ensemble, row.ensemble_confidence, row.disagreement),
        *(row.source, row.camera_id, row.label, json.dumps(row.dead), json.dumps(row.shed)),
    )


def _label(row: LabelMessage) -> Arguments:
    return (row.image_id, row.timestamp, row.by, row.label)


def _dead_letter(row: DeadLetter) -> Arguments:
    return (
        *(row.group, row.topic, row.partition, row.offset, row.image_id, row.model, row.run_id),
        *(row.stage, row.reason, row.error, b64decode(row.value), row.timestamp, row.tries),
    )
