"""Replays in a real PostgreSQL: which images, what is left to do, and the comparison with the live answers."""

from datetime import timedelta

import pytest

from streamapp.records import ImageMessage, Prediction
from streamapp.storage.postgres import Database
from streamapp.storage.rows import Rows
from streamapp.storage.runs import Comparison, Range, Run, RunStore, at_time
from streamapp.storage.views import Cursor
from tests.contract.examples import T0, dead_letter, image, label, placed, prediction

ALWAYS = Range(at_time(T0 - timedelta(days=1), end=False), at_time(T0 + timedelta(days=1), end=True), None)


@pytest.fixture
async def store(db: Database) -> RunStore:
    async with db.connection() as connection:
        await connection.execute("TRUNCATE images, outcomes, runs, labels")
    return RunStore(db)


async def history(db: Database, *messages: ImageMessage) -> list[ImageMessage]:
    await db.store(Rows(images=[placed(message, number) for number, message in enumerate(messages)]))
    return list(messages)


async def begun(store: RunStore, chosen: Range = ALWAYS, run_id: str = "audit") -> Run:
    return await store.begin(run_id, {"ash": "path:a#sha256=1"}, chosen, await store.count(chosen))


def place(message: ImageMessage) -> Cursor:
    return Cursor(message.timestamp, message.image_id)


async def to_do(store: RunStore, run: Run, after: Cursor | None = None, limit: int = 99) -> list[ImageMessage]:
    return await store.to_do(run, "ash", after, limit)


async def test_a_part_of_history_has_both_ends_and_comes_oldest_first(db: Database, store: RunStore) -> None:
    images = await history(db, *(image(second=second) for second in range(6)))
    ends = Range(place(images[1]), place(images[4]), None)
    assert await store.count(ends) == 4
    run = await begun(store, ends)
    assert (run.images, run.finished_at, run.range) == (4, None, ends)
    assert await to_do(store, run) == images[1:5]
    assert await to_do(store, run, limit=2) == images[1:3]
    assert await to_do(store, run, after=place(images[2])) == images[3:5]
    by_time = Range(at_time(images[1].timestamp, end=False), at_time(images[4].timestamp, end=True), None)
    assert await store.count(by_time) == 4


async def test_only_published_images_of_the_source_take_part(db: Database, store: RunStore) -> None:
    [frame, _] = await history(db, image(source="webcam"), image(source="cifar10"))
    await db.insert_pending(image(source="webcam"), 8, 8, 99)
    run = await begun(store, ALWAYS._replace(source="webcam"))
    assert (run.images, run.source) == (1, "webcam")
    assert await to_do(store, run) == [frame]


async def test_what_is_done_is_not_done_again_and_what_failed_is(db: Database, store: RunStore) -> None:
    done, failed, other, fresh = await history(db, *(image(second=second) for second in range(4)))
    run = await begun(store)
    await db.store(
        Rows(
            predictions=[
                prediction(done.image_id, "ash", run_id="audit"),
                prediction(failed.image_id, "ash"),
                prediction(other.image_id, "birch", run_id="audit"),
                prediction(other.image_id, "ash", run_id="another"),
            ],
            dead_letters=[dead_letter(image_id=failed.image_id, model="ash", run_id="audit")],
        )
    )
    assert await to_do(store, run) == [failed, other, fresh]
    assert await store.count_to_do(run, "ash") == 3
    await db.store(Rows(predictions=[prediction(failed.image_id, "ash", run_id="audit")]))
    assert await store.count_to_do(run, "ash") == 2


async def test_a_run_is_found_again_as_it_began(db: Database, store: RunStore) -> None:
    await history(db, image())
    run = await begun(store)
    assert await store.begin("audit", {"birch": "fresh"}, ALWAYS._replace(source="webcam"), 99) == run
    assert await store.run("audit") == run
    assert await store.run("nobody") is None
    await store.finish("audit")
    finished = await store.run("audit")
    assert finished is not None
    assert finished.finished_at is not None


async def test_runs_are_listed_newest_first_with_what_is_stored(db: Database, store: RunStore) -> None:
    one, two = await history(db, image(), image(second=1))
    for run_id in ("first", "second"):
        await begun(store, run_id=run_id)
    answers = [prediction(each.image_id, "ash", run_id="second") for each in (one, two)]
    await db.store(
        Rows(predictions=answers[:1], dead_letters=[dead_letter(image_id=two.image_id, model="ash", run_id="second")])
    )
    assert [(run.run_id, run.predicted, run.dead) for run in await store.runs(9)] == [("second", 1, 1), ("first", 0, 0)]
    assert [run.run_id for run in await store.runs(1)] == ["second"]


async def test_the_place_of_an_image(db: Database, store: RunStore) -> None:
    [message] = await history(db, image())
    assert await store.place_of(message.image_id) == place(message)
    assert await store.place_of(image().image_id) is None


async def test_the_place_of_an_image_by_its_offset(db: Database, store: RunStore) -> None:
    older, newer = image(second=1), image(second=2)
    await db.store(Rows(images=[placed(newer, 40_000, 7), placed(older, 40_000, 7)]))
    assert await store.place_at(7, 40_000) == place(newer), "the topic was made anew: the same offset came again"
    assert await store.place_at(7, 40_001) is None


async def test_the_comparison_counts_what_it_says(db: Database, store: RunStore) -> None:
    """The same and right, the same and wrong, another one that a person's label says is right, and so on."""

    def answer(message: ImageMessage, said: str, run_id: str, **more: object) -> Prediction:
        return prediction(message.image_id, "ash", run_id=run_id, prediction=said, **more)

    messages = [
        image(second=second, label=given) for second, given in enumerate(("cat", "cat", None, "cat", "cat", "cat"))
    ]
    right, wrong, changed, only, dead, untrained = await history(db, *messages)
    live = [(right, "cat"), (wrong, "dog"), (changed, "dog"), (dead, "cat")]
    again = [(right, "cat"), (wrong, "dog"), (changed, "cat"), (only, "cat")]
    await db.store(
        Rows(
            predictions=[
                *(answer(message, said, "live") for message, said in live),
                *(answer(message, said, "audit", model_version="v2") for message, said in again),
                answer(untrained, "cat", "live"),
                answer(untrained, "cat", "audit", trained=False, model_version="v2"),
            ],
            dead_letters=[dead_letter(image_id=dead.image_id, model="ash", run_id="audit")],
            labels=[label(changed.image_id, "cat")],
        )
    )
    assert await store.compare("audit", "ash") == Comparison(
        predicted=5,
        dead=1,
        compared=4,
        agreed=3,
        labelled=4,
        correct=3,
        live_labelled=5,
        live_correct=3,
        model_version="v2",
    )
    empty = await store.compare("audit", "birch")
    assert (empty.predicted, empty.compared, empty.model_version) == (0, 0, None)
