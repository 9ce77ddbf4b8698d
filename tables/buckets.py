"""The table `buckets`: what each model did in ten seconds; buckets merge exactly, whatever the order."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from streamapp.records import STAGES, Prediction
from tables.changes import Change
from tables.sketch import Sketch

BUCKET_S = 10
#: Buckets are kept this long after their start: the longest window of 15 minutes, and a minute for late readers.
KEEP_BUCKET_S = 16 * 60
#: Name of the pseudo model whose buckets hold the accuracy of the ensembles of closed races.
ENSEMBLE = "ensemble"
#: Confidences are summed as whole millionths: a sum of floats would depend on the order.
MICRO = 1_000_000


def bucket_start(timestamp: datetime | float) -> int:
    """Start of the bucket that a time falls into, in seconds since 1970. A message's bucket follows its timestamp."""
    seconds = timestamp.timestamp() if isinstance(timestamp, datetime) else timestamp
    return int(seconds // BUCKET_S) * BUCKET_S


def bucket_key(model: str, partition: int, start: int) -> str:
    """Key of a bucket, `model:partition:start`; with the partition, since a table is written where its event is."""
    return f"{model}:{partition}:{start}"


@dataclass(slots=True)
class Bucket:
    """What one model did in ten seconds, on one partition.

    `labelled` and `correct` count trained weights only, and `bypassed` the answers whose inference ran outside the
    lane and is left out of the inference times. `last_offset` is, per source topic, the offset up to which the
    messages are counted here, so that a message that is read again after a crash counts once.
    """

    model: str
    partition: int
    start: int
    predictions: int = 0
    errors: int = 0
    labelled: int = 0
    correct: int = 0
    bypassed: int = 0
    untrained: int = 0
    confidence_micro: int = 0
    shed: int = 0
    stages: dict[str, Sketch] = field(default_factory=dict)
    last_offset: dict[str, int] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Its key in the table."""
        return bucket_key(self.model, self.partition, self.start)

    @property
    def trained(self) -> bool:
        """False if freshly initialised weights answered."""
        return self.untrained == 0

    @property
    def confidence(self) -> float:
        """Sum of the confidences."""
        return self.confidence_micro / MICRO

    def apply(self, changes: Sequence[Change]) -> bool:
        """Count what one message changed here; false, and nothing changes, if it is counted already."""
        source, offset = changes[0].source, changes[0].offset
        if self.last_offset.get(source, -1) >= offset:
            return False
        self.last_offset[source] = offset
        for change in changes:
            if change.prediction is not None:
                self.apply_prediction(change.prediction)
            else:
                self.predictions += change.predictions
            self.apply_error(change.errors)
            self.shed += change.shed
            self.relabel(change.labelled, change.correct)
        return True

    def apply_prediction(self, prediction: Prediction) -> None:
        """Count an answer and its times, without its label."""
        self.predictions += 1
        self.untrained += not prediction.trained
        self.bypassed += prediction.lane == "bypassed"
        self.confidence_micro += round(prediction.confidence * MICRO)
        for stage in STAGES:
            if stage == "inference_ms" and prediction.lane == "bypassed":
                continue
            sketch = self.stages.get(stage)
            if sketch is None:
                sketch = self.stages[stage] = Sketch()
            sketch.add(getattr(prediction, stage))

    def apply_error(self, count: int = 1) -> None:
        """Count images that the model gave up; -1 when it has answered after all."""
        self.errors += count

    def relabel(self, labelled: int, correct: int) -> None:
        """Add to the labelled and the correct answers; a new label takes the old one's part away."""
        self.labelled += labelled
        self.correct += correct

    def merge(self, other: "Bucket") -> None:
        """Take in the figures of another bucket, from another partition or time; model, start and offsets stay."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for stage, sketch in other.stages.items():
            self.stages.setdefault(stage, Sketch()).merge(sketch)

    def to_json(self) -> bytes:
        """As compact JSON: what is zero or empty is left out."""
        packed: dict[str, object] = {"m": self.model, "p": self.partition, "s": self.start}
        for short, name in _COUNTS:
            if value := getattr(self, name):
                packed[short] = value
        if self.stages:
            packed["k"] = {stage: sketch.to_json() for stage, sketch in sorted(self.stages.items())}
        return orjson.dumps(packed)

    @classmethod
    def from_json(cls, value: bytes) -> "Bucket":
        """From `to_json`."""
        packed = orjson.loads(value)
        counts = {name: packed[short] for short, name in _COUNTS if short in packed}
        stages = {stage: Sketch.from_json(sketch) for stage, sketch in packed.get("k", {}).items()}
        return cls(packed["m"], packed["p"], packed["s"], stages=stages, **counts)


_SUMS = ("predictions", "errors", "shed", "labelled", "correct", "bypassed", "untrained", "confidence_micro")
_COUNTS = (
    ("n", "predictions"),
    ("e", "errors"),
    ("l", "labelled"),
    ("c", "correct"),
    ("b", "bypassed"),
    ("u", "untrained"),
    ("f", "confidence_micro"),
    ("h", "shed"),
    ("o", "last_offset"),
)
