"""Sends that are waited for, and what becomes of a message that no broker will take."""

import asyncio
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError

from streamapp.errors import PublishFailed
from streamapp.letters import dead_letter, send_dead_letter
from streamapp.publish import publish, publish_surely
from streamapp.records import DeadLetter, ImageMessage, now
from streamapp.roles.api import ApiRole
from streamapp.settings import Settings


class Topic:
    """Takes messages up to a size, one after the failures that it is given; acknowledges after `acked_after_s`."""

    def __init__(self, largest: int = 10**6, acked_after_s: float = 0.0, failures: int = 0) -> None:
        self.largest, self.acked_after_s, self.failures = largest, acked_after_s, failures
        self.taken: list[dict[str, Any]] = []

    def __str__(self) -> str:
        return "a-topic"

    async def send(self, **message: Any) -> Any:
        if self.failures:
            self.failures -= 1
            raise KafkaConnectionError
        size = sum(map(len, (message["value"], *(message["headers"] or {}).values())))
        if size > self.largest:
            raise MessageSizeTooLargeError
        return asyncio.ensure_future(self._acknowledge(message))

    async def _acknowledge(self, message: dict[str, Any]) -> None:
        await asyncio.sleep(self.acked_after_s)
        self.taken.append(message)


async def test_it_is_sent_when_the_broker_says_so() -> None:
    topic: Any = Topic(acked_after_s=0.05)
    await publish(topic, b"key", b"value")
    assert [message["value"] for message in topic.taken] == [b"value"]


async def test_a_broker_that_does_not_acknowledge_is_given_up_in_time() -> None:
    topic: Any = Topic(acked_after_s=60)
    with pytest.raises(PublishFailed, match=r"did not acknowledge a message on a-topic within 0\.1 s"):
        await publish(topic, b"key", b"value", timeout_s=0.1)


async def test_surely_means_until_it_is_taken() -> None:
    topic: Any = Topic(failures=2)
    await publish_surely(topic, b"key", b"value")
    assert len(topic.taken) == 1


async def test_what_no_broker_takes_is_not_tried_for_ever() -> None:
    topic: Any = Topic(largest=3)
    with pytest.raises(MessageSizeTooLargeError):
        await publish_surely(topic, b"key", b"value")


async def test_a_dead_letter_that_is_too_large_leaves_the_value_out() -> None:
    message = SimpleNamespace(topic="images-input-stream", partition=1, offset=7, value=b"x" * 5000, headers=())
    letter = dead_letter(message, group="streamapp-ash", stage="publish", reason="message-too-large", error="too large")
    small: Any = Topic(largest=1000)
    large: Any = Topic()
    for topic in (small, large):
        await send_dead_letter(topic, letter)
    [sent], [whole] = ([DeadLetter.decode(message["value"]) for message in topic.taken] for topic in (small, large))
    assert whole == letter
    assert sent.value == ""
    assert sent.error == "too large (the original value is too large for a-topic)"
    assert sent.model_copy(update={"value": letter.value, "error": letter.error}) == letter


def api_on(topic: Topic) -> ApiRole:
    """The role, as far as it publishes."""
    role = ApiRole.__new__(ApiRole)
    role.images = topic  # type: ignore[assignment]
    role.shared = SimpleNamespace(settings=Settings())  # type: ignore[assignment]
    return role


def image() -> ImageMessage:
    return ImageMessage(
        image_id=uuid4(), minio_path="raw-images/x.jpg", timestamp=now(), content_type="image/jpeg", sha256="0" * 64
    )


async def test_an_original_that_is_too_large_does_not_travel_with_its_message() -> None:
    topic = Topic(largest=1000)
    await api_on(topic).publish(image(), b"x" * 2000)
    assert [message["headers"] for message in topic.taken] == [None]


async def test_an_image_whose_message_nobody_takes_is_refused() -> None:
    with pytest.raises(PublishFailed, match="no message about an image is small enough for a-topic"):
        await api_on(Topic(largest=10)).publish(image(), b"x" * 2000)
