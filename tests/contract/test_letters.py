"""Dead letters in a real PostgreSQL: listed, sent again by one at a time, settled only when that has happened."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from streamapp.errors import LetterRefused, ObjectMissing, PublishFailed
from streamapp.records import DeadLetter, base64_text
from streamapp.resend import Message, Resender
from streamapp.retries import Retry
from streamapp.storage.letters import Filter, LetterStore
from streamapp.storage.postgres import Database
from streamapp.storage.rows import Rows
from tests.contract.examples import T0, dead_letter, image, prediction


@pytest.fixture
async def store(db: Database) -> LetterStore:
    async with db.connection() as connection:
        await connection.execute("TRUNCATE images, outcomes, dead_letters")
    return LetterStore(db)


class Desk:
    """A resender, and what it sends; `fails` is raised instead."""

    def __init__(self, store: LetterStore) -> None:
        self.sent: list[Message] = []
        self.objects: set[str] = set()
        self.fails: Exception | None = None
        self.resender = Resender(store, self.read, self.send, ["resnet50", "mobilenet", "stats", "recorder"], 12)

    async def read(self, path: str) -> bytes:
        if path not in self.objects:
            raise ObjectMissing(f"the object store has no {path}")
        return b"original"

    async def send(self, message: Message) -> None:
        await asyncio.sleep(0.05)
        if self.fails:
            raise self.fails
        self.sent.append(message)


@pytest.fixture
def desk(store: LetterStore) -> Desk:
    return Desk(store)


async def put(db: Database, store: LetterStore, *letters: DeadLetter) -> list[int]:
    """Store letters one by one; their ids."""
    for letter in letters:
        await db.store(Rows(dead_letters=[letter]))
    return sorted(letter.id for letter in await store.page(Filter(), None, 200))[-len(letters) :]


def letter(offset: int = 0, **fields: Any) -> DeadLetter:
    message = image()
    plain = {"image_id": message.image_id, "model": "resnet50", "value": base64_text(message.encode())}
    return dead_letter(offset, **{**plain, **fields})


# -- lists -------------------------------------------------------------------------------------------


async def test_letters_are_listed_newest_first_a_page_at_a_time(db: Database, store: LetterStore) -> None:
    ids = await put(db, store, *(letter(offset) for offset in range(5)))
    first = await store.page(Filter(), None, 2)
    assert [one.id for one in first] == ids[:-3:-1]
    assert [one.id for one in await store.page(Filter(), None, 9, first[-1].id)] == ids[-3::-1]


async def test_a_letter_that_comes_again_changes_nothing_and_another_one_at_its_place_takes_it(
    db: Database, store: LetterStore
) -> None:
    first = letter(7)
    (first_id,) = await put(db, store, first)
    async with store.settling(first_id, "discarded"):
        pass
    await put(db, store, first)
    kept = await store.one(first_id)
    assert kept is not None
    assert kept.status == "discarded", "the same one, read again after a crash"
    other = letter(7, reason="object-missing", value=base64_text(image(image_id=uuid4()).encode()))
    await put(db, store, other)
    (shown,) = await store.page(Filter(), None, 10)
    assert (shown.status, shown.reason) == ("open", "object-missing"), "of a topic that was deleted and made anew"


async def test_every_filter_chooses(db: Database, store: LetterStore) -> None:
    a, b, c, d = await put(
        db,
        store,
        letter(0),
        letter(1, model="mobilenet", group="streamapp-mobilenet"),
        letter(2, reason="object-missing", stage="fetch"),
        letter(3, timestamp=T0 + timedelta(hours=1)),
    )

    async def chosen(**which: Any) -> list[int]:
        listed = [one.id for one in await store.page(Filter(**which), None, 9)]
        assert await store.open_after(Filter(**which), 0, await store.newest(), 9) == sorted(listed)
        return sorted(listed)

    assert await chosen() == [a, b, c, d]
    assert await chosen(model="mobilenet") == [b]
    assert await chosen(reason="object-missing") == [c]
    assert await chosen(stage="fetch", model="resnet50") == [c]
    assert await chosen(since=T0 + timedelta(minutes=1)) == [d]
    assert await store.open_after(Filter(), b, c, 1) == [c]
    assert await store.open_after(Filter(), 0, b, 9) == [a, b], "what came later waits for another time"
    assert await store.newest() == d
    assert [one.id for one in await store.page(Filter(), "retried", 9)] == []


async def test_a_letter_shows_the_original_and_what_became_of_its_image(db: Database, store: LetterStore) -> None:
    dead = letter(7, tries=3)
    [letter_id] = await put(db, store, dead)
    found = await store.one(letter_id)
    assert found is not None
    assert (found.value, found.offset, found.tries, found.outcome) == (
        base64_bytes(dead),
        7,
        3,
        "dead",
    )
    await db.store(Rows(predictions=[prediction(dead.image_id, "resnet50")]))
    assert (await store.page(Filter(), None, 1))[0].outcome == "predicted"
    assert await store.one(10**9) is None


def base64_bytes(dead: DeadLetter) -> bytes:
    from base64 import b64decode

    return b64decode(dead.value)


async def test_what_fails_in_a_replay_is_no_letter(db: Database, store: LetterStore) -> None:
    dead = letter(run_id="audit")
    await db.store(Rows(dead_letters=[dead]))
    assert await store.page(Filter(), None, 9) == []
    async with db.connection() as connection:
        assert await connection.fetchval("SELECT outcome FROM outcomes WHERE run_id = 'audit'") == "dead"


# -- sent again ----------------------------------------------------------------------------------------


async def test_a_retry_is_the_original_for_the_group_that_failed(db: Database, store: LetterStore, desk: Desk) -> None:
    dead = letter(42, tries=2)
    [letter_id] = await put(db, store, dead)
    await desk.resender.retry(letter_id)
    [message] = desk.sent
    assert (message.topic, message.partition, message.value) == (dead.topic, dead.partition, base64_bytes(dead))
    assert message.key == str(dead.image_id).encode()
    assert message.headers == Retry("streamapp-resnet50", 2, 42, amends=T0).headers()
    settled = await store.one(letter_id)
    assert settled is not None
    assert settled.status == "retried"
    assert settled.settled_at is not None


async def test_a_message_without_image_amends_nothing(db: Database, store: LetterStore, desk: Desk) -> None:
    [letter_id] = await put(db, store, letter(image_id=None, stage="decode"))
    await desk.resender.retry(letter_id)
    assert Retry.of(fake(desk.sent[0])) == Retry("streamapp-resnet50", 1, 0, amends=None)


def fake(message: Message) -> Any:
    from types import SimpleNamespace

    return SimpleNamespace(headers=list(message.headers.items()), offset=99)


async def test_what_the_broker_did_not_take_stays_open(db: Database, store: LetterStore, desk: Desk) -> None:
    [letter_id] = await put(db, store, letter())
    desk.fails = PublishFailed("the broker is away")
    with pytest.raises(PublishFailed):
        await desk.resender.retry(letter_id)
    found = await store.one(letter_id)
    assert found is not None
    assert (found.status, found.settled_at) == ("open", None)


async def test_two_who_retry_the_same_letter_send_it_once(db: Database, store: LetterStore, desk: Desk) -> None:
    [letter_id] = await put(db, store, letter())
    results = await asyncio.gather(*(desk.resender.retry(letter_id) for _ in range(3)), return_exceptions=True)
    assert len(desk.sent) == 1
    assert [str(error) for error in results if error] == [f"dead letter {letter_id} is retried already"] * 2


async def test_a_dry_run_says_the_same_and_does_nothing(db: Database, store: LetterStore, desk: Desk) -> None:
    good, bad = await put(db, store, letter(0), letter(1, value=""))
    await desk.resender.retry(good, dry_run=True)
    await desk.resender.discard(good, dry_run=True)
    with pytest.raises(LetterRefused):
        await desk.resender.retry(bad, dry_run=True)
    assert desk.sent == []
    assert {one.status for one in await store.page(Filter(), None, 9)} == {"open"}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"group": "streamapp-elm", "model": "elm"}, "streamapp-elm, which takes no part now"),
        ({"topic": "somebody-elses"}, "none of our topics"),
        ({"partition": 12}, "none of our topics"),
        ({"value": ""}, "does not hold the whole original"),
        ({"value": base64_text(b"x" * 512 * 1024)}, "does not hold the whole original"),
        ({"reason": "object-missing", "stage": "fetch"}, "put the original back, or discard the letter"),
    ],
    ids=[
        "a model that is gone",
        "a strange topic",
        "a strange partition",
        "no value",
        "a value that was cut",
        "object",
    ],
)
async def test_what_cannot_go_through_is_refused_and_stays_open(
    db: Database, store: LetterStore, desk: Desk, fields: dict[str, Any], why: str
) -> None:
    [letter_id] = await put(db, store, letter(**fields))
    with pytest.raises(LetterRefused, match=why):
        await desk.resender.retry(letter_id)
    assert desk.sent == []
    assert await store.open_after(Filter(), 0, letter_id, 9) == [letter_id]


async def test_an_image_whose_original_is_back_can_be_done_again(db: Database, store: LetterStore, desk: Desk) -> None:
    message = image()
    dead = letter(image_id=message.image_id, reason="object-missing", value=base64_text(message.encode()))
    [letter_id] = await put(db, store, dead)
    desk.objects.add(message.minio_path)
    await desk.resender.retry(letter_id)
    assert len(desk.sent) == 1


async def test_a_letter_that_is_discarded_is_listed_no_more(db: Database, store: LetterStore, desk: Desk) -> None:
    [letter_id] = await put(db, store, letter())
    await desk.resender.discard(letter_id)
    assert await store.page(Filter(), "open", 9) == []
    assert [one.id for one in await store.page(Filter(), "discarded", 9)] == [letter_id]
    with pytest.raises(LetterRefused, match="is discarded already"):
        await desk.resender.retry(letter_id)
    with pytest.raises(LetterRefused, match="there is no dead letter"):
        await desk.resender.discard(10**9)


async def test_one_that_fails_again_is_a_new_letter(db: Database, store: LetterStore, desk: Desk) -> None:
    first = letter(3, image_id=uuid4())
    [letter_id] = await put(db, store, first)
    await desk.resender.retry(letter_id)
    again = first.model_copy(update={"offset": 9, "tries": 2, "amends": T0})
    await put(db, store, again)
    assert [(one.status, one.tries) for one in await store.page(Filter(), None, 9)] == [("open", 2), ("retried", 1)]
