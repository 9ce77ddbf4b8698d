"""Sends what is in the dead letters again: to the group that has failed, and to nobody else."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from streamapp import topics
from streamapp.errors import LetterRefused, ObjectMissing, RecordError
from streamapp.letters import VALUE_BYTES
from streamapp.records import LIVE, ImageMessage
from streamapp.retries import Retry
from streamapp.storage.letters import LetterStore, WholeLetter


@dataclass(frozen=True)
class Message:
    """What is sent again, to the very partition that it came from."""

    topic: str
    partition: int
    key: bytes
    value: bytes
    headers: dict[str, bytes]


class Resender:
    """Retries and discards dead letters.

    Args:
        letters: where they are.
        read_object: reads an original, raises ObjectMissing.
        send: sends a message and returns when the broker has it; raises PublishFailed when it has not.
        roles: the roles of this installation, whose groups can do a message again.
        partitions: of every topic.
    """

    def __init__(
        self,
        letters: LetterStore,
        read_object: Callable[[str], Awaitable[bytes]],
        send: Callable[[Message], Awaitable[None]],
        roles: Collection[str],
        partitions: int,
    ) -> None:
        self._letters = letters
        self._read_object = read_object
        self._send = send
        self._groups = {f"streamapp-{role}" for role in roles}
        self._partitions = partitions

    async def retry(self, letter_id: int, *, dry_run: bool = False) -> None:
        """Send a letter's message again. Sent and noted go together: what was not sent stays open.

        Raises:
            LetterRefused: it cannot be done again as it is; the text says why.
            PublishFailed: the broker has not taken it.
        """
        if dry_run:
            await self._check(_open(await self._letters.one(letter_id), letter_id))
            return
        async with self._letters.settling(letter_id, "retried") as found:
            letter = _open(found, letter_id)
            await self._check(letter)
            await self._send(message(letter))

    async def discard(self, letter_id: int, *, dry_run: bool = False) -> None:
        """Give a letter up for good; its image keeps the outcome that it has.

        Raises:
            LetterRefused: it is not open.
        """
        if dry_run:
            _open(await self._letters.one(letter_id), letter_id)
            return
        async with self._letters.settling(letter_id, "discarded") as found:
            _open(found, letter_id)

    async def _check(self, letter: WholeLetter) -> None:
        name = f"dead letter {letter.id}"
        if letter.topic not in {topic.name for topic in topics.all_topics()} or not (
            0 <= letter.partition < self._partitions
        ):
            raise LetterRefused(f"{name} is from {letter.topic}/{letter.partition}, which is none of our topics")
        if letter.group not in self._groups or letter.run_id != LIVE:
            raise LetterRefused(f"{name} is of {letter.group}, which takes no part now; see STREAMAPP_MODELS")
        if not letter.value or len(letter.value) >= VALUE_BYTES:
            raise LetterRefused(f"{name} does not hold the whole original message, so it cannot be sent again")
        if letter.reason == "object-missing":
            await self._check_object(letter)

    async def _check_object(self, letter: WholeLetter) -> None:
        """A model would fail again on an object that is still not there: better say so at once."""
        try:
            await self._read_object(ImageMessage.decode(letter.value).minio_path)
        except (ObjectMissing, RecordError) as error:
            raise LetterRefused(
                f"dead letter {letter.id} would fail again, since {error}; put the original back, or discard the letter"
            ) from error


def message(letter: WholeLetter) -> Message:
    """The original message once more, for the letter's group alone."""
    is_outcome = letter.image_id and letter.group == f"streamapp-{letter.model}"
    amends = letter.timestamp if is_outcome else None
    retry = Retry(letter.group, letter.tries, letter.offset, amends)
    key = str(letter.image_id or f"{letter.group}/{letter.topic}/{letter.partition}/{letter.offset}").encode()
    return Message(letter.topic, letter.partition, key, letter.value, retry.headers())


def _open(letter: WholeLetter | None, letter_id: int) -> WholeLetter:
    if letter is None:
        raise LetterRefused(f"there is no dead letter {letter_id}")
    if letter.status != "open":
        raise LetterRefused(f"dead letter {letter_id} is {letter.status} already")
    return letter
