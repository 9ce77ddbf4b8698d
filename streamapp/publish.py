"""Sends that are waited for: a message counts as sent when the broker has acknowledged it."""

import asyncio
import logging
from typing import Any

import faust
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from faust.exceptions import FaustError
from faust.types import ProducerT, RecordMetadata, TopicT
from faust.types.tuples import FutureMessage

from streamapp.errors import PublishFailed

log = logging.getLogger(__name__)


class Topic(faust.Topic):
    """A topic of Faust's whose sends may fail or be given up without a traceback: `publish` says what went wrong."""

    def _on_published(
        self, fut: "asyncio.Future[RecordMetadata]", message: FutureMessage, producer: ProducerT, state: Any
    ) -> None:
        if fut.cancelled():  # whoever waited has given up; to Faust this would be an error
            message.cancel()
            return
        message.add_done_callback(lambda sent: sent.cancelled() or sent.exception())  # looked at, or asyncio complains
        super()._on_published(fut, message, producer, state)


async def publish(
    topic: TopicT,
    key: bytes,
    value: bytes | None,
    *,
    headers: dict[str, bytes] | None = None,
    partition: int | None = None,
    timeout_s: float = 30,
) -> None:
    """Send one message and wait until the broker has acknowledged it.

    Raises:
        PublishFailed: it was not acknowledged within `timeout_s`. It may still arrive.
        MessageSizeTooLargeError: the broker will never take a message of this size.
    """
    try:
        async with asyncio.timeout(timeout_s):
            await (await topic.send(key=key, value=value, headers=headers, partition=partition))
    except MessageSizeTooLargeError:
        raise
    except TimeoutError:
        raise PublishFailed(f"the broker did not acknowledge a message on {topic} within {timeout_s:g} s") from None
    except (KafkaError, FaustError) as error:
        raise PublishFailed(f"the broker did not take a message on {topic}: {error}") from error


async def publish_surely(topic: TopicT, key: bytes, value: bytes | None, **options: Any) -> None:
    """Publish, however long the broker is away. For messages whose loss would break the delivery promise."""
    delay = 0.2
    while True:
        try:
            return await publish(topic, key, value, **options)
        except PublishFailed as error:
            log.warning("%s; trying again in %.1f s", error, delay)
            await asyncio.sleep(delay)
            delay = min(delay * 2, 5)
