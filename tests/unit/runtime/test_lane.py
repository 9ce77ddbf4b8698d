"""The lane, between real processes and threads: exclusion, order, and what the dead and the stopped do to others."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from streamapp.errors import ModelError
from streamapp.runtime import tickets
from streamapp.runtime.lane import Lane, NoLane
from streamapp.runtime.tickets import Ticket

PROGRAM = Path(__file__).with_name("lane_process.py")
LONG_S = 30.0  # a wait that no test reaches


class Member:
    """A process that uses the lane."""

    def __init__(self, path: Path, wait_s: float) -> None:
        self.path = path
        command = [sys.executable, str(PROGRAM), str(path), str(wait_s)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.line() == ["ready"]

    def tell(self, command: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def line(self) -> list[str]:
        assert self.process.stdout
        return self.process.stdout.readline().split()

    def queue_up(self) -> None:
        """Tell it to enter, and return when it has its ticket."""
        before = tickets_taken(self.path)
        self.tell("go")
        deadline = time.monotonic() + 10
        while tickets_taken(self.path) == before:
            assert time.monotonic() < deadline, "the process took no ticket"
            time.sleep(0.001)

    def enter(self) -> tuple[str, float, float]:
        """Wait until it is in; state, milliseconds waited, when."""
        word, state, waited_ms, when = self.line()
        assert word == "in"
        return state, float(waited_ms), float(when)

    def leave(self) -> None:
        self.tell("out")
        assert self.line() == ["out"]

    def end(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.communicate()


Join = Callable[..., Member]


@pytest.fixture
def lane_file(tmp_path: Path) -> Path:
    return tmp_path / "lane"


@pytest.fixture
def join(lane_file: Path) -> Iterator[Join]:
    members: list[Member] = []

    def start(wait_s: float = LONG_S) -> Member:
        members.append(Member(lane_file, wait_s))
        return members[-1]

    yield start
    for member in members:
        member.end()


def tickets_taken(path: Path) -> int:
    return int.from_bytes(path.read_bytes()[:8], sys.byteorder) if path.exists() else 0


def overlaps(turns: list[tuple[float, float]]) -> int:
    turns = sorted(turns)
    return sum(later[0] < earlier[1] for earlier, later in pairwise(turns))


def test_one_process_at_a_time(join: Join) -> None:
    members = [join() for _ in range(3)]
    for member in members:
        member.tell("race 60 0.001")
    turns = []
    for member in members:
        while (line := member.line()) != ["done"]:
            assert line[0] == "held"
            turns.append((float(line[1]), float(line[2])))
    assert len(turns) == 180
    assert overlaps(turns) == 0


def test_first_come_first_served(join: Join) -> None:
    holder, *waiting = [join() for _ in range(4)]
    holder.queue_up()
    holder.enter()
    for member in waiting:
        member.queue_up()
    holder.leave()
    entered = []
    for member in waiting:
        state, waited_ms, when = member.enter()
        assert state == "held"
        assert waited_ms > 0
        entered.append(when)
        member.leave()
    assert entered == sorted(entered)


def test_a_later_one_waits_while_an_earlier_one_is_in(join: Join) -> None:
    holder, waiting = join(), join()
    holder.queue_up()
    holder.enter()
    waiting.queue_up()
    time.sleep(0.1)
    left = time.monotonic()
    holder.leave()
    state, waited_ms, when = waiting.enter()
    assert state == "held"
    assert when > left
    assert waited_ms >= 100


def test_a_killed_holder_does_not_stall_the_next(join: Join) -> None:
    holder, waiting = join(), join()
    holder.queue_up()
    holder.enter()
    waiting.queue_up()
    killed = time.monotonic()
    holder.process.kill()
    state, _, when = waiting.enter()
    assert state == "held"
    assert when - killed < 5


def test_a_killed_waiter_does_not_stall_the_next(join: Join) -> None:
    holder, victim, waiting = join(), join(), join()
    holder.queue_up()
    holder.enter()
    victim.queue_up()
    waiting.queue_up()
    victim.process.kill()
    victim.process.wait()
    holder.leave()
    state, _, _ = waiting.enter()
    assert state == "held"


def test_a_stopped_holder_is_waited_for_once_then_bypassed(join: Join) -> None:
    holder, other = join(), join(wait_s=0.4)
    holder.queue_up()
    holder.enter()
    holder.process.send_signal(signal.SIGSTOP)
    other.queue_up()
    state, waited_ms, _ = other.enter()
    assert state == "bypassed"
    assert 400 <= waited_ms < 2000
    other.leave()

    other.queue_up()  # it does not wait for the stopped one again
    state, waited_ms, _ = other.enter()
    assert (state, waited_ms < 400) == ("bypassed", True)
    other.leave()

    holder.process.send_signal(signal.SIGCONT)
    holder.leave()
    other.queue_up()
    assert other.enter()[0] == "held"


def test_a_stopped_waiter_does_not_stall_the_others_for_ever(join: Join) -> None:
    holder, stopped, other = join(), join(), join(wait_s=0.4)
    holder.queue_up()
    holder.enter()
    stopped.queue_up()
    stopped.process.send_signal(signal.SIGSTOP)
    other.queue_up()
    holder.leave()
    assert other.enter()[0] == "bypassed"
    other.leave()
    stopped.process.send_signal(signal.SIGCONT)
    assert stopped.enter()[0] == "held"


def test_those_who_bypass_a_stopped_one_still_take_turns(join: Join, lane_file: Path) -> None:
    holder = join()
    holder.queue_up()
    holder.enter()
    holder.process.send_signal(signal.SIGSTOP)
    lanes = [Lane(lane_file, 0.3), Lane(lane_file, 0.3)]
    for lane in lanes:
        with lane.turn() as turn:
            assert turn.state == "bypassed"
    assert overlaps(in_threads(lanes, turns=20)) == 0


@pytest.mark.parametrize("handles", ["own", "shared"])
def test_threads_of_one_process_exclude_each_other(lane_file: Path, handles: str) -> None:
    lanes = [Lane(lane_file, LONG_S)] * 3 if handles == "shared" else [Lane(lane_file, LONG_S) for _ in range(3)]
    assert overlaps(in_threads(lanes, turns=30)) == 0


def in_threads(lanes: list[Lane], turns: int) -> list[tuple[float, float]]:
    taken: list[tuple[float, float]] = []

    def race(lane: Lane) -> None:
        for _ in range(turns):
            with lane.turn():
                start = time.monotonic()
                time.sleep(0.001)
                taken.append((start, time.monotonic()))

    threads = [threading.Thread(target=race, args=(lane,)) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == turns * len(lanes)
    return taken


def test_an_error_in_the_turn_frees_the_lane(lane_file: Path) -> None:
    lane = Lane(lane_file, 0.2)
    with pytest.raises(ZeroDivisionError), lane.turn():
        _ = 1 / 0
    with lane.turn() as turn:
        assert turn.state == "held"


def test_a_deleted_or_emptied_file_is_made_anew(lane_file: Path) -> None:
    lane = Lane(lane_file, 0.2)
    lane_file.unlink()
    with lane.turn() as turn:
        assert turn.state == "held"
        lane_file.write_bytes(b"")  # a stranger empties it while the first ticket is held
        with Lane(lane_file, 0.2).turn() as second:
            assert second.state == "bypassed"


def test_a_gate_that_stays_shut_is_passed_by_after_one_wait(lane_file: Path) -> None:
    lane = Lane(lane_file, 0.2)
    with lane_file.open("r+b") as file:
        assert tickets._try(file.fileno(), tickets._lock(tickets.fcntl.F_WRLCK, tickets.GATE))
        with lane.turn() as turn:
            assert turn.state == "bypassed"
            assert turn.waited_ms >= 200
        with lane.turn() as turn:
            assert turn.state == "bypassed"
            assert turn.waited_ms < 200
    with lane.turn() as turn:
        assert turn.state == "held"


def test_a_doorbell_that_a_stranger_has_costs_little(lane_file: Path) -> None:
    first = Ticket.take(lane_file, time.monotonic() + 1)
    second = Ticket.take(lane_file, time.monotonic() + 1)
    assert first and second
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
        stranger.bind(second._address(second.number))
        assert set(second.before()) == {first.number}
        second.wait(1)
        first.leave()
        start = time.monotonic()
        while set(second.before()):
            second.wait(1)
        second.leave()
        assert time.monotonic() - start < 0.5


def test_the_ring_wakes_the_next_at_once(lane_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tickets, "LOST_RING_S", 20.0)
    first = Ticket.take(lane_file, time.monotonic() + 1)
    second = Ticket.take(lane_file, time.monotonic() + 1)
    assert first and second
    second.wait(20)  # hangs the doorbell
    first.leave()
    start = time.monotonic()
    second.wait(20)
    assert time.monotonic() - start < 5
    assert not set(second.before())
    second.leave()


def test_without_open_file_locks_flock_excludes(lane_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tickets, "AVAILABLE", False)
    assert overlaps(in_threads([Lane(lane_file, LONG_S) for _ in range(3)], turns=20)) == 0
    with Lane(lane_file, 1).turn() as first, Lane(lane_file, 0.1).turn() as second:
        assert (first.state, second.state) == ("held", "bypassed")


def test_no_lane_says_that_it_is_off() -> None:
    with NoLane().turn() as turn:
        assert (turn.state, turn.waited_ms) == ("off", 0)


def test_a_file_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match=r"the lane cannot use .*STREAMAPP_LANE=false"):
        Lane(tmp_path / "file" / "lane", 1)
