"""A child runs only under guard, and says how it ended."""

import signal
import subprocess
from pathlib import Path

import psutil

from streamapp.devstack.child import how, python
from tests.support.processes import gone

# A parent that dies when its child is there and the guard has not heard of it.
KILLED_AT_THE_GATE = """
import asyncio, os, signal, sys
from streamapp.devstack.child import Child, Command
async def main():
    with open(sys.argv[1], "w") as lock:
        print(Child(Command("child", ("touch", sys.argv[2])), lock.fileno()).pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


def test_exit_statuses_in_words() -> None:
    assert [how(3), how(-9), how(-63)] == ["exit status 3", "killed by SIGKILL", "killed by signal 63"]


def test_a_child_whose_parent_is_killed_before_the_guard_knows_of_it_never_runs(tmp_path: Path) -> None:
    mark, lock = tmp_path / "ran", tmp_path / "lock"
    ended = subprocess.run(python("-c", KILLED_AT_THE_GATE, str(lock), str(mark)), capture_output=True, check=False)
    child = psutil.Process(int(ended.stdout)) if psutil.pid_exists(int(ended.stdout)) else None

    assert ended.returncode == -signal.SIGKILL
    assert child is None or gone([child], 2)
    assert not mark.exists()
