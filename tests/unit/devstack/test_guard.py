"""The guard ends what is left, and nothing else."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable

import psutil
import pytest

from streamapp.devstack import guard
from streamapp.devstack.guarding import Guard

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
PLAIN = "import time; print(flush=True); time.sleep(60)"


def members(group: int) -> list[str]:
    """The states of the living processes of a group."""
    rows = [line.split() for line in subprocess.check_output(["ps", "-eo", "pgid=,stat="], text=True).splitlines()]
    return [state for pgid, state in rows if pgid == str(group) and not state.startswith("Z")]


@pytest.fixture
def sleeper(request: pytest.FixtureRequest) -> Callable[[str], subprocess.Popen[bytes]]:
    def start(code: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
        assert child.stdout is not None
        child.stdout.readline()
        request.addfinalizer(child.stdout.close)
        request.addfinalizer(child.wait)
        request.addfinalizer(child.kill)
        return child

    return start


def test_it_remembers_what_was_added_and_not_forgotten() -> None:
    assert guard.watch(["+5 15\n", "+6 2\n", "-5\n", "+7 15\n"]) == {6: 2, 7: 15}


def test_a_process_that_ignores_its_signal_is_killed(sleeper: Callable[[str], subprocess.Popen[bytes]]) -> None:
    plain, stubborn = sleeper(PLAIN), sleeper(STUBBORN)
    began = time.monotonic()

    guard.end({plain.pid: signal.SIGTERM, stubborn.pid: signal.SIGTERM}, grace_s=0.5)

    assert plain.wait(1) == -signal.SIGTERM
    assert stubborn.wait(1) == -signal.SIGKILL
    assert time.monotonic() - began >= 0.5


def test_closing_ends_what_is_left_and_spares_what_was_forgotten(
    sleeper: Callable[[str], subprocess.Popen[bytes]],
) -> None:
    left, forgotten = sleeper(PLAIN), sleeper(PLAIN)
    watching = Guard(grace_s=0.3)
    watching.start()
    watching.add(left.pid, signal.SIGINT)
    watching.add(forgotten.pid, signal.SIGINT)
    watching.forget(forgotten.pid)

    watching.close()

    assert left.wait(1) != 0
    assert forgotten.poll() is None


def test_a_guard_that_was_killed_is_replaced(sleeper: Callable[[str], subprocess.Popen[bytes]]) -> None:
    child = sleeper(PLAIN)
    watching = Guard(grace_s=0.3)
    watching.start()
    watching.add(child.pid, signal.SIGTERM)
    (process,) = [one for one in psutil.Process().children() if str(guard.__file__) in one.cmdline()]
    process.kill()
    process.wait(2)

    watching.forget(1 << 22)
    watching.close()

    assert child.wait(1) == -signal.SIGTERM


def test_it_does_not_wait_for_a_zombie(sleeper: Callable[[str], subprocess.Popen[bytes]]) -> None:
    child = sleeper(PLAIN)  # ours, and we do not look after it
    began = time.monotonic()

    guard.end({child.pid: signal.SIGTERM}, grace_s=5)

    assert time.monotonic() - began < 2
    assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE


def test_it_waits_for_a_helper_whose_leader_has_ended(sleeper: Callable[[str], subprocess.Popen[bytes]]) -> None:
    helper = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {STUBBORN!r}], stdout=2)"
    child = sleeper(f"{helper}; {PLAIN}")
    time.sleep(0.5)

    guard.end({child.pid: signal.SIGTERM}, grace_s=0.5)

    deadline = time.monotonic() + 2
    while members(child.pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)
