"""Bringing the tables up to date after a crash or a rebalance, from what was written of them."""

from collections.abc import Iterator, Mapping, Set

import orjson

from tables import races
from tables.book import Book
from tables.buckets import ENSEMBLE, KEEP_BUCKET_S, bucket_key
from tables.changes import Change

#: Entries that are looked at between two steps.
STEP = 200

Offsets = dict[str, int]


def recover(book: Book, owned: Set[int], committed: Mapping[tuple[int, str], int], now: float) -> Iterator[None]:
    """Make `book` the book of the partitions in `owned`, from the shelves' backing; yields now and then.

    Entries of other partitions are forgotten. Buckets and totals are written later than races, so they may lack what
    the races' journals say. What lies before `committed`, the first offset that will be read again by partition and
    source, is applied to them here; the rest when its message is read again, since the races between may be missing:
    every bucket and total is always what the messages up to its last offsets have made of it.
    Afterwards every bucket and total counts as changed, and the races whose verdict nobody has acknowledged owe one.
    """
    book.clear()
    counted: dict[str, Offsets] = {}
    for key, value in list(book.buckets.backing.items()):
        _, partition, start = _parts(key)
        if partition not in owned:
            book.buckets.backing.forget(key)
            continue
        counted[key] = orjson.loads(value).get("o", {})
        book.changed[f"bucket|{key}"] = partition
        book.schedule.add(partition, start + KEEP_BUCKET_S, key)
    yield
    for key, value in list(book.totals.backing.items()):
        if int(key.rpartition(":")[2]) in owned:
            counted[key] = orjson.loads(value)[2]
            book.changed[f"total|{key}"] = int(key.rpartition(":")[2])
        else:
            book.totals.backing.forget(key)
    behind: list[str] = []
    for number, (key, value) in enumerate(list(book.races.backing.items())):
        outline = races.outline(value)
        if outline.partition not in owned:
            book.races.backing.forget(key)
            continue
        book.schedule.add(outline.partition, races.due_at(outline, book.deadline_s), key)
        if outline.owes_verdict:
            book.owing[key] = None
        if any(_is_missing(change, outline.partition, counted, now) for change in outline.journal):
            behind.append(key)
        if number % STEP == 0:
            yield
    yield from _roll_forward(book, behind, committed, now)


def _roll_forward(
    book: Book, behind: list[str], committed: Mapping[tuple[int, str], int], now: float
) -> Iterator[None]:
    """Apply the journals of these races; what is counted already is left out by the buckets and totals themselves."""
    messages: dict[tuple[int, str, int], list[Change]] = {}
    for key in behind:
        if race := book.races.get(key):
            for change in race.journal:
                messages.setdefault((race.partition, change.source, change.offset), []).append(change)
    for number, message in enumerate(sorted(messages)):
        partition, source, offset = message
        if offset < committed.get((partition, source), 0):
            book.count(messages[message], partition, now)
        else:
            book.journalled[message] = messages[message]
        if number % STEP == 0:
            yield


def _is_missing(change: Change, partition: int, counted: dict[str, Offsets], now: float) -> bool:
    """Whether a bucket that is still kept, or a total, was written before this change."""
    bucket = counted.get(bucket_key(change.model, partition, change.start), {})
    total = counted.get(f"{change.model}:{partition}", {})
    in_total = change.model != ENSEMBLE and bool(change.predictions or change.errors or change.shed)
    return (change.start + KEEP_BUCKET_S > now and bucket.get(change.source, -1) < change.offset) or (
        in_total and total.get(change.source, -1) < change.offset
    )


def _parts(key: str) -> tuple[str, int, int]:
    """Model, partition and start of a bucket's key."""
    model, partition, start = key.rsplit(":", 2)
    return model, int(partition), int(start)
