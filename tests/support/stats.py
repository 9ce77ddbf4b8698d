"""Workers of the role `stats` as processes of their own, and what they should say about a set of messages."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import orjson
from aiokafka import AIOKafkaProducer

from streamapp import topics
from streamapp.brokers import client_options
from streamapp.errors import RecordError
from streamapp.records import DeadLetter, LabelMessage, Prediction, Record, Verdict, now, prediction_id
from streamapp.settings import Settings
from streamapp.tail import tail
from tables.buckets import Bucket, bucket_key, bucket_start
from tests.support.workers import Worker, launch

MODELS = ("efficientnet", "mobilenet", "resnet50")
CLASSES = ("cat", "deer", "dog", "frog")


@contextmanager
def workers(settings: Settings, folder: Path) -> Iterator["Start"]:
    """Gives a function that starts a worker; those that still run at the end are killed."""
    start = Start(settings, folder)
    try:
        yield start
    finally:
        for worker in start.started:
            if worker.alive:
                worker.kill()


@dataclass
class Start:
    """Starts stats workers, each with a data folder of its own unless it takes a dead one's place."""

    settings: Settings
    folder: Path
    started: list[Worker] = field(default_factory=list)

    async def __call__(self, place: int = 0) -> Worker:
        """Start a worker and wait until it is ready."""
        worker = self.launch(place)
        await worker.ready()
        return worker

    def launch(self, place: int = 0) -> Worker:
        """Start a worker."""
        settings = self.settings.model_copy(update={"roles": "stats", "data_dir": self.folder / f"worker-{place}"})
        self.started.append(launch(settings, self.folder / f"worker-{len(self.started)}.log", self.folder))
        return self.started[-1]


# -- messages --------------------------------------------------------------------------------------


@dataclass
class Script:
    """Messages about some images, and what must be known when all have been read, in whatever order."""

    seed: int
    images: int
    sent: list[tuple[str, Record]] = field(default_factory=list)

    def __post_init__(self) -> None:
        chance = random.Random(self.seed)
        for _ in range(self.images):
            self.sent += _image(chance, UUID(int=chance.getrandbits(128), version=4))

    @property
    def predictions(self) -> dict[tuple[UUID, str], Prediction]:
        """The first answer of each model for each image."""
        first: dict[tuple[UUID, str], Prediction] = {}
        for _, message in self.sent:
            if isinstance(message, Prediction):
                first.setdefault((message.image_id, message.model), message)
        return first

    @property
    def dead(self) -> dict[tuple[UUID, str], DeadLetter]:
        """The first dead letter of each model for each image that it has not answered."""
        answered, first = self.predictions, dict[tuple[UUID, str], DeadLetter]()
        for _, message in self.sent:
            if isinstance(message, DeadLetter) and message.image_id and message.model:
                pair = message.image_id, message.model
                if pair not in answered:
                    first.setdefault(pair, message)
        return first

    @property
    def labels(self) -> dict[UUID, str]:
        """The label that stands: the one that someone gave last, whenever it was published, else the one that the image
        came with.
        """
        came = {message.image_id: message.label for message in self.predictions.values() if message.label}
        labels = [message for _, message in self.sent if isinstance(message, LabelMessage)]
        given = {message.image_id: message.label for message in sorted(labels, key=lambda message: message.timestamp)}
        return came | {image_id: label for image_id, label in given.items() if label}

    def buckets(self, partition_of: dict[UUID, int]) -> dict[str, Bucket]:
        """Every bucket that counts something, without its offsets."""
        labels, buckets = self.labels, dict[str, Bucket]()

        def bucket(image_id: UUID, model: str, start: int) -> Bucket:
            key = bucket_key(model, partition_of[image_id], start)
            return buckets.setdefault(key, Bucket(model, partition_of[image_id], start))

        for (image_id, model), answer in self.predictions.items():
            counted = bucket(image_id, model, bucket_start(answer.timestamp))
            counted.apply_prediction(answer)
            if image_id in labels and answer.trained:
                counted.relabel(1, labels[image_id] == answer.prediction)
        for (image_id, model), letter in self.dead.items():
            bucket(image_id, model, bucket_start(letter.timestamp)).apply_error()
        return buckets


def _image(chance: random.Random, image_id: UUID) -> list[tuple[str, Record]]:
    """One image's messages: answers, some of them twice, some dead letters, some labels, in their topics' order."""
    made = now() - timedelta(seconds=chance.uniform(0, 40))
    label = chance.choice((None, *CLASSES))
    messages: list[tuple[str, Record]] = []
    for model in chance.sample(MODELS, len(MODELS)):
        fate = chance.random()
        if fate < 0.15:
            messages.append((topics.DEAD_LETTERS, _letter(model, image_id, made)))
        if fate >= 0.1:
            messages.append((topics.PREDICTIONS, _prediction(chance, model, image_id, made, label)))
        if fate > 0.9:
            messages.append((topics.PREDICTIONS, _prediction(chance, model, image_id, made, label)))
    for number in range(chance.choice((0, 0, 0, 1, 2))):
        given_at = now() + timedelta(milliseconds=number)
        given = LabelMessage(image_id=image_id, label=chance.choice((*CLASSES, None)), by="ana", timestamp=given_at)
        messages.insert(chance.randrange(len(messages) + 1), (topics.LABELS, given))
    return messages


def _prediction(chance: random.Random, model: str, image_id: UUID, made: object, label: str | None) -> Prediction:
    weights = {name: chance.random() for name in CLASSES}
    top_k = sorted(((name, round(w / sum(weights.values()), 6)) for name, w in weights.items()), key=lambda e: -e[1])
    times = {f"{stage}_ms": round(chance.lognormvariate(1.5, 0.4), 3) for stage in ("queue", "fetch", "preprocess")}
    return Prediction.model_validate(
        {
            "prediction_id": prediction_id(image_id, model),
            "image_id": image_id,
            "model": model,
            "model_version": "1",
            "trained": model != "mobilenet",
            "prediction": top_k[0][0],
            "confidence": top_k[0][1],
            "top_k": top_k,
            "timestamp": made,
            "label": label,
            "lane_ms": 0.0,
            "inference_ms": round(chance.lognormvariate(2, 0.3), 3),
            "total_ms": round(chance.lognormvariate(3, 0.3), 3),
            "lane": chance.choice(("held", "held", "bypassed")),
            **times,
        }
    )


def _letter(model: str, image_id: UUID, made: object) -> DeadLetter:
    return DeadLetter.model_validate(
        {
            "group": f"streamapp-{model}",
            "image_id": image_id,
            "model": model,
            "stage": "fetch",
            "reason": "object-missing",
            "error": "the object store has no such object",
            "topic": topics.IMAGES,
            "partition": 0,
            "offset": 1,
            "timestamp": made,
            "value": "",
        }
    )


# -- the broker's side -----------------------------------------------------------------------------


@asynccontextmanager
async def producing(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    """A plain producer."""
    producer = AIOKafkaProducer(**client_options(settings))
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


@dataclass
class Seen:
    """What is on the topics that stats writes: the newest partial of each key, and every verdict and dead letter."""

    partials: dict[str, bytes] = field(default_factory=dict)
    tombstones: set[str] = field(default_factory=set)
    verdicts: dict[UUID, list[Verdict]] = field(default_factory=dict)
    letters: list[DeadLetter] = field(default_factory=list)

    def partial(self, key: bytes, value: bytes | None) -> None:
        """One message of stats-partials."""
        if value is None:
            self.partials.pop(key.decode(), None)
            self.tombstones.add(key.decode())
        else:
            self.partials[key.decode()] = value

    def verdict(self, _: bytes, value: bytes | None) -> None:
        """One message of verdicts-output."""
        verdict = Verdict.decode(value)
        self.verdicts.setdefault(verdict.image_id, []).append(verdict)

    def letter(self, _: bytes, value: bytes | None) -> None:
        """One message of images-dead-letter, which tests fill with rubbish too."""
        with suppress(RecordError):
            self.letters.append(DeadLetter.decode(value))

    def buckets(self) -> dict[str, Bucket]:
        """The buckets that count something, without the ensemble's and without offsets."""
        found = {}
        for key, value in self.partials.items():
            if key.startswith("bucket|"):
                bucket = Bucket.from_json(value)
                bucket.last_offset = {}
                if bucket != Bucket(bucket.model, bucket.partition, bucket.start) and bucket.model != "ensemble":
                    found[key.removeprefix("bucket|")] = bucket
        return found

    def ensemble(self) -> Bucket:
        """The ensemble's buckets together."""
        whole = Bucket("ensemble", 0, 0)
        for key, value in self.partials.items():
            if key.startswith("bucket|ensemble:"):
                whole.merge(Bucket.from_json(value))
        return whole

    def totals(self) -> dict[str, dict[str, int]]:
        """Model and partition to its figures, without those of nothing."""
        found = {key.removeprefix("total|"): orjson.loads(v) for key, v in self.partials.items() if key[0] == "t"}
        return {key: figures for key, figures in found.items() if figures != {"predictions": 0, "errors": 0, "shed": 0}}


@asynccontextmanager
async def watching(settings: Settings) -> AsyncIterator[Seen]:
    """Follows the topics that stats writes, from their beginning."""
    seen, caught_up = Seen(), asyncio.Event()
    handlers = {
        topics.STATS_PARTIALS: seen.partial,
        topics.VERDICTS: seen.verdict,
        topics.DEAD_LETTERS: seen.letter,
    }

    task = asyncio.create_task(tail(settings, handlers, set(handlers), caught_up))
    try:
        async with asyncio.timeout(30):
            await caught_up.wait()
        yield seen
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
