"""Faust's Kafka transport, paced for brokers that answer an empty fetch at once, and what it says who we are."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, cast

import faust
from aiokafka import AIOKafkaConsumer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import IllegalGenerationError
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Producer, Transport

from streamapp.brokers import security_options
from streamapp.settings import Settings

LEAVE_S = 4.0
QUIET_AFTER_S, QUIET_FACTOR = 2.0, 5
RECONNECT_S = REJOIN_S = 0.25
#: The generation of the group in which the commit under way was sent.
_commit_of: ContextVar[int | None] = ContextVar("_commit_of", default=None)
#: Busy are so many fetches with data within so many seconds.
BUSY_FETCHES, BUSY_S, BUSY_FACTOR = 10, 1.0, 3


def credentials(settings: Settings) -> faust.SASLCredentials | faust.SSLCredentials | None:
    """User, password and certificates in Faust's form; its consumers, producers and admin requests all have them."""
    options = security_options(settings)
    if settings.broker_security.startswith("SASL_"):
        return faust.SASLCredentials(
            username=options["sasl_plain_username"],
            password=options["sasl_plain_password"],
            mechanism=options["sasl_mechanism"],
            ssl_context=options["ssl_context"],
        )
    return faust.SSLCredentials(options["ssl_context"]) if options["ssl_context"] else None


class PacedThread(AIOKafkaConsumerThread):
    """Consumer thread that pauses after an empty fetch, for brokers that answer those at once."""

    async def on_start(self) -> None:
        """Start the consumer, then adapt it."""
        await super().on_start()
        keep_member_id(self._ensure_consumer())
        join_again_when_left_out(self._ensure_consumer())
        pace_reconnects(self._ensure_consumer()._client)
        app = cast(Any, self.app)  # a StreamApp, whose module imports this one
        pace_fetches(self._ensure_consumer(), app.settings.empty_fetch_pause_ms * app.patience)

    async def on_thread_stop(self) -> None:
        """Leave the group, but do not wait long for a broker that is away or in the middle of a rebalance."""
        try:
            await asyncio.wait_for(super().on_thread_stop(), LEAVE_S)
        except TimeoutError:
            self.log.warning("The group could not be left within %g s; the broker will notice by itself", LEAVE_S)


class PacedConsumer(Consumer):
    """Faust's consumer on a `PacedThread`."""

    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return PacedThread(self, loop=self.loop, beacon=self.beacon)


class PacedProducer(Producer):
    """Faust's producer, which does not hurry to a broker that is away."""

    async def on_start(self) -> None:
        """Start the producer, then adapt it."""
        await super().on_start()
        pace_reconnects(self._ensure_producer().client)


class PacedTransport(Transport):
    """Faust's aiokafka transport with the paced consumer and producer."""

    Consumer = PacedConsumer
    Producer = PacedProducer


def keep_member_id(consumer: AIOKafkaConsumer) -> None:
    """Make a started consumer keep its member id when a commit is refused for its generation.

    A commit that crosses a rebalance is refused so. aiokafka then forgets its id and joins as somebody new, while
    Apache's own client joins again under its id. To the embedded broker the old id stays a member, even the leader,
    that never answers, and nobody is assigned anything. Where we have joined again before the refusal comes, aiokafka
    would leave what it has just joined.
    """
    coordinator = consumer._coordinator
    commit, reset = coordinator._do_commit_offsets, coordinator.reset_generation

    async def keeping(*args: Any) -> None:
        member_id, token = coordinator.member_id, _commit_of.set(coordinator.generation)
        try:
            await commit(*args)
        except IllegalGenerationError:
            coordinator.member_id = coordinator.member_id or member_id
            raise
        finally:
            _commit_of.reset(token)

    def reset_unless_joined_since() -> None:
        if _commit_of.get() in (None, coordinator.generation):
            reset()

    coordinator._do_commit_offsets, coordinator.reset_generation = keeping, reset_unless_joined_since


class _LeftOut(Exception):
    """The group's leader has made its plan without us."""


def join_again_when_left_out(consumer: AIOKafkaConsumer) -> None:
    """Make a started consumer join again when it is told that it has joined, and not what it is assigned.

    The embedded broker says so to a member that comes while the leader plans for the others. aiokafka cannot read the
    empty assignment, and its coordination ends for good.
    """
    coordinator = consumer._coordinator
    rejoin, complete = coordinator._do_rejoin_group, coordinator._on_join_complete

    async def completing(generation: int, member_id: str, protocol: str, assignment: bytes) -> None:
        if not assignment:
            raise _LeftOut
        await complete(generation, member_id, protocol, assignment)

    async def rejoining(subscription: Any) -> bool:
        try:
            joined: bool = await rejoin(subscription)
        except _LeftOut:
            coordinator.request_rejoin()
            await asyncio.sleep(REJOIN_S)
            return False
        return joined

    coordinator._do_rejoin_group, coordinator._on_join_complete = rejoining, completing


def pace_reconnects(client: AIOKafkaClient) -> None:
    """Make a started client wait a little when no broker has answered its request for metadata.

    aiokafka asks again at once, and while the broker is away it would spend its time on that, and on saying so.
    """
    update = client._metadata_update

    async def paced(*args: Any) -> bool:
        updated: bool = await update(*args)
        if not updated:
            await asyncio.sleep(RECONNECT_S)
        return updated

    client._metadata_update = paced


def pace_fetches(consumer: AIOKafkaConsumer, pause_ms: float) -> None:
    """Make a started consumer wait `pause_ms` after each fetch that brought nothing; 0 leaves it as it is.

    Apache Kafka holds an empty fetch until data comes. The embedded broker answers at once, and an idle consumer
    would then spend a whole core on asking. `pause_s` says when the pause is longer.
    """
    if not pause_ms:
        return
    fetcher = consumer._fetcher
    fetch = fetcher._proc_fetch_request
    arrivals: deque[float] = deque([time.monotonic()], maxlen=BUSY_FETCHES)

    async def paced(*args: Any) -> bool:
        brought_data: bool = await fetch(*args)
        if brought_data:
            arrivals.append(time.monotonic())
        # The fetcher cancels its fetches when it closes and expects them to end quietly, as its own do.
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(pause_s(arrivals, time.monotonic(), pause_ms, brought_data))
        return brought_data

    fetcher._proc_fetch_request = paced


def pause_s(arrivals: Sequence[float], now: float, pause_ms: float, brought_data: bool) -> float:
    """Seconds to wait before the next fetch, where `arrivals` are the times of the latest ones that brought data.

    A fetch costs a millisecond or two whatever it brings, so a busy consumer waits for several messages rather than
    ask for each; a quiet one asks rarely; between them lies a person with one image, who is answered at once.
    """
    if now - arrivals[-1] > QUIET_AFTER_S:
        return pause_ms * QUIET_FACTOR / 1000
    if len(arrivals) == BUSY_FETCHES and now - arrivals[0] < BUSY_S:
        return pause_ms * BUSY_FACTOR / 1000
    return 0.0 if brought_data else pause_ms / 1000
