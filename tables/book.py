"""The three tables together: what each message changes in races, buckets and totals."""

from collections.abc import Iterable, Set
from datetime import datetime
from typing import Literal
from uuid import UUID

from streamapp.records import LIVE, DeadLetter, LabelMessage, Prediction, Shed
from tables import races
from tables.buckets import ENSEMBLE, KEEP_BUCKET_S, Bucket, bucket_key, bucket_start
from tables.changes import DEAD_LETTER, LABEL, PREDICTION, SHED, TICK, Change, grouped
from tables.outcomes import Dead
from tables.race import Race
from tables.schedule import Schedule
from tables.shelf import Backing, Shelf
from tables.totals import Total

#: What became of a message: counted, seen before at this offset, one outcome too many for its image and model, or
#: none of the live figures' business (old images done again, no image, not the image's partition).
Result = Literal["counted", "replay", "duplicate", "other"]


class Book:
    """The tables of one worker. `now` is always in seconds since 1970.

    `journalled` are the changes of messages that will be read again, by partition, source and offset: their races were
    written before a crash, the buckets and totals perhaps not. `owing` are the races whose newest verdict is not
    published; `changed` the keys on `stats-partials` whose value is not, with their partition. `unclaimed` counts
    labels whose image never came.
    """

    def __init__(
        self, races_: Backing, buckets: Backing, totals: Backing, expected: Set[str], deadline_s: float
    ) -> None:
        self.races: Shelf[Race] = Shelf(races_, races.from_bytes, races.to_bytes)
        self.buckets: Shelf[Bucket] = Shelf(buckets, lambda _, value: Bucket.from_json(value), Bucket.to_json)
        self.totals: Shelf[Total] = Shelf(totals, Total.from_json, Total.to_json)
        self.expected = expected
        self.deadline_s = deadline_s
        self.schedule = Schedule(self._due_at)
        self.journalled: dict[tuple[int, str, int], list[Change]] = {}
        self.owing: dict[str, None] = {}
        self.changed: dict[str, int] = {}
        self.unclaimed = 0

    # -- messages ----------------------------------------------------------------------------------

    def predicted(self, prediction: Prediction, partition: int, offset: int, now: float) -> Result:
        """A model has answered."""
        if prediction.run_id != LIVE:
            return "other"
        self._count_again(PREDICTION, partition, offset, now)
        race = self._race(prediction.image_id, partition, now)
        if race.partition != partition:
            return "other"
        if known := race.answers.get(prediction.model):
            return "replay" if known.offset == offset else "duplicate"
        if prediction.amends and race.is_forgotten(prediction.amends, now):
            race.recall(prediction.model, Dead(-1, bucket_start(prediction.amends)), now)
        changes = race.add_prediction(prediction, offset, now)
        return self._enter(race, changes, PREDICTION, offset, now)

    def gave_up(self, letter: DeadLetter, partition: int, offset: int, now: float) -> Result:
        """A model has given an image up."""
        if letter.image_id is None or letter.model is None or letter.run_id != LIVE:
            return "other"
        dead = Dead.of_letter(letter, offset)
        return self._missed(letter.image_id, letter.model, dead, partition, now, letter.amends)

    def left_out(self, shed: Shed, partition: int, offset: int, now: float) -> Result:
        """A model has left a frame out."""
        if shed.run_id != LIVE:
            return "other"
        return self._missed(shed.image_id, shed.model, Dead.of_shed(shed, offset), partition, now)

    def _missed(
        self, image_id: UUID, model: str, dead: Dead, partition: int, now: float, amends: datetime | None = None
    ) -> Result:
        source = SHED if dead.shed else DEAD_LETTER
        self._count_again(source, partition, dead.offset, now)
        race = self._race(image_id, partition, now)
        if race.partition != partition:
            return "other"
        if (known := race.dead.get(model)) and known.shed == dead.shed:
            return "replay" if known.offset == dead.offset else "duplicate"
        if race.is_forgotten(amends, now):
            return "duplicate"  # the retry of an old image has failed as well, and its error is counted
        if not (changes := race.add_dead(model, dead, now)):
            return "duplicate"
        return self._enter(race, changes, source, dead.offset, now)

    def _enter(self, race: Race, changes: list[Change], source: str, offset: int, now: float) -> Result:
        """A model's outcome has changed a race."""
        changes += race.settle(self.expected, now, source, offset)
        self._keep(race, now)
        self.count(changes, race.partition, now)
        return "counted"

    def labelled(self, message: LabelMessage, partition: int, offset: int, now: float) -> Result:
        """The right class has come. For an image that nobody knows yet it waits, as long as a closed race does."""
        self._count_again(LABEL, partition, offset, now)
        race = self._race(message.image_id, partition, now)
        if race.partition != partition:
            return "other"
        if race.label_offset is not None and offset <= race.label_offset:
            return "replay"
        before = race.label
        changes = race.set_label(message.label, offset, message.timestamp.timestamp(), message.by)
        if race.closed_at is not None and race.label != before:
            changes += race.settle(self.expected, now, LABEL, offset)
        self._keep(race, now)
        self.count(changes, partition, now)
        return "counted"

    def tick(self, partition: int, offset: int, now: float) -> None:
        """Time has passed: close the races that are due, and delete what has been kept long enough.

        `now` is the tick's own time, so that a tick that is read again ends what it ended before, and nothing else.
        """
        changes = self.journalled.pop((partition, TICK, offset), [])
        for key in self.schedule.take(partition, now):
            if ":" in key:
                self.buckets.put(key, partition, None, now)
                self.changed[f"bucket|{key}"] = partition
            elif race := self.races.get(key):
                changes += self._end(race, offset, now)
        self.count(changes, partition, now)

    def _end(self, race: Race, offset: int, now: float) -> list[Change]:
        """Close a race that waits for answers, delete one that does not."""
        if race.closed_at is None and race.has_outcome and not race.late:
            changes = race.settle(self.expected, now, TICK, offset, due=True)
            self._keep(race, now)
            self.schedule.add(race.partition, races.due_at(race, self.deadline_s), race.key)
            return changes
        self.unclaimed += not race.has_outcome
        self.races.put(race.key, race.partition, None, now)
        self.owing.pop(race.key, None)
        return []

    def published(self, key: str, revision: int, now: float) -> None:
        """The broker has this revision of a race's verdict."""
        if (race := self.races.get(key)) and race.published < revision:
            race.published = revision
            self._keep(race, now)

    def clear(self) -> None:
        """Forget everything that is not in the shelves' backing."""
        for shelf in (self.races, self.buckets, self.totals):
            shelf.clear()
        self.schedule.clear()
        self.journalled.clear()
        self.owing.clear()
        self.changed.clear()

    # -- tables ------------------------------------------------------------------------------------

    def _count_again(self, source: str, partition: int, offset: int, now: float) -> None:
        """A message that its race knows already is read again: count what it changed where it is not counted yet."""
        self.count(self.journalled.pop((partition, source, offset), []), partition, now)

    def _race(self, image_id: UUID, partition: int, now: float) -> Race:
        return self.races.get(str(image_id)) or Race(image_id, partition, now)

    def _keep(self, race: Race, now: float) -> None:
        if race.revision > race.published:
            self.owing[race.key] = None
        else:
            self.owing.pop(race.key, None)
        if race.opened_at == now:  # it is new, or this was its first outcome
            self.schedule.add(race.partition, now + self.deadline_s, race.key)
        self.races.put(race.key, race.partition, race, now)

    def _due_at(self, key: str) -> float | None:
        if ":" in key:
            return int(key.rpartition(":")[2]) + KEEP_BUCKET_S
        race = self.races.get(key)
        return None if race is None else races.due_at(race, self.deadline_s)

    def count(self, changes: Iterable[Change], partition: int, now: float) -> None:
        """Apply the changes of one message, all of one source and offset, to the buckets and totals."""
        for (model, start), group in grouped(changes, lambda change: (change.model, change.start)):
            key = bucket_key(model, partition, start)
            bucket = self.buckets.get(key)
            if bucket is None:
                if not start - KEEP_BUCKET_S < now < start + KEEP_BUCKET_S:
                    continue  # too old, it would be deleted at once; or of a clock that is far ahead
                bucket = Bucket(model, partition, start)
                self.schedule.add(partition, start + KEEP_BUCKET_S, key)
            if bucket.apply(group):
                self.buckets.put(key, partition, bucket, now)
                self.changed[f"bucket|{key}"] = partition
        for model, group in grouped(changes, lambda change: change.model):
            group = [change for change in group if change.predictions or change.errors or change.shed]
            if model == ENSEMBLE or not group:
                continue
            total = self.totals.get(f"{model}:{partition}") or Total(model, partition)
            if total.apply(group):
                self.totals.put(total.key, partition, total, now)
                self.changed[f"total|{total.key}"] = partition
