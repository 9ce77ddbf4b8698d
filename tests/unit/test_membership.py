"""A member of a group joins again when it is left out, and knows how long it is sure of its partitions."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator

from streamapp import membership
from streamapp.membership import Lease, join_again_when_left_out

SESSION_S = 12.0


class Left(GroupCoordinator):  # type: ignore[misc]  # aiokafka has no types
    """A coordinator whose broker has left it out; nothing else of it is there."""

    def __init__(self, assignment: bytes) -> None:
        self.answer, self.asked_again, self.completed = assignment, 0, 0

    async def _do_rejoin_group(self, subscription: Any) -> bool:
        await self._on_join_complete(1, "me", "range", self.answer)
        return True

    async def _on_join_complete(self, *args: Any) -> None:
        self.completed += 1

    def request_rejoin(self) -> None:
        self.asked_again += 1


@pytest.mark.parametrize(("assignment", "joined"), [(b"", False), (b"\0\0", True)], ids=["left out", "assigned"])
async def test_a_member_that_the_plan_leaves_out_joins_again(assignment: bytes, joined: bool) -> None:
    coordinator = Left(assignment)
    join_again_when_left_out(cast(Any, SimpleNamespace(_coordinator=coordinator)))
    assert await coordinator._do_rejoin_group(None) is joined
    assert (coordinator.completed, coordinator.asked_again) == (int(joined), int(not joined))


class Member(GroupCoordinator):  # type: ignore[misc]
    """A coordinator that is heard, or not; an answer takes `away_s`."""

    def __init__(self, clock: SimpleNamespace) -> None:
        self._session_timeout_ms = int(SESSION_S * 1000)
        self.clock, self.alive, self.away_s = clock, True, 0.0

    async def _do_heartbeat(self) -> bool:
        self.clock.now += self.away_s
        return self.alive

    async def _on_join_complete(self, *args: Any) -> None:
        pass


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(membership, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


async def test_a_lease_lasts_for_the_session_timeout_after_the_last_sign_of_life(clock: SimpleNamespace) -> None:
    member = Member(clock)
    lease = Lease(cast(Any, SimpleNamespace(_coordinator=member)))
    for at, alive, held in ((111.9, True, True), (123.8, True, True), (130.0, False, True), (135.9, False, False)):
        clock.now = at
        member.alive = alive
        await member._do_heartbeat()
        assert lease.is_held is held, at
    await member._on_join_complete(2, "me", "range", b"plan")
    assert lease.is_held


async def test_an_answer_that_was_waited_for_in_a_frozen_process_is_an_old_sign(clock: SimpleNamespace) -> None:
    member = Member(clock)
    lease = Lease(cast(Any, SimpleNamespace(_coordinator=member)))
    member.away_s = 30.0
    await member._do_heartbeat()
    assert not lease.is_held
