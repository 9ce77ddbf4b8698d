"""The table `races`: the verdict of a race, and the race as the bytes that the table keeps."""

import zlib
from collections.abc import Set
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Any
from uuid import UUID

import orjson

from streamapp.records import Prediction, Verdict
from tables.buckets import BUCKET_S
from tables.changes import Change
from tables.marks import Mark
from tables.outcomes import Answer, Dead
from tables.race import KEEP_RACE_S, Race
from tables.votes import consensus, disagreement, ensemble, fastest, most_confident

__all__ = ["KEEP_RACE_S", "Outline", "Race", "due_at", "from_bytes", "outline", "progress", "to_bytes", "verdict"]


def verdict(race: Race, expected: Set[str], now: float) -> Verdict:
    """What the models say together, as of `now` (seconds since 1970), untrained weights included."""
    answers = [race.answers[model].prediction for model in sorted(race.answers)]
    leader, agreement = consensus(answers)
    best, probability = ensemble(answers)
    return Verdict(
        image_id=race.image_id,
        timestamp=datetime.fromtimestamp(now, UTC),
        expected=len(expected),
        answers=len(answers),
        complete=race.complete,
        fastest=fastest(answers),
        most_confident=most_confident(answers),
        consensus=leader,
        agreement=agreement,
        ensemble=best,
        ensemble_confidence=probability,
        disagreement=disagreement(answers),
        source=race.source,
        camera_id=race.camera_id,
        label=race.label,
        predictions=answers,
        dead=_missing(race, shed=False),
        shed=_missing(race, shed=True),
    )


def _missing(race: Race, *, shed: bool) -> list[str]:
    """The models that have given the image up, or left it out, and have not answered after all."""
    return sorted(model for model, dead in race.dead.items() if dead.shed == shed and model not in race.answers)


@dataclass(frozen=True, slots=True)
class Outline:
    """What a recovery needs to know of every race, without decoding its answers."""

    partition: int
    opened_at: float
    closed_at: float | None
    settled_at: float | None
    owes_verdict: bool
    has_outcome: bool
    late: bool
    journal: list[Change]


def to_bytes(race: Race) -> bytes:
    """As compressed lines of JSON, the answers last: they repeat each other, so a third of the size is left."""
    header = orjson.dumps([*(getattr(race, name) for name in _PLAIN), *_packed(race)])
    return zlib.compress(b"\n".join([header, *(each.prediction.encode() for each in race.answers.values())]), 1)


def from_bytes(key: str, value: bytes) -> Race:
    """From a key and `to_bytes`."""
    header, *lines = zlib.decompress(value).split(b"\n")
    *plain, offsets, dead, mark, journal = orjson.loads(header)
    race = Race(UUID(key), *plain)
    answers = [Answer(offset, Prediction.decode(line)) for offset, line in zip(offsets, lines, strict=True)]
    race.answers = {answer.prediction.model: answer for answer in answers}
    race.dead = {model: Dead(*each) for model, each in dead.items()}
    race.ensemble = Mark(*mark) if mark else None
    race.journal = [
        Change(*entry)._replace(prediction=race.answers[entry[0]].prediction if answered else None)
        for *entry, answered in journal
    ]
    return race


def outline(value: bytes) -> Outline:
    """From `to_bytes`; the journal's changes are without their predictions."""
    race, (offsets, dead, _, journal) = _header(value)
    owes = race["revision"] > race["published"]
    changes = [Change(*entry) for *entry, _ in journal]
    has_outcome = bool(offsets or dead)
    times = race["opened_at"], race["closed_at"], race["settled_at"]
    return Outline(race["partition"], *times, owes, has_outcome, race.get("late", False), changes)


def progress(value: bytes) -> tuple[float, ...]:
    """How much a race knew when it was written with `to_bytes`: it is less for what was written before it.

    A race that comes after one of the same image that is deleted was opened later.
    """
    race, packed = _header(value)
    offsets, dead, *_ = packed
    label = -1 if race["label_offset"] is None else race["label_offset"]
    return race["opened_at"], len(offsets) + len(dead), label, race["revision"], race["published"]


def due_at(race: Race | Outline, deadline_s: float) -> float:
    """When a race must be closed, or deleted if it is closed or only labelled; deletions come ten seconds' worth.

    A closed one is kept as long after its last outcome: a retry of that must find it. A late one is closed by its last
    outcome or never: its other outcomes may have had their verdict long ago.
    """
    if race.closed_at is None and race.has_outcome and not race.late:
        return race.opened_at + deadline_s
    return ceil(((race.settled_at or race.closed_at or race.opened_at) + KEEP_RACE_S) / BUCKET_S) * BUCKET_S


def _header(value: bytes) -> tuple[dict[str, Any], list[Any]]:
    """What is plain, by name, and the rest, of the line without the answers."""
    *plain, offsets, dead, mark, journal = orjson.loads(zlib.decompress(value).partition(b"\n")[0])
    return dict(zip(_PLAIN, plain, strict=False)), [offsets, dead, mark, journal]


_PLAIN = (
    "partition",
    "opened_at",
    "closed_at",
    "settled_at",
    "complete",
    "revision",
    "published",
    "label",
    "label_offset",
    "late",
    "label_at",
    "label_by",
)


def _packed(race: Race) -> list[Any]:
    """What is not plain: offsets of the answers, dead letters, ensemble, journal."""
    mark = race.ensemble
    return [
        [each.offset for each in race.answers.values()],
        {model: astuple(each) for model, each in race.dead.items()},
        mark and [mark.start, mark.predictions, mark.labelled, mark.correct],
        [[*change[:-1], change.prediction is not None] for change in race.journal],
    ]
