"""Dead letters: what could not be done, with where it came from and its original value."""

from typing import Any
from uuid import UUID

from aiokafka.errors import MessageSizeTooLargeError
from faust.types import TopicT

from streamapp.publish import publish_surely
from streamapp.records import LIVE, DeadLetter, base64_text, now
from streamapp.retries import Retry

#: Of an original value this much goes into a dead letter, which has to stay under the brokers' usual 1 MB in base64.
VALUE_BYTES = 512 * 1024


def dead_letter(
    message: Any,
    *,
    group: str,
    stage: Any,
    reason: str,
    error: object,
    image_id: UUID | None = None,
    model: str | None = None,
    run_id: str = LIVE,
) -> DeadLetter:
    """The dead letter for a message (`.topic`, `.partition`, `.offset`, `.value`, `.headers`) that `group` cannot do.

    With an image and a model it is that model's outcome for the image.
    """
    value, retry = message.value or b"", Retry.of(message)
    cut = f" (the first {VALUE_BYTES} of {len(value)} bytes are kept)" if len(value) > VALUE_BYTES else ""
    return DeadLetter(
        group=group,
        image_id=image_id,
        model=model,
        run_id=run_id,
        stage=stage,
        reason=reason,
        error=printable(error) + cut,
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp=now(),
        value=base64_text(value[:VALUE_BYTES]),
        tries=retry.tries + 1 if retry else 1,
        amends=retry.amends if retry else None,
    )


def printable(error: object) -> str:
    """An error as text that can be stored, at most 2,000 characters."""
    return str(error).replace("\0", "")[:2000]


async def send_dead_letter(topic: TopicT, letter: DeadLetter) -> None:
    """Publish a dead letter and wait for it; keyed by its image, or by its coordinates where it has none.

    Where the topic does not take a message of this size, the original value is left out.
    """
    coordinates = f"{letter.group}/{letter.topic}/{letter.partition}/{letter.offset}"
    key = str(letter.image_id or coordinates).encode()
    try:
        await publish_surely(topic, key, letter.encode())
    except MessageSizeTooLargeError:
        without = {"value": "", "error": f"{letter.error} (the original value is too large for {topic})"}
        await publish_surely(topic, key, letter.model_copy(update=without).encode())
