"""The table of races never goes back to what it knew before, whatever its changelog holds."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from streamapp.backing import RaceBacking
from tables import races
from tables.changes import PREDICTION
from tables.race import Race
from tests.unit.tables.samples import IMAGE, NOON_S, prediction

KEY = str(IMAGE).encode()
MODELS = ("efficientnet", "mobilenet", "resnet50")


class Table:
    """As much of Faust's table as a changelog needs."""

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}

    def apply_changelog_batch(self, batch: Iterable[Any]) -> None:
        for event in batch:
            self.data.pop(event.message.key, None)
            if event.message.value is not None:
                self.data[event.message.key] = event.message.value


def table() -> Table:
    made = Table()
    RaceBacking(cast(Any, SimpleNamespace(Table=lambda *_, **__: made)), "races", 4)
    return made


def read(into: Table, *values: bytes | None) -> dict[bytes, bytes]:
    into.apply_changelog_batch([SimpleNamespace(message=SimpleNamespace(key=KEY, value=value)) for value in values])
    return into.data


def life(opened_at: float) -> list[bytes]:
    """A race as it is written after each thing that happens to it."""
    race, written = Race(IMAGE, 3, opened_at), []
    for offset, model in enumerate(MODELS):
        race.add_prediction(prediction(model), offset, opened_at)
        written.append(races.to_bytes(race))
        race.settle(set(MODELS), opened_at, PREDICTION, offset, due=offset > 0)
        written.append(races.to_bytes(race))
        race.published = race.revision
        written.append(races.to_bytes(race))
    race.set_label("cat", 7, 7.0)
    return [*written, races.to_bytes(race)]


@given(st.lists(st.tuples(st.integers(0, len(life(NOON_S)) - 1), st.booleans()), min_size=1))
def test_however_late_records_come_the_newest_stays(steps: list[tuple[int, bool]]) -> None:
    known, written = table(), life(NOON_S)
    batch: list[bytes] = []
    for number, ends_batch in steps:
        batch.append(written[number])
        if ends_batch:
            read(known, *batch)
            batch = []
    read(known, *batch)
    assert races.progress(known.data[KEY]) == max(races.progress(written[number]) for number, _ in steps)


def test_a_race_that_is_deleted_stays_so_and_a_new_one_of_the_image_is_read() -> None:
    first, again = life(NOON_S), life(NOON_S + 1000)
    assert read(table(), first[-1], None) == {}
    assert read(table(), first[-1], None, again[0]) == {KEY: again[0]}
    assert read(table(), first[-1], again[0]) == {KEY: again[0]}


def test_a_race_knows_more_with_everything_that_happens_to_it() -> None:
    marks = [races.progress(value) for value in life(NOON_S)]
    assert marks == sorted(marks)
    assert marks[0] < marks[-1]
