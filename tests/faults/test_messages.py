"""Messages that nobody can read, models that fail, the same message twice, messages that are too large."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from itertools import count
from uuid import UUID, uuid4

import pytest

from streamapp import topics
from streamapp.records import DeadLetter, ImageMessage, Prediction, now
from streamapp.runtime.preprocess import decode
from streamapp.storage.objects import ObjectStore
from tests.support.fleet import INPUT, MODELS
from tests.support.lab import Lab
from tests.support.mischief import number
from tests.support.platform import picture
from tests.support.trial import Trial

pytestmark = pytest.mark.kafka
#: Each kind of poison: more than 5 % of the messages of a trial.
POISON = 5


async def test_f9_poison(platform: Lab) -> None:
    oracle = platform.oracle
    await platform.fleet.ready()
    [letters] = await oracle.fetch("SELECT count(*) FROM dead_letters")
    said = {name: platform.fleet[name].output() for name in platform.fleet.workers}
    async with platform.trial("F9", "bad JSON, bad images, missing objects") as trial:
        poisoned = set()
        for kind in range(POISON):
            await send_rubbish(platform, kind)
            poisoned |= {await send_image(platform, b"no image at all"), await send_image(platform, None)}
            await asyncio.sleep(0.5)
        trial.promise.dead = dict.fromkeys(MODELS, poisoned)
        await trial.recovered()
    [after] = await oracle.fetch("SELECT count(*) FROM dead_letters")
    groups = len(MODELS) + 1  # the recorder cannot read bad JSON either
    assert after["count"] - letters["count"] == POISON * groups + 2 * POISON * len(MODELS)
    for name, before in said.items():
        new = platform.fleet[name].output()[len(before) :]
        assert "Traceback" not in new and "rash" not in new, f"{name}: no agent was restarted\n{new[-3000:]}"


async def send_rubbish(platform: Lab, kind: int) -> None:
    """A message that is no image's, as somebody else's program might send it."""
    rubbish = (b"", b"{", b'{"image_id": 7}', b"\xff\xfe\x00", b"[]")[kind]
    async with platform.oracle.producing() as producer:
        await producer.send_and_wait(topics.IMAGES, rubbish, key=b"rubbish")


async def send_image(platform: Lab, content: bytes | None) -> UUID:
    """A message about an image whose original is `content`, or is nowhere."""
    image_id, timestamp = uuid4(), now()
    path = f"{topics.RAW_IMAGES_BUCKET}/{timestamp:%Y/%m/%d}/{image_id}.jpg"
    image = ImageMessage(
        image_id=image_id, minio_path=path, timestamp=timestamp, content_type="image/jpeg", sha256="0" * 64
    )
    if content is not None:
        async with ObjectStore.connect(platform.oracle.settings.object_store_url) as objects:
            await objects.put(path, content, "image/jpeg")
    async with platform.oracle.producing() as producer:
        await producer.send_and_wait(topics.IMAGES, image.encode(), key=str(image_id).encode())
    return image_id


async def test_f10_a_model_that_fails_and_hangs(platform: Lab) -> None:
    """Every tenth call fails, which the next try mends; some images fail whatever is tried, one hangs."""
    every = 8
    hangs = next(seed for seed in count(platform.seeds.last + 20) if number_of(seed) % every)
    platform.fleet.misbehave("birch", fail_calls=10, fail_images=every, hang_images=number_of(hangs))
    async with platform.trial("F10", "birch fails, hangs on one image") as trial:
        await asyncio.sleep(6)
        await trial.recovered()
        await trial.load.stop()
        await trial.settle()
        platform.fleet.behave()
        acknowledged = trial.load.acknowledged.items()
        dead = {image_id for image_id, seed in acknowledged if seed == hangs or number_of(seed) % every == 0}
        trial.promise.dead = {"birch": dead}
    assert 1 < len(dead) < trial.images / 4
    said = platform.fleet["birch-1"].output()
    assert "fails; trying again" in said
    assert "birch did not answer within 2 s; trying again" in said


def number_of(seed: int) -> int:
    """The number by which a model knows a picture."""
    return number(decode(picture(seed), INPUT))


async def test_f12_what_comes_twice_counts_once(platform: Lab) -> None:
    """Messages sent again, and the offsets of every group set back."""
    oracle, fleet = platform.oracle, platform.fleet
    starts = {topic: await oracle.ends(topic) for topic in (topics.IMAGES, topics.PREDICTIONS, topics.VERDICTS)}
    async with platform.trial("F12", "duplicates, replayed topics") as trial:
        await asyncio.sleep(2)
        async with oracle.producing() as producer:
            for message in await oracle.wire(starts[topics.IMAGES]):
                await producer.send_and_wait(topics.IMAGES, message.value, message.key, headers=message.headers)
        victims = ("ash-1", "stats-1", "recorder-1")
        await asyncio.to_thread(fleet.stop, *victims)
        await oracle.rewind("streamapp-ash", starts[topics.IMAGES])
        await oracle.rewind("streamapp-stats", starts[topics.PREDICTIONS])
        await oracle.rewind("streamapp-recorder", {at: end for start in starts.values() for at, end in start.items()})
        replayed_at = time.monotonic()
        fleet.start(*victims)
        await fleet.ready(victims)
        await trial.recovered(replayed_at)
    answers = [Prediction.decode(message.value) for message in await oracle.wire(starts[topics.PREDICTIONS])]
    wire = Counter((answer.image_id, answer.model) for answer in answers)
    assert max(wire.values()) >= 2, "the wire had duplicates"
    assert max(wire[pair] for pair in wire if pair[1] == "ash") >= 3


@pytest.fixture
async def one_by_one(platform: Lab) -> AsyncIterator[None]:
    """Models that send each message alone: brokers measure batches, and none shall be refused for its neighbours."""
    fleet, models = platform.fleet, [f"{model}-1" for model in MODELS]

    async def restart(**environ: str) -> None:
        await asyncio.to_thread(fleet.stop, *models)
        fleet.environ = environ
        fleet.start(*models)

    await restart(PRODUCER_MAX_BATCH_SIZE="1")
    yield
    await restart()


@pytest.mark.usefixtures("one_by_one")
async def test_f14_an_answer_that_is_too_large(platform: Lab) -> None:
    """Predictions become dead letters; where those are too large as well, they leave the original value out."""
    oracle = platform.oracle
    since = await oracle.ends(topics.DEAD_LETTERS)
    async with platform.trial("F14", "predictions, then letters too large") as trial:
        trial.promise.may_die = True
        await oracle.set_largest(topics.PREDICTIONS, 300)
        await asyncio.sleep(2)
        await oracle.set_largest(topics.DEAD_LETTERS, 700)
        await asyncio.sleep(2)
        await oracle.set_largest(topics.PREDICTIONS, None)
        await oracle.set_largest(topics.DEAD_LETTERS, None)
        await trial.recovered()
    letters = [DeadLetter.decode(message.value) for message in await oracle.wire(since)]
    assert {(letter.stage, letter.reason) for letter in letters} == {("publish", "message-too-large")}
    assert {bool(letter.value) for letter in letters} == {True, False}
    await count_dead(trial, oracle_dead=len({(letter.image_id, letter.model) for letter in letters}))


async def count_dead(trial: Trial, oracle_dead: int) -> None:
    """As many dead outcomes as dead letters on the topic, and some."""
    outcomes = await trial.oracle.outcomes(await trial.oracle.published_since(trial.began))
    found = sum(outcome == "dead" for each in outcomes.values() for outcome in each.values())
    assert found == oracle_dead > 0


async def test_f14_an_image_that_is_too_large_is_refused(platform: Lab) -> None:
    async with platform.trial("F14", "too large for images-input-stream") as trial:
        await platform.oracle.set_largest(topics.IMAGES, 200)
        await asyncio.sleep(3)
        await platform.oracle.set_largest(topics.IMAGES, None)
        await trial.recovered(time.monotonic())
    assert trial.load.refusals
    assert {status for status, _ in trial.load.refusals} == {503}
