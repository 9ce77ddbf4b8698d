"""The role `stats` as separate processes on a real broker, 12 partitions: exact figures, whatever is killed."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaProducer

from streamapp import topics
from streamapp.records import Verdict, now
from streamapp.settings import Settings
from tables.buckets import Bucket
from tables.outcomes import Dead
from tables.race import Race
from tables.races import verdict
from tests.support.kafka import kafka_cluster
from tests.support.stack import running_servers
from tests.support.stats import MODELS, Script, Seen, Start, producing, watching, workers

EXPECTED = frozenset(MODELS)


@pytest.fixture(params=["embedded", pytest.param("apache", marks=pytest.mark.kafka)])
def settings(request: pytest.FixtureRequest) -> Iterator[Settings]:
    """Of a broker of its own: figures of other tests' messages would be among ours."""
    quick = {"race_deadline_s": 2.0, "tick_s": 0.3, "session_timeout_s": 6.0}
    if request.param == "apache":
        with kafka_cluster() as cluster:
            yield Settings(broker=cluster.url, **quick)
        return
    with running_servers() as stack:
        yield Settings.load(stack.environ).model_copy(update=quick)


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator[Start]:
    with workers(settings, tmp_path) as start:
        yield start


@pytest.fixture
async def seen(settings: Settings) -> AsyncIterator[Seen]:
    await topics.ensure(settings)
    async with watching(settings) as seen:
        yield seen


@pytest.fixture
async def producer(settings: Settings, seen: Seen) -> AsyncIterator[AIOKafkaProducer]:
    async with producing(settings) as producer:
        yield producer


async def play(producer: AIOKafkaProducer, script: Script, rate: float) -> dict[UUID, int]:
    """Send a script's messages, `rate` a second; returns each image's partition."""
    began, partition_of = time.monotonic(), dict[UUID, int]()
    for number, (topic, message) in enumerate(script.sent):
        image_id = message.image_id  # type: ignore[attr-defined]
        sent = await producer.send_and_wait(topic, message.encode(), key=str(image_id).encode())
        assert partition_of.setdefault(image_id, sent.partition) == sent.partition
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
    return partition_of


async def until(check: Callable[[], bool], wait_s: float = 40) -> None:
    """Return when `check` is true or time is up; what follows says what was wrong."""
    for _ in range(round(wait_s / 0.1)):
        if check():
            return
        await asyncio.sleep(0.1)


async def expect(seen: Seen, script: Script, partition_of: dict[UUID, int]) -> None:
    """The figures, totals and last verdicts are exactly those of the script."""
    buckets, finals = script.buckets(partition_of), final_verdicts(script)
    await until(lambda: seen.buckets() == buckets and {i: facts(v[-1]) for i, v in seen.verdicts.items()} == finals)
    assert differences(seen.buckets(), buckets) == []
    assert {image_id: facts(verdicts[-1]) for image_id, verdicts in seen.verdicts.items()} == finals
    totals: dict[str, dict[str, int]] = {}
    for bucket in buckets.values():
        total = totals.setdefault(f"{bucket.model}:{bucket.partition}", {"predictions": 0, "errors": 0, "shed": 0})
        total["predictions"] += bucket.predictions
        total["errors"] += bucket.errors
    await until(lambda: seen.totals() == totals)
    assert seen.totals() == totals
    judged = [last[-1] for last in seen.verdicts.values() if last[-1].answers]
    scored = [each for each in judged if each.label and all(answer.trained for answer in each.predictions)]
    correct = sum(each.ensemble == each.label for each in scored)
    await until(lambda: seen.ensemble().correct == correct and seen.ensemble().predictions == len(judged))
    whole = seen.ensemble()
    assert (whole.predictions, whole.labelled, whole.correct) == (len(judged), len(scored), correct)


def differences(have: dict[str, Bucket], want: dict[str, Bucket]) -> list[str]:
    """Where the buckets differ, one line each."""
    return [
        f"{key}: {name} is {getattr(have.get(key), name, None)}, not {getattr(want.get(key), name, None)}"
        for key in sorted(have.keys() | want.keys())
        for name in Bucket.__slots__
        if getattr(have.get(key), name, None) != getattr(want.get(key), name, None)
    ]


def facts(one: Verdict) -> dict[str, object]:
    """What of a verdict does not depend on when it was made."""
    return one.model_dump(exclude={"timestamp"})


def final_verdicts(script: Script) -> dict[UUID, dict[str, object]]:
    """The verdict on each image when everything about it has been read."""
    races: dict[UUID, Race] = {}
    for (image_id, _), answer in script.predictions.items():
        races.setdefault(image_id, Race(image_id, 0, 0)).add_prediction(answer, 0, 0)
    for (image_id, model), letter in script.dead.items():
        races.setdefault(image_id, Race(image_id, 0, 0)).add_dead(model, Dead(0, int(letter.timestamp.timestamp())), 0)
    for image_id, race in races.items():
        race.label = script.labels.get(image_id)
        race.complete = race.answers.keys() | race.dead.keys() == EXPECTED
    return {image_id: facts(verdict(race, EXPECTED, 0)) for image_id, race in races.items()}


async def test_figures_and_verdicts_are_exact(start: Start, seen: Seen, producer: AIOKafkaProducer) -> None:
    await start()
    script = Script(seed=1, images=150)
    await expect(seen, script, await play(producer, script, rate=300))


async def test_a_worker_killed_again_and_again_changes_no_figure(
    start: Start, seen: Seen, producer: AIOKafkaProducer
) -> None:
    worker = await start()
    script = Script(seed=2, images=300)
    playing = asyncio.create_task(play(producer, script, rate=80))
    kills = 0
    while not playing.done():
        await asyncio.sleep(0.8)
        await worker.kill_and_evict()
        kills += 1
        worker = await start()
    assert kills >= 2
    await expect(seen, script, await playing)


async def test_rocksdb_tables_survive_the_same(
    settings: Settings, tmp_path: Path, seen: Seen, producer: AIOKafkaProducer
) -> None:
    on_disk = settings.model_copy(update={"table_store": "rocksdb://?driver=rocksdict"})
    with workers(on_disk, tmp_path) as start:
        worker = await start()
        first, second = Script(seed=3, images=60), Script(seed=4, images=60)
        partition_of = await play(producer, first, rate=100)
        await worker.kill_and_evict()
        worker = await start()
        partition_of |= await play(producer, second, rate=100)
        both = Script(seed=0, images=0, sent=first.sent + second.sent)
        await expect(seen, both, partition_of)


async def test_workers_that_come_and_go_change_no_figure(start: Start, seen: Seen, producer: AIOKafkaProducer) -> None:
    first = await start(0)
    script = Script(seed=5, images=400)
    playing = asyncio.create_task(play(producer, script, rate=60))
    await asyncio.sleep(1)
    second = await start(1)
    await first.ready()
    await asyncio.sleep(1.5)
    await first.kill_and_evict()
    await second.ready()
    await asyncio.sleep(1)
    await start(2)
    await asyncio.sleep(1)
    second.stop()
    await expect(seen, script, await playing)


async def test_a_worker_told_to_stop_leaves_nothing_undone(
    start: Start, seen: Seen, producer: AIOKafkaProducer
) -> None:
    worker = await start()
    script = Script(seed=6, images=60)
    partition_of = await play(producer, script, rate=200)
    assert worker.stop() < 10
    assert worker.process.returncode == 0, worker.log.read_text()[-3000:]
    await start()
    await expect(seen, script, partition_of)


async def test_a_race_is_closed_at_its_deadline_and_amended_by_a_late_answer(
    start: Start, seen: Seen, producer: AIOKafkaProducer
) -> None:
    await start()
    script = Script(seed=7, images=1)
    first, *others = script.predictions.values()
    key = str(first.image_id).encode()
    await producer.send_and_wait(topics.PREDICTIONS, first.encode(), key=key)
    await until(lambda: first.image_id in seen.verdicts)
    (verdict,) = seen.verdicts[first.image_id]
    assert (verdict.complete, verdict.answers, verdict.expected) == (False, 1, 3)
    for message in others:
        await producer.send_and_wait(topics.PREDICTIONS, message.encode(), key=key)
    await until(lambda: len(seen.verdicts[first.image_id][-1].predictions) == 1 + len(others))
    assert seen.verdicts[first.image_id][-1].answers == 1 + len(others)


async def test_what_cannot_be_read_is_a_dead_letter_and_ends_nothing(
    start: Start, seen: Seen, producer: AIOKafkaProducer
) -> None:
    worker = await start()
    rubbish = [b"", b"{", b'{"image_id": 7}', b"\xff\xfe", str(now()).encode()]
    for topic in (topics.PREDICTIONS, topics.LABELS, topics.STATS_TICKS, topics.DEAD_LETTERS):
        for value in rubbish:
            await producer.send_and_wait(topic, value, key=str(uuid4()).encode())
    script = Script(seed=8, images=20)
    await expect_dead_letters(seen, producer, 4 * len(rubbish))
    await expect(seen, script, await play(producer, script, rate=200))
    metrics = await worker.metrics()
    assert f'streamapp_stats_messages_total{{result="undecodable",topic="{topics.LABELS}"}} 5.0' in metrics


async def expect_dead_letters(seen: Seen, producer: AIOKafkaProducer, count: int) -> None:
    await until(lambda: len(seen.letters) >= count)
    assert {(letter.group, letter.stage, letter.reason) for letter in seen.letters} == {
        ("streamapp-stats", "decode", "undecodable")
    }
    assert len({(letter.topic, letter.partition, letter.offset) for letter in seen.letters}) == count
