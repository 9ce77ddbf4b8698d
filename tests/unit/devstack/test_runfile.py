"""One stack per folder, and a file that says what runs."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from streamapp.devstack.runfile import Lock, RunFile, read
from streamapp.errors import DevStackError

HOLDER = """
import sys, time; from pathlib import Path; from streamapp.devstack.runfile import Lock
lock = Lock(Path(sys.argv[1])); lock.acquire(); print(flush=True); time.sleep(60)
"""
# It passes the lock to a child and ends: what a killed stack leaves for its guard to end.
ORPHAN = """
import subprocess, sys; from pathlib import Path; from streamapp.devstack.runfile import Lock
lock = Lock(Path(sys.argv[1])); lock.acquire()
child = subprocess.Popen(["sleep", sys.argv[2]], pass_fds=(lock.fileno(),), stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        yield child
        child.kill()


def orphan(folder: Path, seconds: float) -> int:
    """The pid of a process that holds the lock of a stack that is gone."""
    return int(subprocess.check_output([sys.executable, "-c", ORPHAN, str(folder), str(seconds)]))


def test_a_second_stack_is_told_of_the_first(tmp_path: Path, holder: subprocess.Popen[bytes]) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"pid": holder.pid, "dashboard_url": "http://127.0.0.1:8000"}))

    with pytest.raises(DevStackError, match=rf"running already .*pid {holder.pid}, http://127.0.0.1:8000"):
        Lock(tmp_path).acquire()


def test_an_address_of_an_older_run_is_not_told(tmp_path: Path, holder: subprocess.Popen[bytes]) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"pid": 1, "dashboard_url": "http://127.0.0.1:8000"}))

    with pytest.raises(DevStackError) as caught:
        Lock(tmp_path).acquire()
    assert "http" not in str(caught.value)


def test_the_lock_of_a_dead_stack_is_free(tmp_path: Path, holder: subprocess.Popen[bytes]) -> None:
    holder.kill()
    holder.wait()
    lock = Lock(tmp_path)
    lock.acquire(wait_s=0)

    assert (tmp_path / "up.lock").read_text() == str(os.getpid())
    lock.release()


def test_it_waits_for_the_processes_of_a_killed_stack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    orphan(tmp_path, 0.5)
    lock = Lock(tmp_path)
    lock.acquire(wait_s=5)
    lock.release()

    assert capsys.readouterr().out == "waiting for the processes of the last run to end\n"


def test_processes_that_stay_are_named(tmp_path: Path) -> None:
    pid = orphan(tmp_path, 30)
    (tmp_path / "run.json").write_text(json.dumps({"processes": {"kafka": pid}}))
    try:
        with pytest.raises(DevStackError, match=f"earlier run still use .* `kill {pid}`"):
            Lock(tmp_path).acquire(wait_s=0.2)
    finally:
        psutil.Process(pid).kill()


def test_a_folder_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DevStackError, match="cannot be written: No such file"):
        Lock(tmp_path / "none").acquire()


def test_the_run_file_says_what_runs(tmp_path: Path) -> None:
    file = RunFile(tmp_path)
    file.update(broker="kafka://127.0.0.1:9092")
    file.process("kafka", 5)
    file.process("redis", 6)
    file.process("kafka", None)

    assert read(tmp_path) == {
        "pid": os.getpid(),
        "ready": False,
        "processes": {"redis": 6},
        "broker": "kafka://127.0.0.1:9092",
    }
    assert (tmp_path / "run.json").stat().st_mode & 0o777 == 0o600
    file.remove()
    assert read(tmp_path) == {}
