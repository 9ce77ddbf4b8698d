"""The ledger in a real PostgreSQL: what each model owes from its starting point on, and what it has."""

import asyncio
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from streamapp.records import Shed
from streamapp.storage.ledger import LedgerStore, Owed
from streamapp.storage.postgres import Database
from streamapp.storage.rows import Rows
from tests.contract.examples import T0, dead_letter, image, placed, prediction


@pytest.fixture
async def store(db: Database) -> LedgerStore:
    async with db.connection() as connection:
        await connection.execute("TRUNCATE images, outcomes, ledger_starts, dead_letters")
    return LedgerStore(db)


def shed(image_id: UUID, model: str = "ash") -> Shed:
    return Shed(image_id=image_id, model=model, timestamp=T0, age_ms=2100.4, deadline_ms=2000, camera_id="door")


async def stored(db: Database, count: int, partition: int = 0, first: int = 0) -> list[UUID]:
    """Images at the offsets from `first` on."""
    images = [image() for _ in range(count)]
    await db.store(Rows(images=[placed(one, first + number, partition) for number, one in enumerate(images)]))
    return [one.image_id for one in images]


async def owed(store: LedgerStore, model: str = "ash") -> Owed:
    return (await store.books([model])).owed[model]


async def test_a_model_owes_what_comes_at_or_after_its_starting_point(db: Database, store: LedgerStore) -> None:
    assert await store.begin("ash", {0: 2, 1: 0}) == {0: 2, 1: 0}
    early, other = await stored(db, 5), await stored(db, 3, partition=1)
    assert (await owed(store)).accepted == 3 + 3
    assert await store.missing("ash", 100) == sorted(early[2:]) + sorted(other)
    assert await store.missing("ash", 2) == sorted(early[2:])[:2]
    assert (await owed(store, "unregistered")) == Owed()


async def test_each_kind_of_outcome_is_counted_and_nothing_else(db: Database, store: LedgerStore) -> None:
    await store.begin("ash", {0: 1})
    before, one, two, three, missing = await stored(db, 5)
    rows = Rows(
        predictions=[
            prediction(before, "ash"),
            prediction(one, "ash"),
            prediction(missing, "birch"),
            prediction(missing, "ash", run_id="audit"),
        ],
        dead_letters=[dead_letter(1, image_id=two, model="ash"), dead_letter(2)],
        shed=[shed(three)],
    )
    await db.store(rows)
    books = await store.books(["ash"])
    assert books.owed["ash"] == Owed(accepted=4, predicted=1, dead=1, shed=1)
    assert books.owed["ash"].missing == 1
    assert await store.missing("ash", 9) == [missing]
    assert books.stored == {"ash": {"predicted": 2, "dead": 1, "shed": 1}}, "all live ones, also the early image's"
    assert books.replayed == {"audit": {"ash": {"predicted": 1}}}
    assert (books.accepted, books.pending, books.unrecorded) == (5, 0, 0)
    assert (books.open_letters, books.unreadable) == (2, 1)


async def test_outcomes_of_images_that_nobody_stored_are_strangers(db: Database, store: LedgerStore) -> None:
    await db.store(Rows(predictions=[prediction(model="ash"), prediction(model="ash"), prediction(model="birch")]))
    assert (await store.books(["ash"])).strangers == {"ash": 2}


async def test_images_that_are_under_way_are_apart(db: Database, store: LedgerStore) -> None:
    await store.begin("ash", {0: 0})
    pending, marked = image(), image(second=1)
    for one in (pending, marked):
        await db.insert_pending(one, 8, 8, 99)
    await db.mark_published([marked.image_id])
    books = await store.books(["ash"])
    assert (books.accepted, books.pending, books.unrecorded) == (2, 1, 1)
    assert books.owed["ash"].accepted == 0, "nobody knows yet where its message lies"
    assert await store.unrecorded(9) == [marked.image_id]
    await db.store(Rows(images=[placed(marked)]))
    assert (await store.books(["ash"])).owed["ash"].accepted == 1


async def test_an_image_that_was_sent_twice_counts_where_it_was_sent_last(db: Database, store: LedgerStore) -> None:
    """A model that began between the two has got it."""
    message = image()
    await store.begin("ash", {0: 5})
    await db.store(Rows(images=[placed(message, 3)]))
    assert (await owed(store)).accepted == 0
    await db.store(Rows(images=[placed(message, 3), placed(message, 7)]))
    assert (await owed(store)).accepted == 1


async def test_whoever_comes_first_decides_where_a_model_begins(database_url: str, store: LedgerStore) -> None:
    async def begin(end: int) -> dict[int, int]:
        async with Database.connect(database_url, max_size=1) as db:
            return await LedgerStore(db).begin("ash", dict.fromkeys(range(12), end))

    answers = await asyncio.gather(*(begin(end) for end in range(10, 18)))
    assert all(answer == answers[0] for answer in answers)
    assert len(set(answers[0].values())) == 1
    assert await begin(99) == answers[0], "and it stays so"


async def test_a_topic_that_was_made_anew_gives_a_second_starting_point(db: Database, store: LedgerStore) -> None:
    await store.begin("ash", {0: 100})
    await stored(db, 2, first=99)
    assert await store.begin("ash", {0: 3}) == {0: 100}, "who says so may only have looked too early"
    assert await store.begin_anew("ash", {0: 3}) == {0: 3}
    assert (await owed(store)).accepted == 1, "what was recorded before that moment stays as it was"
    await stored(db, 4, first=1)
    assert (await owed(store)).accepted == 1 + 2
    assert await store.begin_anew("ash", {0: 50}) == {0: 3}


async def test_images_of_a_time_before_the_ledger_are_outside_of_it(database_url: str, db: Database) -> None:
    """The migration, on a database with an image of each state."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        from streamapp.storage import migrations

        steps = migrations.available()
        await migrations.apply(connection, steps[:1])
        for state in ("published", "pending"):
            await connection.execute(
                "INSERT INTO images (image_id, minio_path, timestamp, source, content_type, sha256, state) "
                "VALUES (gen_random_uuid(), 'a/b', now(), 'upload', 'image/png', '', $1)",
                state,
            )
        await migrations.apply(connection, steps)
    finally:
        await connection.close()
    store = LedgerStore(db)
    await store.begin("ash", {0: 0})
    books = await store.books(["ash"])
    assert (books.accepted, books.pending, books.unrecorded, books.owed["ash"].accepted) == (2, 1, 0, 0)


# -- frames that were left out ----------------------------------------------------------------------


async def outcome(db: Database, image_id: UUID) -> dict[str, object]:
    async with db.connection() as connection:
        return dict(await connection.fetchrow("SELECT * FROM outcomes WHERE image_id = $1", image_id))


async def test_a_frame_that_was_left_out_is_an_outcome_with_its_age(db: Database) -> None:
    frame = shed(image().image_id)
    for _ in range(2):
        await db.store(Rows(shed=[frame]))
    row = await outcome(db, frame.image_id)
    assert (row["outcome"], row["reason"], row["camera_id"]) == ("shed", "too-old", "door")
    assert row["error"] == "2100 ms old, the deadline is 2000 ms"


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("prediction_first", [True, False])
async def test_a_prediction_takes_the_place_of_a_frame_left_out_in_any_order(
    db: Database, together: bool, prediction_first: bool
) -> None:
    frame = shed(image().image_id)
    answer = prediction(frame.image_id, "ash", timestamp=T0 + timedelta(seconds=2))
    if together:
        await db.store(Rows(shed=[frame], predictions=[answer]))
    else:
        steps = [Rows(predictions=[answer]), Rows(shed=[frame])]
        for step in steps if prediction_first else reversed(steps):
            await db.store(step)
    row = await outcome(db, frame.image_id)
    assert (row["outcome"], row["reason"], row["prediction_id"]) == ("predicted", None, answer.prediction_id)


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("dead_first", [True, False])
async def test_that_an_image_was_given_up_takes_the_place_of_a_frame_left_out_in_any_order(
    db: Database, together: bool, dead_first: bool
) -> None:
    frame = shed(image().image_id)
    letter = dead_letter(image_id=frame.image_id, model="ash", reason="object-missing")
    steps = [Rows(dead_letters=[letter]), Rows(shed=[frame])]
    for step in [Rows(dead_letters=[letter], shed=[frame])] if together else steps if dead_first else reversed(steps):
        await db.store(step)
    row = await outcome(db, frame.image_id)
    assert (row["outcome"], row["reason"], row["timestamp"]) == ("dead", "object-missing", letter.timestamp)
