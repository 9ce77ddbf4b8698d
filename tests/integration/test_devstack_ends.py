"""Every way in which a stack ends: signals, kill -9, a server that hangs; nothing is ever left behind."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.processes import descendants, gone
from tests.support.sql import sql
from tests.support.stack import SERVERS_ONLY, launch, running_servers


def test_after_kill_9_no_process_is_left_and_the_next_start_works(folder: Path) -> None:
    with running_servers(folder=folder) as stack:
        sql(stack.database_url, "create table kept (n int)")
        left = descendants(stack.pid)
        stack.process.kill()
        stack.process.wait()
        assert len(left) > 4
    with running_servers(folder=folder) as stack:  # at once: it waits for what is left of the first
        assert gone(left, 1)
        sql(stack.database_url, "select * from kept")


def test_after_kill_9_every_process_is_gone_within_10_s_even_a_frozen_one(folder: Path) -> None:
    with running_servers(folder=folder) as stack:
        left = descendants(stack.pid)
        os.kill(stack.processes()["redis"], signal.SIGSTOP)
        stack.process.kill()

        assert gone(left, 10)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_of_it_in_order(folder: Path, number: int) -> None:
    with running_servers(folder=folder) as stack:
        took = stack.stop(number)

        assert took < 10
        assert stack.process.returncode == 0
        assert not (stack.data_dir / "run.json").exists()
        assert "database system is shut down" in stack.output()
        assert "killed" not in stack.output()


def test_a_frozen_server_cannot_hold_it_up(folder: Path) -> None:
    with running_servers(folder=folder) as stack:
        os.kill(stack.processes()["kafka"], signal.SIGSTOP)

        assert stack.stop() < 10
        assert "kafka did not stop within 2.5 s: killed" in stack.output()


def test_a_second_signal_kills_at_once(folder: Path) -> None:
    with running_servers(folder=folder) as stack:
        left = descendants(stack.pid)
        os.kill(stack.processes()["kafka"], signal.SIGSTOP)
        stack.process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        stack.process.send_signal(signal.SIGINT)

        assert stack.wait_end(1.5) == 130
        assert gone(left, 1)


def test_a_signal_during_the_start_stops_it_too(folder: Path) -> None:
    stack = launch(folder, ["-c", SERVERS_ONLY], {})
    deadline = time.monotonic() + 20
    while "postgres" not in stack.processes() and time.monotonic() < deadline:
        time.sleep(0.01)
    stack.stop()

    assert stack.process.returncode == 0
