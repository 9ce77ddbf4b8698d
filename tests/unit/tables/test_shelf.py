"""What a shelf gives to write, keeps and forgets."""

import pytest

from tables.schedule import Schedule
from tables.shelf import Shelf, Write
from tests.unit.tables.samples import Kept, keep

LATER = 1e9


@pytest.fixture
def shelf():
    return Shelf(Kept({"old": b"1"}), lambda key, value: int(value), lambda value: str(value).encode())


def test_changes_are_read_at_once_and_written_when_taken(shelf):
    shelf.put("a", 3, 7, now=1)
    assert (shelf.get("a"), shelf.get("old"), shelf.get("none")) == (7, 1, None)
    assert (shelf.encoded("a"), shelf.encoded("old"), shelf.encoded("none")) == (b"7", b"1", None)
    assert shelf.backing == {"old": b"1"}
    writes = shelf.take(LATER)
    assert writes == [Write("a", 3, b"7")]
    keep(shelf, writes)
    assert shelf.backing == {"old": b"1", "a": b"7"}
    assert shelf.take(LATER) == []


def test_several_changes_are_one_write_as_old_as_the_first(shelf):
    shelf.put("a", 3, 7, now=1)
    shelf.put("a", 3, 8, now=5)
    assert shelf.take(0.5) == []
    assert shelf.take(1) == [Write("a", 3, b"8")]


def test_a_deletion_is_a_write_without_value(shelf):
    shelf.put("old", 3, None, now=1)
    assert shelf.get("old") is shelf.encoded("old") is None
    keep(shelf, shelf.take(LATER))
    assert shelf.backing == {}


def test_a_change_while_writing_is_neither_lost_nor_shadowed(shelf):
    shelf.put("a", 3, 7, now=1)
    writes = shelf.take(LATER)
    shelf.put("a", 3, 8, now=2)
    keep(shelf, writes)
    assert (shelf.backing["a"], shelf.get("a")) == (b"7", 8)
    assert shelf.take(LATER) == [Write("a", 3, b"8")]


def test_what_failed_is_written_again_with_its_newest_value(shelf):
    shelf.put("a", 3, 7, now=1)
    writes = shelf.take(LATER)
    shelf.put("a", 3, 8, now=2)
    shelf.failed(writes, now=3)
    assert shelf.get("a") == 8
    assert shelf.take(LATER) == [Write("a", 3, b"8")]


def test_clearing_forgets_what_was_not_written(shelf):
    shelf.put("a", 3, 7, now=1)
    shelf.clear()
    assert (shelf.get("a"), shelf.take(LATER)) == (None, [])


def test_the_schedule_gives_what_is_due_on_a_partition():
    due = {"a": 10.0, "b": 20.0, "c": 10.0}
    schedule = Schedule(due.get)
    for key, partition in (("a", 0), ("b", 0), ("c", 1)):
        schedule.add(partition, due[key], key)
    assert not schedule.is_due(0, 9.9)
    assert schedule.is_due(0, 10)
    assert schedule.take(0, 10) == ["a"]
    assert schedule.take(0, 25) == ["b"]
    assert schedule.take(1, 25) == ["c"]
    assert len(schedule) == 0


def test_the_schedule_forgives_stale_entries():
    due = {"later": 50.0, "twice": 10.0}
    schedule = Schedule(due.get)
    for key in ("later", "twice", "twice", "gone"):
        schedule.add(0, 10, key)
    assert schedule.take(0, 10) == ["twice"]
    assert not schedule.is_due(0, 49)
    assert len(schedule) == 1, "the one that is gone is dropped, the later one waits"
    assert schedule.take(0, 50) == ["later"]
