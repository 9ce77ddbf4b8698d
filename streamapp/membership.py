"""What aiokafka's member of a group does not do by itself: keep its id, join again, and know how long it is one."""

import asyncio
import time
from contextvars import ContextVar
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import IllegalGenerationError

REJOIN_S = 0.25
#: The generation of the group in which the commit under way was sent.
_commit_of: ContextVar[int | None] = ContextVar("_commit_of", default=None)


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


class Lease:
    """How long a started consumer may be sure of its partitions; `is_held` may be asked from any thread.

    The coordinator gives them to others when it has not heard of a member for the session timeout, and a process that
    was frozen and goes on sends what it had in hand before it notices. Counted from when the newest heartbeat that was
    answered has been sent: the coordinator counts from later.
    """

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        coordinator = consumer._coordinator
        self._session_s = coordinator._session_timeout_ms / 1000
        self._heard_at = time.monotonic()
        self._beat, self._complete = coordinator._do_heartbeat, coordinator._on_join_complete
        coordinator._do_heartbeat, coordinator._on_join_complete = self._beating, self._completing

    @property
    def is_held(self) -> bool:
        """Whether nobody else can have the partitions."""
        return time.monotonic() < self._heard_at + self._session_s

    async def _beating(self) -> bool:
        sent_at = time.monotonic()
        alive: bool = await self._beat()
        if alive:
            self._heard_at = sent_at
        return alive

    async def _completing(self, *args: Any) -> None:
        self._heard_at = time.monotonic()
        await self._complete(*args)
