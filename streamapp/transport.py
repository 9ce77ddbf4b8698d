"""Faust's Kafka transport, paced for brokers that answer an empty fetch at once, and what it says who we are."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

import faust
from aiokafka import AIOKafkaConsumer
from aiokafka.client import AIOKafkaClient
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Producer, Transport

from streamapp.brokers import security_options
from streamapp.membership import Lease, join_again_when_left_out, keep_member_id
from streamapp.settings import Settings

LEAVE_S = 4.0
QUIET_AFTER_S, QUIET_FACTOR = 2.0, 5
RECONNECT_S = 0.25
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

    lease: Lease | None = None

    async def on_start(self) -> None:
        """Start the consumer, then adapt it."""
        await super().on_start()
        keep_member_id(self._ensure_consumer())
        join_again_when_left_out(self._ensure_consumer())
        self.lease = Lease(self._ensure_consumer())
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

    async def commit_and_end_transactions(self) -> None:
        """Commit all that is acknowledged, as a stop does at its end.

        Where a commit is under way Faust only waits for that one, which has chosen its offsets before the last
        messages were done: the next worker would do them again.
        """
        while await self.maybe_wait_for_commit_to_finish():
            pass
        await super().commit_and_end_transactions()

    @property
    def holds_lease(self) -> bool:
        """Whether the partitions that are assigned to us are ours for sure."""
        lease = cast(PacedThread, self._thread).lease
        return lease is not None and lease.is_held


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
