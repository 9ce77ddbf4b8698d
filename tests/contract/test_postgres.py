import asyncio
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from streamapp.errors import RowRefused, SettingsError, StoreUnavailable
from streamapp.records import DeadLetter
from streamapp.storage import search
from streamapp.storage.listing import ImageFilter, Span
from streamapp.storage.postgres import Database
from streamapp.storage.queries import READ
from streamapp.storage.rows import Rows
from streamapp.storage.views import Cursor
from tests.contract.examples import T0, dead_letter, image, label, placed, prediction, verdict
from tests.support.proxy import Proxy


async def outcome(url: str, image_id: UUID) -> dict[str, object]:
    connection = await asyncpg.connect(url)
    try:
        row = await connection.fetchrow("SELECT * FROM outcomes WHERE image_id = $1", image_id)
        return dict(row or {})
    finally:
        await connection.close()


async def test_a_stored_image_comes_back_as_it_was(db: Database) -> None:
    message = image(source="webcam", camera_id="door", label="dog")
    answer = prediction(message.image_id)
    said = verdict(message.image_id, answers=1, complete=True)
    await db.insert_pending(message, 640, 480, 12_345)
    await db.store(Rows(predictions=[answer], verdicts=[said]))

    view = await db.image(message.image_id)

    assert view is not None
    assert view.image.model_dump() == {
        **message.model_dump(),
        "width": 640,
        "height": 480,
        "size_bytes": 12_345,
        "state": "pending",
    }
    assert view.predictions == [answer]
    assert view.verdict == said
    assert await db.prediction(answer.prediction_id) == answer


async def test_what_is_unknown_is_none(db: Database) -> None:
    assert await db.image(uuid4()) is None
    assert await db.prediction(uuid4()) is None


async def test_storing_a_batch_again_changes_nothing(db: Database) -> None:
    images = [image() for _ in range(3)]
    ids = [one.image_id for one in images]
    batch = Rows(
        images=[placed(one) for one in images],
        predictions=[prediction(one, model) for one in ids for model in ("again-a", "again-b")],
        verdicts=[verdict(one, 2, complete=True) for one in ids],
        labels=[label(one, "cat") for one in ids],
        dead_letters=[dead_letter(offset, image_id=one, model="again-c") for offset, one in enumerate(ids)],
    )
    before = await db.counts()
    sent = await db.store(batch)
    once = await db.counts()
    await db.store(batch)

    assert await db.counts() == once
    assert sent == {"images": 3, "outcomes": 9, "verdicts": 3, "labels": 3, "dead_letters": 3}
    assert once.accepted - before.accepted == once.verdicts - before.verdicts == once.labels - before.labels == 3
    assert once.dead_letters - before.dead_letters == 3
    assert once.outcomes["again-a"] == once.outcomes["again-b"] == {"predicted": 3}
    assert once.outcomes["again-c"] == {"dead": 3}


async def test_a_batch_may_say_the_same_thing_twice(db: Database) -> None:
    message, answer = image(), prediction(model="twice")
    letter = dead_letter(77)
    await db.store(Rows(images=[placed(message)] * 2, predictions=[answer] * 2, dead_letters=[letter] * 2))
    assert (await db.counts()).outcomes["twice"] == {"predicted": 1}


async def test_the_first_prediction_of_a_model_wins(db: Database) -> None:
    first = prediction(confidence=0.5)
    await db.store(Rows(predictions=[first, first.model_copy(update={"confidence": 0.25})]))
    await db.store(Rows(predictions=[first.model_copy(update={"confidence": 1.0})]))
    assert await db.prediction(first.prediction_id) == first


async def test_a_retry_turns_dead_into_predicted_and_never_back(db: Database, database_url: str) -> None:
    answer = prediction()
    dead = dead_letter(900, image_id=answer.image_id, model=answer.model)
    await db.store(Rows(dead_letters=[dead]))
    row = await outcome(database_url, answer.image_id)
    assert (row["outcome"], row["reason"], row["error"]) == ("dead", "model-failed", "boom")
    assert await db.prediction(answer.prediction_id) is None

    await db.store(Rows(predictions=[answer]))
    assert await db.prediction(answer.prediction_id) == answer
    row = await outcome(database_url, answer.image_id)
    assert (row["outcome"], row["reason"], row["error"]) == ("predicted", None, None)

    await db.store(Rows(dead_letters=[dead, dead.model_copy(update={"offset": 901})]))
    assert await db.prediction(answer.prediction_id) == answer


@pytest.mark.parametrize("fields", [{"model": None}, {"image_id": None}])
async def test_a_dead_letter_without_image_or_model_is_no_outcome(db: Database, fields: dict[str, None]) -> None:
    before = await db.counts()
    letter = dead_letter(1000 + len(str(fields)), **{"image_id": uuid4(), "model": "none-such", **fields})
    await db.store(Rows(dead_letters=[letter]))
    after = await db.counts()
    assert after.outcomes == before.outcomes
    assert after.dead_letters == before.dead_letters + 1


async def test_the_original_value_of_a_dead_letter_is_kept_as_bytes(db: Database, database_url: str) -> None:
    await db.store(Rows(dead_letters=[dead_letter(4711)]))
    connection = await asyncpg.connect(database_url)
    row = await connection.fetchrow('SELECT value, status, "group" FROM dead_letters WHERE "offset" = 4711')
    await connection.close()
    assert tuple(row) == (b"the original \x00 value", "open", "streamapp-resnet50")


async def test_a_verdict_is_replaced_only_by_one_that_knows_more(db: Database) -> None:
    message = image()
    await db.store(Rows(images=[placed(message)]))

    async def after(answers: int, complete: bool) -> tuple[int, bool]:
        await db.store(Rows(verdicts=[verdict(message.image_id, answers, complete)]))
        view = await db.image(message.image_id)
        assert view and view.verdict
        return view.verdict.answers, view.verdict.complete

    assert await after(1, False) == (1, False)
    assert await after(2, False) == (2, False)
    assert await after(1, True) == (2, False)
    assert await after(2, True) == (2, True)
    assert await after(2, False) == (2, True)
    assert await after(3, True) == (3, True)


async def test_a_verdict_of_another_label_replaces_the_one_before_and_not_a_later_one(db: Database) -> None:
    message = image()
    await db.store(Rows(images=[placed(message)]))
    for second, name, stored in ((0, "cat", "cat"), (2, "dog", "dog"), (1, "frog", "dog"), (3, None, None)):
        at = T0 + timedelta(seconds=second)
        await db.store(Rows(verdicts=[verdict(message.image_id, 3, True, label=name, timestamp=at)]))
        view = await db.image(message.image_id)
        assert view and view.verdict
        assert view.verdict.label == stored


async def test_a_complete_verdict_is_not_replaced_by_another_with_as_many_answers(db: Database) -> None:
    message = image()
    first = verdict(message.image_id, 2, complete=True)
    await db.store(Rows(images=[placed(message)], verdicts=[first, first.model_copy(update={"ensemble": "dog"})]))
    view = await db.image(message.image_id)
    assert view and view.verdict == first


async def test_a_verdict_is_replaced_within_one_batch_too(db: Database) -> None:
    message = image()
    amended = verdict(message.image_id, 3, complete=True, ensemble="dog")
    await db.store(Rows(images=[placed(message)], verdicts=[verdict(message.image_id, 2, complete=False), amended]))
    view = await db.image(message.image_id)
    assert view and view.verdict == amended


async def test_the_newest_label_counts(db: Database) -> None:
    message = image(label="cat")
    await db.store(Rows(images=[placed(message)]))

    async def shown() -> str | None:
        view = await db.image(message.image_id)
        assert view
        return view.image.label

    assert await shown() == "cat"
    await db.store(Rows(labels=[label(message.image_id, "frog", 20), label(message.image_id, "ship", 10, by="bob")]))
    assert await shown() == "frog"
    await db.store(Rows(labels=[label(message.image_id, "deer", 20)]))
    assert await shown() == "frog", "the same person at the same time: a replay"


async def test_only_live_predictions_belong_to_the_page_of_an_image(db: Database) -> None:
    message = image()
    live, replayed = prediction(message.image_id), prediction(message.image_id, run_id="v2")
    await db.store(Rows(images=[placed(message)], predictions=[replayed, live]))
    view = await db.image(message.image_id)
    assert view and view.predictions == [live]
    assert await db.prediction(replayed.prediction_id) == replayed


# -- pending and published ---------------------------------------------------------------------------------------------


async def state(db: Database, image_id: UUID) -> str:
    view = await db.image(image_id)
    assert view
    return view.image.state


async def test_an_accepted_image_is_pending_until_it_is_marked(db: Database) -> None:
    message, other = image(), image()
    await db.insert_pending(message, 1, 1, 1)
    await db.insert_pending(other, 1, 1, 1)
    assert [m for m in await db.pending_older_than(0, 1000) if m == message] == [message]
    assert await db.pending_older_than(3600, 1000) == []
    assert len(await db.pending_older_than(0, 1)) == 1

    await db.mark_published([message.image_id, uuid4()])
    assert await state(db, message.image_id) == "published"
    assert message not in await db.pending_older_than(0, 1000)
    assert other in await db.pending_older_than(0, 1000)


async def test_only_pending_images_can_be_discarded(db: Database) -> None:
    failed, published = image(), image()
    await db.insert_pending(failed, 1, 1, 1)
    await db.store(Rows(images=[placed(published)]))
    await db.discard_pending([failed.image_id, published.image_id])
    assert await db.image(failed.image_id) is None
    assert await state(db, published.image_id) == "published"


async def test_a_recorded_image_is_published_in_whichever_order_it_is_heard_of(db: Database) -> None:
    for pending_first in (True, False):
        message = image()
        steps = [db.insert_pending(message, 640, 480, 999), db.store(Rows(images=[placed(message)]))]
        for step in steps if pending_first else reversed(steps):
            await step
        view = await db.image(message.image_id)
        assert view
        assert (view.image.state, view.image.width, view.image.height, view.image.size_bytes) == (
            *("published", 640, 480, 999),
        )


# -- pages -------------------------------------------------------------------------------------------------------------


async def test_pages_hold_every_image_once_newest_first(db: Database) -> None:
    far = 1_000_000
    images = [image(second=far + second) for second in (1, 1, 2, 2, 2, 3, 3, 4)]
    await db.store(
        Rows(images=[placed(one) for one in images], predictions=[prediction(one.image_id) for one in images])
    )
    expected = sorted(images, key=lambda one: (one.timestamp, one.image_id), reverse=True)

    seen = []
    before = None
    for _ in range(4):
        page = await db.recent_images(2, Span.of(before, None, None))
        assert all(len(view.predictions) == 1 for view in page)
        seen += [view.image.image_id for view in page]
        before = page[-1].image.cursor
    assert seen == [one.image_id for one in expected]


async def test_a_page_takes_the_same_number_of_queries_however_long(db: Database, database_url: str) -> None:
    images = [image(second=2_000_000 + second) for second in range(20)]
    await db.store(
        Rows(
            images=[placed(one) for one in images],
            predictions=[prediction(one.image_id, model) for one in images for model in "abc"],
            verdicts=[verdict(one.image_id, 3, complete=True) for one in images],
        )
    )
    async with Database.connect(database_url, max_size=1) as one_connection:
        queries: list[str] = []
        async with one_connection.connection() as connection:
            connection._con.add_query_logger(lambda record: queries.append(record.query))
        numbers = []
        for limit in (1, 20):
            queries.clear()
            page = await one_connection.recent_images(limit)
            assert [len(view.predictions) for view in page] == [3] * limit
            assert all(view.verdict for view in page)
            numbers.append(len([query for query in queries if query in READ.values()]))
    assert numbers == [3, 3]


# -- refused rows ------------------------------------------------------------------------------------------------------

NUL = "a\0b"
REFUSED = {
    "text with NUL": Rows(images=[placed(image(camera_id=NUL))]),
    "JSON with NUL": Rows(verdicts=[verdict(uuid4(), 1, complete=True, dead=[NUL])]),
    "top_k with NUL": Rows(predictions=[prediction(top_k=[(NUL, 1.0)])]),
    "integer too large": Rows(verdicts=[verdict(uuid4(), 2**31, complete=True)]),
    "offset too large": Rows(dead_letters=[dead_letter(2**63)]),
    "label with NUL": Rows(labels=[label(uuid4(), NUL)]),
    "key too long for its index": Rows(predictions=[prediction(model="".join(map(chr, range(300, 4300))))]),
}


@pytest.mark.parametrize("rows", REFUSED.values(), ids=REFUSED)
async def test_a_row_that_cannot_be_stored_is_refused_and_nothing_of_its_batch_is_stored(
    db: Database, rows: Rows
) -> None:
    good = prediction()
    rows.predictions.insert(0, good)
    with pytest.raises(RowRefused):
        await db.store(rows)
    assert await db.prediction(good.prediction_id) is None
    await db.ping()


async def test_two_predictions_of_one_id_are_refused(db: Database) -> None:
    first = prediction()
    with pytest.raises(RowRefused, match="prediction_id"):
        await db.store(Rows(predictions=[first, first.model_copy(update={"model": "other"})]))


# -- outages -----------------------------------------------------------------------------------------------------------


async def test_a_database_that_is_down_is_named_without_its_password() -> None:
    with pytest.raises(StoreUnavailable) as caught:
        async with Database.connect("postgresql://ann:s3cret@127.0.0.1:1/streamapp"):
            pass
    assert "127.0.0.1:1/streamapp" in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "nonsense", "postgresql://ann:s3/cret@127.0.0.1:1/x"])
async def test_a_url_of_something_else_is_a_settings_error(url: str) -> None:
    with pytest.raises(SettingsError, match="STREAMAPP_DATABASE_URL") as caught:
        async with Database.connect(url):
            pass
    assert "s3" not in str(caught.value)


async def test_a_wrong_password_is_said_so(database_url: str) -> None:
    user, _, rest = database_url.removeprefix("postgresql://").partition(":")
    wrong = f"postgresql://{user}:wrong@{rest.rpartition('@')[2]}"
    with pytest.raises(StoreUnavailable, match="password"):
        async with Database.connect(wrong):
            pass


async def test_the_pool_recovers_when_the_server_was_away(
    db: Database, database_url: str, proxy: Callable[[str], Proxy]
) -> None:
    between = proxy(database_url)
    await between.start()
    answer = prediction()
    async with Database.connect(between.url, min_size=2) as through:
        await through.ping()
        await between.cut()
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                await through.store(Rows(predictions=[answer]))
        await between.start()
        await through.store(Rows(predictions=[answer]))
    assert await db.prediction(answer.prediction_id) == answer


async def test_connections_that_the_server_closed_are_replaced(db: Database, database_url: str) -> None:
    """A restart of PostgreSQL ends every connection of the pool while it is idle."""
    async with Database.connect(database_url, min_size=3) as other:
        await asyncio.gather(*(other.ping() for _ in range(3)))
        connection = await asyncpg.connect(database_url)
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await connection.close()
        await asyncio.sleep(0.1)
        await asyncio.gather(*(other.ping() for _ in range(3)))
    await db.ping()


async def test_a_server_that_hangs_is_given_up_in_time(
    database_url: str, proxy: Callable[[str], Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CONNECT_S", "ACQUIRE_S", "STATEMENT_S"):
        monkeypatch.setattr(f"streamapp.storage.postgres.{name}", 0.3)
    between = proxy(database_url)
    await between.start()
    async with Database.connect(between.url) as through:
        await through.ping()
        between.freeze()
        async with asyncio.timeout(3):
            for _ in range(2):
                with pytest.raises(StoreUnavailable):
                    await through.store(Rows(predictions=[prediction()]))
        between.thaw()
        await through.ping()


async def test_who_gives_up_a_server_that_hangs_does_not_wait_for_it(
    database_url: str, proxy: Callable[[str], Proxy]
) -> None:
    between = proxy(database_url)
    await between.start()
    async with Database.connect(between.url) as through:
        await through.ping()
        between.freeze()
        started = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await through.store(Rows(predictions=[prediction()]))
        assert asyncio.get_running_loop().time() - started < 2
        between.thaw()
        await through.ping()


async def test_no_connection_is_leaked_by_refusals(database_url: str) -> None:
    async with Database.connect(database_url, max_size=1) as one_connection:
        for _ in range(5):
            with pytest.raises(RowRefused):
                await one_connection.store(Rows(labels=[label(uuid4(), NUL)]))
        await one_connection.ping()


async def test_two_recorders_with_the_same_rows_in_another_order(database_url: str) -> None:
    ids = [uuid4() for _ in range(200)]
    letters: list[DeadLetter] = [dead_letter(5000 + n, image_id=one, model="racing") for n, one in enumerate(ids)]
    rows = [placed(image(one), number) for number, one in enumerate(ids)]
    async with Database.connect(database_url) as first, Database.connect(database_url) as second:
        for _ in range(3):
            await asyncio.gather(
                first.store(Rows(images=rows, dead_letters=letters)),
                second.store(Rows(images=rows[::-1], dead_letters=letters[::-1])),
                first.mark_published(ids[::-1]),
            )
        assert (await first.counts()).outcomes["racing"] == {"dead": 200}


def test_a_cursor_survives_being_text() -> None:
    cursor = Cursor(T0 + timedelta(microseconds=123_456), uuid4())
    assert Cursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize("text", ["", "x_y", f"2026-11-22T12:00:00_{uuid4()}", "2026-11-22T12:00:00+00:00_7"])
def test_what_is_no_cursor_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        Cursor.parse(text)


@pytest.mark.parametrize("one_by_one", [0, 2, 3])
async def test_labels_are_found_alike_one_by_one_and_together(
    db: Database, monkeypatch: pytest.MonkeyPatch, one_by_one: int
) -> None:
    word = uuid4().hex
    kinds = [f"{word}-{kind}" for kind in "abc"]
    images = [image(second=number, label=kinds[number % 3]) for number in range(6)]
    other = image(label=f"not-{word}")
    relabelled = label(images[4].image_id, f"not-{word}")
    await db.store(Rows(images=[placed(one) for one in [*images, other]], labels=[relabelled]))
    monkeypatch.setattr(search, "ONE_BY_ONE", one_by_one)

    found = await db.recent_images(4, Span(), ImageFilter(search=word.upper()))

    assert [view.image.image_id for view in found] == [images[number].image_id for number in (5, 3, 2, 1)]
    assert await db.recent_images(4, Span(), ImageFilter(search=word, label=f"not-{word}")) == []
