"""A child is started under guard, logged, restarted, stopped in time; real processes, real signals."""

import asyncio
import io
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from streamapp.devstack import process as module
from streamapp.devstack.child import Command, python
from streamapp.devstack.guarding import Guard
from streamapp.devstack.log import LogBook
from streamapp.devstack.process import Process, Surroundings
from streamapp.devstack.runfile import Lock, RunFile
from streamapp.errors import StreamappError

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)
FAST = "import signal, time; signal.signal(signal.SIGINT, lambda *_: exit(print('fast'))); print(); time.sleep(60)"
FAMILY = "import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"


class Bench:
    """Surroundings whose console and failures a test can look at."""

    def __init__(self, folder: Path) -> None:
        self.console = io.StringIO()
        self.failures: list[StreamappError] = []
        self.lock, self.guard = Lock(folder), Guard(grace_s=0.5)
        self.book, self.runfile = LogBook(folder, self.console), RunFile(folder)
        self.shared = Surroundings(self.book, self.guard, self.lock, self.runfile, self.failures.append)

    async def start(self, *argv: str, **options: object) -> Process:
        made = Process(Command("child", argv, **options), self.shared)  # type: ignore[arg-type]
        await made.start()
        return made

    async def until(self, condition: Callable[[], object], wait_s: float = 5) -> None:
        deadline = time.monotonic() + wait_s
        while not condition():
            assert time.monotonic() < deadline, f"in vain; said so far:\n{self.console.getvalue()}"
            await asyncio.sleep(0.01)

    def said(self) -> list[str]:
        return [line.partition("| ")[2] for line in self.console.getvalue().splitlines()]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    made.lock.acquire()
    made.guard.start()
    yield made
    for one in list(made.shared.running):
        one.kill()
        await one.stop()
    made.guard.close()
    made.book.close()
    made.lock.release()


async def test_its_lines_are_logged_and_the_last_state_of_a_redrawn_one(bench: Bench) -> None:
    child = await bench.start("printf", r"one\n 10 %%\r100 %%\r\nlast", finishes=True)
    await bench.until(child.done.is_set)

    assert bench.said() == ["one", "100 %", "last", "done"]


async def test_a_line_of_many_kilobytes_is_one_line(bench: Bench) -> None:
    child = await bench.start(*python("-c", "print('x' * 300_000)"), finishes=True)
    await bench.until(child.done.is_set)

    assert [len(line) for line in bench.said()[:-1]] == [300_000]


async def test_it_reads_what_it_is_given_and_then_the_end(bench: Bench) -> None:
    child = await bench.start("cat", stdin=b"select 1;\n", finishes=True)
    await bench.until(child.done.is_set)

    assert bench.said() == ["select 1;", "done"]


async def test_it_stops_by_its_own_signal(bench: Bench) -> None:
    child = await bench.start(*python("-u", "-c", FAST), stop_signal=signal.SIGINT)
    await bench.until(lambda: bench.said())
    await child.stop()

    assert bench.said()[-1] == "fast"
    assert bench.failures == []


async def test_it_is_killed_after_the_grace(bench: Bench) -> None:
    child = await bench.start(*python("-c", STUBBORN))
    child.grace_s = 0.3
    await bench.until(lambda: "deaf" in bench.said())
    pid = bench.runfile._values["processes"]["child"]
    began = time.monotonic()
    await child.stop()

    assert 0.3 <= time.monotonic() - began < 1.5
    assert not psutil.pid_exists(pid)
    assert "child did not stop within 0.3 s: killed" in bench.said()


async def test_a_death_is_said_and_mended(bench: Bench) -> None:
    restarted = asyncio.Event()

    async def note() -> None:
        restarted.set()

    child = await bench.start("sleep", "60")
    child.after_restart = note
    first = bench.runfile._values["processes"]["child"]
    os.kill(first, signal.SIGKILL)
    await asyncio.wait_for(restarted.wait(), 5)

    assert bench.said() == ["child ended (killed by SIGKILL); starting it again in 0.5 s"]
    assert bench.runfile._values["processes"]["child"] != first
    assert list(bench.guard.groups) == [bench.runfile._values["processes"]["child"]]


async def test_five_deaths_in_a_minute_are_the_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACK_OFF_S", (0.01,) * 4)
    await bench.start("sh", "-c", "echo no such thing; exit 3")
    await bench.until(lambda: bench.failures)

    (failure,) = bench.failures
    assert str(failure).startswith(
        "child ended 5 times within 60 s (exit status 3); its last line: no such thing; see "
    )
    assert bench.said().count("no such thing") == 5


async def test_the_stack_goes_on_without_what_is_not_essential(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACK_OFF_S", (0.01,) * 4)
    child = await bench.start("sh", "-c", "echo no key; exit 1", essential=False)
    await bench.until(lambda: any("goes on" in line for line in bench.said()))
    await asyncio.sleep(0.1)

    (end,) = [line for line in bench.said() if "child ended 5 times" in line]
    assert "its last line: no key; see " in end and end.endswith("child.log; the rest goes on without it")
    assert bench.said().count("no key") == 5
    assert bench.failures == []
    await child.stop()


async def test_old_deaths_do_not_count(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACK_OFF_S", (0.01,) * 4)
    monkeypatch.setattr(module, "WITHIN_S", 0.02)
    await bench.start("sh", "-c", "echo again; sleep 0.03")
    await bench.until(lambda: bench.said().count("again") > 6)

    assert bench.failures == []


async def test_a_job_that_fails_is_the_end_at_once(bench: Bench) -> None:
    child = await bench.start("sh", "-c", "exit 4", finishes=True, restarts=False)
    await bench.until(lambda: bench.failures)

    assert str(bench.failures[0]).startswith("child failed (exit status 4); see ")
    assert not child.done.is_set()


async def test_a_program_that_is_missing_is_said_in_words(bench: Bench) -> None:
    await bench.start("/no/such/program", finishes=True, restarts=False)
    await bench.until(lambda: bench.failures)

    assert "/no/such/program" in str(bench.failures[0]) and "not found" in str(bench.failures[0])


async def test_what_it_leaves_behind_goes_too(bench: Bench) -> None:
    await bench.start(*python("-c", FAMILY))
    await bench.until(lambda: bench.said())
    grandchild = psutil.Process(int(bench.said()[0]))
    os.kill(bench.runfile._values["processes"]["child"], signal.SIGKILL)
    await bench.until(lambda: any("starting it again" in line for line in bench.said()))

    assert psutil.wait_procs([grandchild], timeout=2)[1] == []


async def test_it_does_not_come_back_when_it_is_stopped_in_its_pause(bench: Bench) -> None:
    child = await bench.start("sh", "-c", "exit 1")
    await bench.until(lambda: bench.said())
    await child.stop()
    await asyncio.sleep(0.7)

    assert len(bench.said()) == 1
    assert bench.guard.groups == {}


async def test_once_it_is_retired_a_death_is_the_end(bench: Bench) -> None:
    child = await bench.start("sleep", "60")
    child.retire()
    os.kill(bench.runfile._values["processes"]["child"], signal.SIGKILL)
    await asyncio.sleep(0.7)
    await child.stop()

    assert bench.said() == []
    assert bench.guard.groups == {}


async def test_a_terminal_cannot_reach_it(bench: Bench) -> None:
    await bench.start("sleep", "60")
    pid = bench.runfile._values["processes"]["child"]

    assert os.getsid(pid) == pid != os.getsid(0)
