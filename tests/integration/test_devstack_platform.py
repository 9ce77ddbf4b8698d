"""The tree of processes above the servers: started in order, watched one by one, gone together."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.support.processes import descendants, gone
from tests.support.stack import Stack, launch, running_stack

ROLES = {"STREAMAPP_ROLES": "recorder,api"}  # without a model, so that none has to be converted
CHILDREN = {"kafka", "postgres", "objects", "redis", "recorder-1", "recorder-2", "api-1", "dashboard"}


@pytest.fixture
def stack() -> Iterator[Stack]:
    with running_stack(ROLES, workers=2, dashboard=True) as made:
        yield made


def get(url: str) -> tuple[int, bytes]:
    with urlopen(url, timeout=5) as answer:
        return answer.status, answer.read()


def test_every_role_runs_and_answers_and_all_of_it_goes(stack: Stack) -> None:
    assert set(stack.processes()) == CHILDREN
    assert get(f"{stack.api_url}/readyz")[0] == 200
    assert b"<html" in get(stack.dashboard_url)[1]
    assert json.loads(get(f"{stack.api_url}/api/v1/images?limit=1")[1])["images"] == []

    assert stack.stop() < 10
    order = [
        line.split()[1] for line in stack.output().splitlines() if "Closing event loop" in line or "shut down" in line
    ]
    assert order[-1] == "postgres" and {"recorder-1", "recorder-2", "api-1"} <= set(order[:-1])


def test_a_killed_worker_comes_back_alone(stack: Stack) -> None:
    before = stack.processes()
    os.kill(before["recorder-2"], signal.SIGKILL)
    deadline = time.monotonic() + 20
    while stack.processes().get("recorder-2", before["recorder-2"]) == before["recorder-2"]:
        assert time.monotonic() < deadline, stack.output()
        time.sleep(0.1)
    after = stack.processes()

    assert {name for name in CHILDREN if before[name] != after.get(name)} == {"recorder-2"}
    assert "recorder-2 ended (killed by SIGKILL); starting it again in 0.5 s" in stack.output()


def test_a_port_that_was_asked_for_and_is_taken_is_one_line(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        up = launch(folder, ["-m", "streamapp", "up", "--no-dashboard"], {**ROLES, "STREAMAPP_API_PORT": str(port)})

        assert up.wait_end(20) == 1
    (line,) = [line for line in up.output().splitlines() if line.startswith("streamapp up: ")]
    assert f"port {port} (STREAMAPP_API_PORT) is in use" in line


def test_kill_9_takes_the_workers_too(stack: Stack) -> None:
    left = descendants(stack.pid)
    os.kill(stack.processes()["api-1"], signal.SIGSTOP)
    stack.process.kill()

    assert gone(left, 10)
