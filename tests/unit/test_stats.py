"""The role `stats` without a broker: checkpoints before commits, what is published when, messages of every kind."""

import asyncio
import time
from collections import defaultdict
from types import SimpleNamespace
from uuid import uuid4

import orjson
import pytest
from faust.transport.consumer import ThreadDelegateConsumer
from faust.types import TP
from intervaltree import IntervalTree
from prometheus_client import CollectorRegistry

from streamapp import stats, stats_feed, topics
from streamapp.errors import ModelError, PublishFailed
from streamapp.metrics import Metrics
from streamapp.records import DeadLetter, Tick, Verdict
from streamapp.settings import Settings
from streamapp.stats_feed import AT_ONCE, MOST_WAITING, TICK_AGAIN_S, TOTALS_S, Feed
from streamapp.stats_tables import LATE_S, CheckpointedConsumer, Checkpoints
from streamapp.stream import StreamApp
from tables.book import Book
from tables.buckets import KEEP_BUCKET_S
from tests.unit.tables.samples import IMAGE, dead_letter, label, prediction

MODELS = frozenset({"efficientnet", "mobilenet", "resnet50"})


class Table(dict):
    """A table's backing whose broker can be told what to do: take a record, refuse it, or keep it waiting."""

    def __init__(self, name, journal):
        self.name, self.journal, self.broker = name, journal, "takes"

    def send(self, write):
        self.journal.append((self.name, write.key, write.value is None))
        future = asyncio.get_running_loop().create_future()
        if self.broker == "takes":
            future.set_result(len(self.journal))
        elif self.broker == "refuses":
            future.set_exception(ConnectionError("away"))
        return future

    def keep(self, written):
        for write, _ in written:
            if write.value is None:
                self.pop(write.key, None)
            else:
                self[write.key] = write.value

    def forget(self, key):
        del self[key]


class Desk:
    """A book with checkpoints on such tables."""

    def __init__(self):
        self.journal = []
        self.races, self.buckets, self.totals = (Table(name, self.journal) for name in topics.TABLES)
        self.book = Book(self.races, self.buckets, self.totals, MODELS, 30.0)
        self.leased = True
        self.checkpoints = Checkpoints(self.book, lambda: self.leased)
        self.checkpoints.begin()

    def answer(self, *models, at=None):
        at = time.time() if at is None else at
        for offset, model in enumerate(models or sorted(MODELS)):
            self.book.predicted(fresh(model), 3, offset, at)


def fresh(model="resnet50", **fields):
    from streamapp.records import now

    return prediction(model, timestamp=now(), **fields)


@pytest.fixture
def desk():
    return Desk()


# -- checkpoints -----------------------------------------------------------------------------------


async def test_a_race_of_three_answers_is_written_once_and_buckets_wait(desk):
    desk.answer()
    assert await desk.checkpoints.write()
    assert desk.journal == [("races", str(IMAGE), False)]
    assert await desk.checkpoints.write()
    assert len(desk.journal) == 1
    assert desk.book.races.get(str(IMAGE)).answers.keys() == MODELS


async def test_late_buckets_and_totals_follow_their_races(desk):
    desk.answer(at=time.time() - LATE_S - 1)
    assert await desk.checkpoints.write()
    tables = [table for table, _, _ in desk.journal]
    assert tables == ["races"] + ["buckets"] * 4 + ["totals"] * 3
    assert len(desk.buckets) == 4


async def test_without_the_races_nothing_else_is_written_and_all_comes_again(desk):
    desk.answer(at=time.time() - LATE_S - 1)
    desk.races.broker = "refuses"
    assert not await desk.checkpoints.write()
    assert [table for table, _, _ in desk.journal] == ["races"]
    assert not desk.races
    desk.races.broker = "takes"
    assert await desk.checkpoints.write()
    later = time.time()
    assert (len(desk.races), len(desk.book.buckets.take(later)), len(desk.book.totals.take(later))) == (1, 4, 3)


async def test_a_race_that_is_over_is_deleted_after_what_only_its_journal_knows_is_written(desk, monkeypatch):
    desk.answer()
    assert await desk.checkpoints.write()
    desk.book.races.put(str(IMAGE), 3, None, time.time())
    assert await desk.checkpoints.write()
    assert list(desk.races) == [str(IMAGE)], "its totals are not written yet"
    monkeypatch.setattr("streamapp.stats_tables.LATE_S", 0)
    desk.totals.broker = "refuses"
    assert await desk.checkpoints.write(), "offsets wait for the races alone"
    assert list(desk.races) == [str(IMAGE)]
    desk.totals.broker = "takes"
    assert await desk.checkpoints.write()
    assert (list(desk.races), len(desk.totals)) == ([], 3)
    assert desk.journal[-1] == ("races", str(IMAGE), True)


async def test_a_broker_that_does_not_answer_is_not_waited_for_long(desk, monkeypatch):
    monkeypatch.setattr("streamapp.stats_tables.WRITE_S", 0.01)
    desk.answer()
    desk.races.broker = "waits"
    assert not await desk.checkpoints.write()


async def test_what_changes_during_a_checkpoint_is_for_the_next(desk):
    desk.answer("resnet50")
    desk.races.broker = "waits"
    futures = []
    send = desk.races.send
    desk.races.send = lambda write: futures.append(send(write)) or futures[-1]
    writing = asyncio.create_task(desk.checkpoints.write())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    desk.book.predicted(fresh("mobilenet"), 3, 9, time.time())
    futures[0].set_result(0)
    assert await writing
    assert desk.book.races.get(str(IMAGE)).answers.keys() == {"mobilenet", "resnet50"}
    desk.races.broker = "takes"
    await desk.checkpoints.write()
    assert len(desk.journal) == 2


async def test_a_checkpoint_that_meets_a_rebalance_allows_no_commit(desk):
    desk.answer()
    desk.races.broker = "waits"
    futures = []
    send = desk.races.send
    desk.races.send = lambda write: futures.append(send(write)) or futures[-1]
    first, queued = asyncio.create_task(desk.checkpoints.write()), asyncio.create_task(desk.checkpoints.write())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    desk.checkpoints.end()
    desk.book.clear()
    desk.checkpoints.begin()
    futures[0].set_result(0)
    assert [await first, await queued] == [False, False]
    assert not desk.races, "another worker may own it now"


async def test_between_two_rebalances_nothing_is_written(desk):
    desk.answer()
    desk.checkpoints.end()
    assert not await desk.checkpoints.write()
    assert desk.journal == []


async def test_without_the_lease_nothing_is_written_until_it_is_back(desk):
    desk.answer()
    desk.leased = False
    assert not await desk.checkpoints.write()
    assert desk.journal == []
    desk.leased = True
    assert await desk.checkpoints.write()
    assert list(desk.races) == [str(IMAGE)]


async def test_what_is_acknowledged_after_the_lease_is_not_kept_and_comes_again(desk):
    """Another worker may have written in between, and what it wrote would never be read."""
    desk.answer()
    desk.races.broker = "waits"
    futures = []
    send = desk.races.send
    desk.races.send = lambda write: futures.append(send(write)) or futures[-1]
    writing = asyncio.create_task(desk.checkpoints.write())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    desk.leased = False
    futures[0].set_result(0)
    assert not await writing
    assert not desk.races
    desk.leased, desk.races.broker = True, "takes"
    assert await desk.checkpoints.write()
    assert list(desk.races) == [str(IMAGE)]


async def test_many_changes_are_written_in_batches(desk):
    for number in range(150):
        desk.book.predicted(fresh(image_id=uuid4()), 3, number, time.time())
    assert await desk.checkpoints.write()
    assert len(desk.races) == 150


def consumer(desk, monkeypatch):
    """A consumer without Faust around it, and what reached Faust's own commit."""
    committed = []

    async def commit(self, offsets, start_new_transaction=True):
        committed.append((dict(offsets), dict(desk.races)))
        return True

    monkeypatch.setattr(ThreadDelegateConsumer, "_commit_offsets", commit)
    one = CheckpointedConsumer.__new__(CheckpointedConsumer)
    one.app = SimpleNamespace(consumer_generation_id=1, tables=SimpleNamespace(changelog_topics={"changelog"}))
    one.transport = SimpleNamespace(checkpoints=desk.checkpoints)
    one._committed_offset = defaultdict(lambda: None)
    one._acked, one._acked_index, one._gap = defaultdict(list), defaultdict(set), defaultdict(IntervalTree)
    return one, committed


async def test_offsets_are_committed_after_what_they_changed_is_written(desk, monkeypatch):
    one, committed = consumer(desk, monkeypatch)
    desk.answer()
    assert await one._commit_offsets({TP("predictions-output", 3): 3})
    ((offsets, races),) = committed
    assert offsets == {TP("predictions-output", 3): 3}
    assert list(races) == [str(IMAGE)]


async def test_offsets_are_not_committed_when_the_tables_cannot_be_written(desk, monkeypatch):
    one, committed = consumer(desk, monkeypatch)
    desk.answer()
    desk.races.broker = "refuses"
    assert not await one._commit_offsets({TP("predictions-output", 3): 3})
    assert committed == []
    tp = TP("predictions-output", 3)
    assert one._filter_committable_offsets([tp]) == {tp: 3}, "tried again, although no other message comes"
    assert not await one._commit_offsets({tp: 3})
    one._acked[tp] += [3, 4, 6]
    assert one._filter_committable_offsets([tp]) == {tp: 5}
    desk.races.broker = "takes"
    assert await one._commit_offsets({tp: 5})
    assert [offsets for offsets, _ in committed] == [{tp: 5}]


async def test_offsets_from_before_a_rebalance_are_forgotten(desk, monkeypatch):
    one, committed = consumer(desk, monkeypatch)
    desk.checkpoints.end()
    assert not await one._commit_offsets({TP("predictions-output", 3): 3})
    assert (committed, one._committed_offset) == ([], {})


async def test_partitions_without_a_commit_go_back_to_their_beginning(desk, monkeypatch):
    one, _ = consumer(desk, monkeypatch)
    committed = {TP("a", 0): 7, TP("a", 1): 0, TP("a", 2): None, TP("changelog", 0): None}
    sought = {}

    async def seek_to_committed(self):
        return committed

    async def seek_wait(self, partitions):
        sought.update(partitions)

    monkeypatch.setattr(ThreadDelegateConsumer, "seek_to_committed", seek_to_committed)
    monkeypatch.setattr(ThreadDelegateConsumer, "seek_wait", seek_wait)
    assert await one.seek_to_committed() == committed
    assert sought == {TP("a", 1): 0, TP("a", 2): 0}


# -- what is published -----------------------------------------------------------------------------


@pytest.fixture
def sent(monkeypatch):
    """Messages that were published; a topic in `down` refuses them."""
    sent = SimpleNamespace(all=[], down=set())

    async def publish(topic, key, value, *, partition=None, **_):
        await asyncio.sleep(0)
        if topic in sent.down:
            raise PublishFailed("away")
        sent.all.append((topic, key.decode(), value, partition))

    monkeypatch.setattr(stats_feed, "publish", publish)
    return sent


@pytest.fixture
def feed(desk, sent):
    app = SimpleNamespace(
        topic=lambda name, **_: name, rebalancing=False, should_stop=False, settings=Settings(tick_s=0.01)
    )
    feed = Feed(app, desk.book, desk.checkpoints, Metrics(CollectorRegistry()))
    feed.owned = {2, 3}
    return feed


async def test_changed_figures_are_published_once_under_their_keys(feed, desk, sent):
    desk.answer("resnet50")
    await feed.publish_partials(time.time())
    (bucket, total) = sorted(sent.all, key=lambda message: message[1])
    assert bucket[0] == topics.STATS_PARTIALS
    assert bucket[1].startswith("bucket|resnet50:3:")
    assert orjson.loads(bucket[2])["n"] == 1
    assert total == (topics.STATS_PARTIALS, "total|resnet50:3", b'{"predictions":1,"errors":0,"shed":0}', 3)
    await feed.publish_partials(time.time())
    assert len(sent.all) == 2


async def test_figures_that_ended_are_tombstones(feed, desk, sent):
    at = time.time()
    desk.book.predicted(fresh(), 3, 0, at)
    await feed.publish_partials(at)
    key = next(key for _, key, _, _ in sent.all if key.startswith("bucket"))
    desk.book.tick(3, 0, at + KEEP_BUCKET_S + 1)
    await feed.publish_partials(at)
    assert sent.all[-1] == (topics.STATS_PARTIALS, key, None, 3)


async def test_totals_come_again_every_minute(feed, desk, sent):
    at = time.time()
    await feed.publish_partials(at)
    desk.answer(at=at - LATE_S - 1)
    await desk.checkpoints.write()
    await feed.publish_partials(at + 1)
    sent.all.clear()
    await feed.publish_partials(at + TOTALS_S - 1)
    assert sent.all == []
    await feed.publish_partials(at + TOTALS_S)
    assert sorted(key for _, key, _, _ in sent.all) == [f"total|{model}:3" for model in sorted(MODELS)]


async def test_figures_that_were_not_taken_are_published_later(feed, desk, sent):
    for number in range(AT_ONCE + 5):
        desk.book.changed[f"bucket|resnet50:3:{number}0"] = 3
    sent.down = {topics.STATS_PARTIALS}
    await feed.publish_partials(time.time())
    assert len(desk.book.changed) == AT_ONCE + 5
    sent.down = set()
    await feed.publish_partials(time.time())
    assert len(sent.all) == AT_ONCE + 5


@pytest.mark.parametrize("why", ["rebalancing", "should_stop"])
async def test_a_rebalance_and_a_stop_silence_at_once(feed, desk, sent, why):
    desk.answer("resnet50")
    setattr(feed.app, why, True)
    await feed.publish_partials(time.time())
    assert sent.all == []


async def test_ticks_go_where_something_is_due_and_not_twice(feed, desk, sent):
    at = time.time()
    desk.book.predicted(fresh(), 3, 0, at)
    await feed.send_ticks(at + 29)
    assert sent.all == []
    await feed.send_ticks(at + 31)
    await feed.send_ticks(at + 32)
    ((topic, _, value, partition),) = sent.all
    assert (topic, partition, Tick.decode(value).partition) == (topics.STATS_TICKS, 3, 3)
    await feed.send_ticks(at + 31 + TICK_AGAIN_S)
    assert len(sent.all) == 2


async def publishing(feed, until):
    """Run the publisher until the condition holds."""
    task = asyncio.create_task(feed.publish_verdicts())
    async with asyncio.timeout(5):
        while not until():
            await asyncio.sleep(0.01)
            feed.wake()
    task.cancel()


async def test_a_verdict_is_published_once_and_remembered(feed, desk, sent):
    desk.answer()
    await publishing(feed, lambda: not desk.book.owing)
    ((topic, key, value, partition),) = sent.all
    assert (topic, key, partition) == (topics.VERDICTS, str(IMAGE), 3)
    assert Verdict.decode(value).answers == 3
    assert desk.book.races.get(str(IMAGE)).published == 1


async def test_a_verdict_is_published_again_when_the_broker_was_away(feed, desk, sent, monkeypatch):
    monkeypatch.setattr(stats_feed, "PAUSE_S", 0.01)
    desk.answer()
    sent.down = {topics.VERDICTS}
    asyncio.get_running_loop().call_later(0.1, sent.down.clear)
    await publishing(feed, lambda: sent.all)
    assert desk.book.races.get(str(IMAGE)).published == 1


async def test_no_more_is_taken_while_too_many_verdicts_wait(feed, desk):
    desk.book.owing = dict.fromkeys(map(str, range(MOST_WAITING + 1)))
    feed.wake()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(feed.catch_up(), 0.05)
    desk.book.owing.clear()
    feed.wake()
    await asyncio.wait_for(feed.catch_up(), 0.05)


async def test_every_beat_ticks_publishes_and_writes(feed, desk, sent):
    desk.answer("resnet50")
    task = asyncio.create_task(feed.beat())
    await asyncio.sleep(0.3)
    task.cancel()
    assert sent.all
    assert desk.races


# -- messages --------------------------------------------------------------------------------------


class Stream:
    """What an agent reads."""

    def __init__(self, *messages):
        self.messages = messages

    async def events(self):
        for offset, (topic, value) in enumerate(self.messages):
            yield SimpleNamespace(
                message=SimpleNamespace(topic=topic, partition=3, offset=offset, value=value, headers=None)
            )


@pytest.fixture
async def role(monkeypatch):
    settings = Settings()
    role = stats.Stats(StreamApp(settings, "stats"), settings, MODELS, Metrics(CollectorRegistry()))
    role.buried = []

    async def send_dead_letter(_, letter):
        role.buried.append(letter)

    monkeypatch.setattr(stats, "send_dead_letter", send_dead_letter)
    role.feed.wake()
    return role


def read(role, topic, result):
    return role.read.labels(topic, result)._value.get()


async def test_every_kind_of_message_is_entered(role):
    await role.run(
        Stream(
            (topics.PREDICTIONS, fresh("resnet50").encode()),
            (topics.PREDICTIONS, fresh("resnet50").encode()),
            (topics.DEAD_LETTERS, dead_letter("mobilenet").encode()),
            (topics.LABELS, label("dog").encode()),
            (topics.STATS_TICKS, Tick(partition=3, timestamp="2026-11-22T12:00:00Z").encode()),
        )
    )
    race = role.book.races.get(str(IMAGE))
    assert (list(race.answers), list(race.dead), race.label) == (["resnet50"], ["mobilenet"], "dog")
    assert read(role, topics.PREDICTIONS, "counted") == read(role, topics.PREDICTIONS, "duplicate") == 1
    assert role.buried == []


async def test_what_cannot_be_decoded_is_buried_and_the_next_is_read(role):
    rubbish = [(topic, value) for topic in stats.SOURCES for value in (b"", b"\xff", b'{"image_id": 1}')]
    await role.run(Stream(*rubbish, (topics.PREDICTIONS, fresh().encode())))
    assert [(letter.topic, letter.offset) for letter in role.buried] == [
        (topic, offset) for offset, (topic, _) in enumerate(rubbish)
    ]
    assert {(letter.group, letter.stage, letter.reason) for letter in role.buried} == {
        ("streamapp-stats", "decode", "undecodable")
    }
    assert read(role, topics.PREDICTIONS, "counted") == 1
    assert all(DeadLetter.decode(letter.encode()) for letter in role.buried)


async def test_a_defect_ends_no_agent(role, monkeypatch):
    monkeypatch.setattr(role.book, "labelled", lambda *_: 1 / 0)
    await role.run(Stream((topics.LABELS, label("dog").encode()), (topics.PREDICTIONS, fresh().encode())))
    assert [letter.reason for letter in role.buried] == ["defect"]
    assert read(role, topics.PREDICTIONS, "counted") == 1


class RecoveredConsumer:
    """Knows of three partitions; `meanwhile` happens while it goes back to the committed offsets."""

    def __init__(self, meanwhile=lambda: None):
        self.meanwhile = meanwhile
        self.stopped = 0

    def assignment(self):
        return {TP(topics.PREDICTIONS, number) for number in range(3)}

    async def seek_to_committed(self):
        self.meanwhile()
        return dict.fromkeys(self.assignment(), 0)

    def stop_flow(self):
        self.stopped += 1


async def test_after_a_recovery_the_tables_are_ours(role, monkeypatch):
    consumer = RecoveredConsumer()
    monkeypatch.setattr(type(role.app), "consumer", consumer)
    await role.recovered()
    assert (consumer.stopped, role.checkpoints.active, role.feed.owned) == (1, True, {0, 1, 2})


@pytest.mark.parametrize("sign", ["assigned", "to recover", "recovering"])
async def test_a_recovery_that_a_rebalance_has_overtaken_leaves_the_next_one_alone(role, monkeypatch, sign):
    """The next recovery reads the changelogs by now: without the flow of messages it would wait for ever."""

    def rebalance():
        if sign == "assigned":
            role.app.consumer_generation_id += 1
        elif sign == "to recover":
            role.app.tables.recovery.signal_recovery_start.set()
        else:
            role.app.tables.recovery.in_recovery = True

    consumer = RecoveredConsumer(rebalance)
    monkeypatch.setattr(type(role.app), "consumer", consumer)
    await role.recovered()
    assert (consumer.stopped, role.checkpoints.active, role.feed.owned) == (0, False, set())


def test_no_model_takes_the_ensembles_name():
    with pytest.raises(ModelError, match="'ensemble'"):
        stats.register(None, Settings(), {"ensemble": None}, None)


def test_the_changelogs_are_among_the_topics_that_are_created():
    app = StreamApp(Settings(partitions=5), "stats")
    stats.register(app, app.settings, dict.fromkeys(MODELS), Metrics(CollectorRegistry()))
    changelogs = {table.changelog_topic_name for table in app.tables.values()}
    assert changelogs == {f"streamapp-stats-{name}-changelog" for name in topics.TABLES}
    assert changelogs <= {topic.name for topic in topics.all_topics()}
    assert {table.changelog_topic.partitions for table in app.tables.values()} == {5}
