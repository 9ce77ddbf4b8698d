"""Reads whole topics without a consumer group: what the API needs to answer for every worker."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import NoReturn

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streamapp.brokers import client_options
from streamapp.settings import Settings
from streamapp.transport import pace_fetches, pace_reconnects

log = logging.getLogger(__name__)

Handler = Callable[[bytes, bytes | None], None]

RETRY_S = 1.0


async def tail(
    settings: Settings, handlers: Mapping[str, Handler], whole: set[str], caught_up: asyncio.Event
) -> NoReturn:
    """Give each message's key and value to its topic's handler, until cancelled.

    Topics in `whole` are read from their beginning, the others from now on. `caught_up` is set once everything that
    was there at the start has been handled.
    """
    consumer = AIOKafkaConsumer(**client_options(settings), enable_auto_commit=False)
    await consumer.start()
    try:
        pace_fetches(consumer, settings.empty_fetch_pause_ms)
        pace_reconnects(consumer._client)
        parts = [TopicPartition(name, number) for name in handlers for number in range(settings.partitions)]
        consumer.assign(parts)
        past = [part for part in parts if part.topic in whole]
        await consumer.seek_to_end(*parts)
        if past:  # without arguments, all partitions would be meant
            await consumer.seek_to_beginning(*past)
        ends = await consumer.end_offsets(past)
        while True:
            batches = await consumer.getmany(timeout_ms=1000)
            for part, messages in batches.items():
                for message in messages:
                    handlers[part.topic](message.key or b"", message.value)
            if not caught_up.is_set() and all([await consumer.position(part) >= end for part, end in ends.items()]):
                caught_up.set()
    finally:
        await consumer.stop()


async def follow(
    settings: Settings,
    handlers: Mapping[str, Handler],
    whole: set[str],
    caught_up: asyncio.Event,
    ended: Callable[[], bool],
) -> None:
    """`tail`, begun again after the broker was away, until `ended`."""
    while not ended():
        try:
            await tail(settings, handlers, whole, caught_up)
        except KafkaError as error:
            log.warning("reading %s failed: %s; trying again", ", ".join(handlers), error)
            await asyncio.sleep(RETRY_S)
