"""A race: what the models said about one image, and the journal of what that changed in the aggregates.

A race is written before the buckets and totals that follow from it, and every change that it made to them is in its
journal with the offset of the message that caused it. So after a crash, whatever was written of them, the journals
bring the buckets and totals up to date, and a message that is read again finds its race and changes nothing.
"""

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from streamapp.records import Prediction, Source
from tables.buckets import ENSEMBLE, bucket_start
from tables.changes import DEAD_LETTER, LABEL, PREDICTION, SHED, Change
from tables.marks import Mark, difference, relabelled
from tables.outcomes import Answer, Dead
from tables.votes import ensemble

#: Closed races stay this long: late answers, labels and duplicates on the wire still find them.
KEEP_RACE_S = 15 * 60


@dataclass(slots=True)
class Race:
    """One image. Times are seconds since 1970; `label_offset` is None while the label is the one the image came with,
    else that of the last message that was read, while `label_at` and `label_by` are those of the label that counts.

    `revision` counts its verdicts, `published` is the newest that the broker has acknowledged. A race is `late` when
    its first outcome came so long after the image that it may be the rest of a race that is not kept any more.
    """

    image_id: UUID
    partition: int
    opened_at: float
    closed_at: float | None = None
    settled_at: float | None = None
    complete: bool = False
    revision: int = 0
    published: int = 0
    label: str | None = None
    label_offset: int | None = None
    late: bool = False
    label_at: float | None = None
    label_by: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    dead: dict[str, Dead] = field(default_factory=dict)
    ensemble: Mark | None = None
    journal: list[Change] = field(default_factory=list)

    @property
    def key(self) -> str:
        """Its key in the table."""
        return str(self.image_id)

    @property
    def source(self) -> Source:
        """Where the image came from, by its outcomes."""
        sources = [answer.source for _, answer in self._predictions()]
        return next(iter(sources + [dead.source for dead in self.dead.values()]), "upload")

    @property
    def camera_id(self) -> str | None:
        """The camera, by its outcomes."""
        cameras = [answer.camera_id for _, answer in self._predictions()]
        return next(iter(cameras + [dead.camera_id for dead in self.dead.values()]), None)

    @property
    def has_outcome(self) -> bool:
        """False while only a label has come."""
        return bool(self.answers or self.dead)

    @property
    def recalled(self) -> bool:
        """Whether this is what is known again of a race that was over and forgotten."""
        return self.closed_at is not None and self.settled_at is None

    def is_forgotten(self, amends: datetime | None, now: float) -> bool:
        """Whether what a retry amends was in a race that is not kept any more, so that this one knows nothing of it."""
        old = amends is not None and now - amends.timestamp() > KEEP_RACE_S
        return old and (self.recalled or not self.has_outcome)

    def add_prediction(self, prediction: Prediction, offset: int, now: float) -> list[Change]:
        """A model has answered. Only its first answer counts; it takes back an error or a frame left out before it."""
        model = prediction.model
        if model in self.answers:
            return []
        before = self._marks()
        self._open(now, prediction.total_ms / 1000)
        self.answers[model] = Answer(offset, prediction)
        self.label = self.label or prediction.label
        start = bucket_start(prediction.timestamp)
        changes = [Change(model, start, PREDICTION, offset, predictions=1, prediction=prediction)]
        if model in self.dead:
            changes.append(self._missed(model, PREDICTION, offset, -1))
        return self._write(changes + relabelled(PREDICTION, offset, before, self._marks()))

    def add_dead(self, model: str, dead: Dead, now: float) -> list[Change]:
        """A model has given the image up or left it out; after another outcome that changes nothing.

        Only that it was given up takes back that it was left out: whichever is read first, the same is counted.
        """
        known = self.dead.get(model)
        if model in self.answers or (known is not None and known.shed <= dead.shed):
            return []
        self._open(now, dead.age_s)
        source = SHED if dead.shed else DEAD_LETTER
        changes = [self._missed(model, source, dead.offset, -1)] if known else []
        self.dead[model] = dead
        self.label = self.label or dead.label
        return self._write([*changes, self._missed(model, source, dead.offset, 1)])

    def recall(self, model: str, dead: Dead, now: float) -> None:
        """All that is known of a race that was over long ago is what the model's late answer takes back: the answer
        counts, and there will be no new verdict.
        """
        self._open(now, 0)
        self.dead[model] = dead
        self.closed_at = now

    def set_label(self, label: str | None, offset: int, at: float, by: str = "") -> list[Change]:
        """The right class, by a person or a program: it replaces an earlier one, and the one the image came with.

        None takes it back: the one the image came with counts again, which the answers carry. Earlier is what was given
        earlier, not what was published earlier, so that the same label counts here and in PostgreSQL.
        """
        if self.label_offset is not None and offset <= self.label_offset:
            return []
        self.label_offset = offset
        if self.label_at is not None and (self.label_at > at or (self.label_at == at and self.label_by <= by)):
            return []
        before = self._marks()
        came_with = [answer.label for _, answer in self._predictions()] + [dead.label for dead in self.dead.values()]
        self.label, self.label_at, self.label_by = label or next(filter(None, came_with), None), at, by
        return self._write(relabelled(LABEL, offset, before, self._marks()))

    def settle(self, expected: Set[str], now: float, source: str, offset: int, *, due: bool = False) -> list[Change]:
        """Close the race if every expected model has answered or given up, or it is `due`; amend it if it is closed.

        A race that is closed afterwards has a new revision of its verdict. `source` and `offset` are those of the
        message that led to it.
        """
        complete = expected <= self.answers.keys() | self.dead.keys()
        if self.recalled:
            return []
        if self.closed_at is None:
            if not (complete or due) or not self.has_outcome:
                return []
            self.closed_at = now
        self.complete, self.settled_at = complete, now
        self.revision += 1
        return self._write(self._ensembled(source, offset))

    def _open(self, now: float, age_s: float) -> None:
        """The deadline counts from the first outcome, `age_s` after the image, not from a label that came before it."""
        if not self.has_outcome:
            self.opened_at, self.late = now, age_s > KEEP_RACE_S

    def _predictions(self) -> Iterator[tuple[str, Prediction]]:
        return ((model, answer.prediction) for model, answer in self.answers.items())

    def _missed(self, model: str, source: str, offset: int, count: int) -> Change:
        """The part of an error, or of a frame left out, in the bucket of its time."""
        dead = self.dead[model]
        change = Change(model, dead.start, source, offset)
        return change._replace(shed=count) if dead.shed else change._replace(errors=count)

    def _write(self, changes: list[Change]) -> list[Change]:
        self.journal += changes
        return changes

    def _marks(self) -> dict[str, Mark]:
        """What the answers count for under the present label; untrained weights count for nothing."""
        return {
            model: Mark(
                bucket_start(answer.prediction.timestamp), 1, 1, int(self.label == answer.prediction.prediction)
            )
            for model, answer in self.answers.items()
            if self.label is not None and answer.prediction.trained
        }

    def _ensembled(self, source: str, offset: int) -> list[Change]:
        """The difference to what the ensemble has counted for so far. Its bucket is that of the last answer."""
        answers = [answer for _, answer in self._predictions()]
        if not answers:
            return []
        start = self.ensemble.start if self.ensemble else bucket_start(max(answer.timestamp for answer in answers))
        counts = self.label is not None and all(answer.trained for answer in answers)
        mark = Mark(start, 1, int(counts), int(counts and ensemble(answers)[0] == self.label))
        before, self.ensemble = self.ensemble or Mark(start), mark
        change = difference(ENSEMBLE, source, offset, before, mark)
        return [change] if change else []
