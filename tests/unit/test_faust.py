"""What Faust and aiokafka do that our code must make up for. When one of these fails after an update, see whether the
workaround that docs/reliability.md names is still needed.
"""

import asyncio
import gc
import inspect
from functools import partial
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import IllegalGenerationError, KafkaConnectionError
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

from streamapp import transport
from streamapp.errors import BrokerError
from streamapp.membership import keep_member_id
from streamapp.publish import Topic
from streamapp.topics import check_created
from streamapp.transport import PacedConsumer, PacedThread, pace_reconnects


def app() -> faust.App:
    return faust.App("traps", broker="kafka://127.0.0.1:1", store="memory://", topic_partitions=1)


async def test_a_table_cannot_be_written_outside_a_stream() -> None:
    """So deadlines come through the stream, as ticks."""
    table = app().Table("counts", default=int)
    with pytest.raises(TypeError, match="Cannot modify table key from outside of stream iteration"):
        table["x"] = 1


async def test_a_second_agent_of_a_name_takes_the_first_ones_place() -> None:
    """So every agent is given a name of its own."""
    one = app()

    async def agent(stream: Any) -> None: ...

    one.agent("topic-a")(agent)
    one.agent("topic-b")(agent)
    assert len(one.agents) == 1


async def test_aiokafka_does_not_look_at_the_answer_to_a_request_for_topics() -> None:
    """So `check_created` does."""
    assert "error" not in inspect.getsource(AIOKafkaAdminClient.create_topics).partition("topics = ")[2]
    refused = SimpleNamespace(topic_errors=[("a", 0, None), ("b", 36, "exists"), ("c", 38, "1 broker is registered.")])
    with pytest.raises(BrokerError, match=r"^the topic c cannot be created: 1 broker is registered\."):
        check_created(refused)
    refused.topic_errors.pop()
    check_created(refused)


async def test_a_commit_that_is_refused_makes_no_stranger_of_us() -> None:
    """aiokafka forgets its member id; `keep_member_id` gives it back."""
    coordinator = refusing()
    with pytest.raises(IllegalGenerationError):
        await coordinator._do_commit_offsets()
    assert (coordinator.member_id, coordinator.generation) == ("me", -1)


async def test_a_late_refusal_does_not_make_us_leave_what_we_have_joined_since() -> None:
    coordinator = refusing(joined_meanwhile=8)
    with pytest.raises(IllegalGenerationError):
        await coordinator._do_commit_offsets()
    assert (coordinator.member_id, coordinator.generation) == ("me", 8)
    coordinator.reset_generation()  # for any other reason
    assert (coordinator.member_id, coordinator.generation) == ("", -1)


def refusing(joined_meanwhile: int | None = None) -> Any:
    """A coordinator of aiokafka's, as far as it is concerned, whose commits are refused."""
    coordinator = SimpleNamespace(member_id="me", generation=7)

    def reset() -> None:
        coordinator.member_id, coordinator.generation = "", -1

    async def commit() -> None:
        await asyncio.sleep(0)
        coordinator.generation = joined_meanwhile or coordinator.generation
        coordinator.reset_generation()
        raise IllegalGenerationError

    coordinator._do_commit_offsets, coordinator.reset_generation = commit, reset
    keep_member_id(SimpleNamespace(_coordinator=coordinator))  # type: ignore[arg-type]
    return coordinator


async def test_a_client_does_not_hurry_to_a_broker_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiokafka asks for metadata again at once, hundreds of times a second."""
    pauses, answers = list[float](), [False, True]

    async def update(*_: Any) -> bool:
        return answers.pop(0)

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    client = SimpleNamespace(_metadata_update=update)
    pace_reconnects(client)  # type: ignore[arg-type]
    monkeypatch.setattr(asyncio, "sleep", sleep)
    assert [await client._metadata_update(), await client._metadata_update()] == [False, True]
    assert pauses == [transport.RECONNECT_S]


async def test_a_send_that_is_given_up_or_fails_is_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """Faust would raise in a callback, or leave a future with an exception that nobody has looked at."""
    topic = Topic(app(), topics=["x"], key_type=bytes, value_type=bytes)
    loop = asyncio.get_running_loop()
    given_up, failed = loop.create_future(), loop.create_future()
    for sent in (given_up, failed):
        message = topic.as_future_message(key=b"k", value=b"v", key_serializer="raw", value_serializer="raw")
        sent.add_done_callback(partial(topic._on_published, message=message, producer=None, state=None))
    given_up.cancel()
    failed.set_exception(KafkaConnectionError())
    await asyncio.sleep(0)
    del message
    gc.collect()
    assert [record.name for record in caplog.records if record.name.startswith("asyncio")] == []


async def test_the_last_commit_is_not_left_to_the_one_before_it() -> None:
    """Faust's `commit` does nothing while another one is under way, which knows less."""
    acknowledged, committed = [1], list[int]()
    consumer = PacedConsumer.__new__(PacedConsumer)
    consumer.app = SimpleNamespace(client_only=False)  # type: ignore[assignment]
    consumer.loop, consumer._commit_fut = asyncio.get_running_loop(), None

    async def force_commit(*_: Any, **options: Any) -> bool:
        offset = acknowledged[-1]
        await asyncio.sleep(0.01)
        committed.append(offset)
        return True

    consumer.force_commit = force_commit  # type: ignore[method-assign]
    timer = asyncio.create_task(consumer.commit())
    await asyncio.sleep(0)
    acknowledged.append(2)
    await consumer.commit_and_end_transactions()
    assert (await timer, committed) == (True, [1, 2])


async def test_leaving_a_group_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker in the middle of a rebalance, or away, answers late or never."""
    said: list[str] = []

    async def for_ever(_: Any) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(AIOKafkaConsumerThread, "on_thread_stop", for_ever)
    monkeypatch.setattr(transport, "LEAVE_S", 0.05)
    thread = PacedThread.__new__(PacedThread)
    thread.log = SimpleNamespace(warning=lambda text, *_: said.append(text))  # type: ignore[assignment]
    async with asyncio.timeout(1):
        await thread.on_thread_stop()
    assert said == ["The group could not be left within %g s; the broker will notice by itself"]
