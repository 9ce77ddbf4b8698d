"""The tree of processes above the servers: started in order, watched one by one, gone together."""

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streamapp import topics
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

    order = ending(stack)
    assert order[0] == "dashboard"
    assert set(order[1:4]) == {"api-1", "recorder-1", "recorder-2"}
    assert set(order[4:]) == {"kafka", "postgres", "objects", "redis"}


def ending(stack: Stack) -> list[str]:
    """Stop it; the names of its processes in the order in which they end."""
    stack.process.send_signal(signal.SIGINT)
    left, order = set(stack.processes()), list[str]()
    deadline = time.monotonic() + 10
    while left:
        assert time.monotonic() < deadline, f"{left} still run"
        ended = left - set(stack.processes())
        order += ended
        left -= ended
        time.sleep(0.002)
    assert stack.wait_end(2) == 0
    return order


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


async def test_a_broker_that_forgot_its_topics_gets_them_again(folder: Path) -> None:
    with running_stack({"STREAMAPP_ROLES": "recorder"}) as stack:
        os.kill(stack.processes()["kafka"], signal.SIGKILL)
        for path in (stack.data_dir / "kafka").iterdir():
            path.unlink()
        deadline = time.monotonic() + 20
        while await partitions(stack.broker) != {topic.name: 12 for topic in topics.all_topics()} or frozen(stack):
            assert time.monotonic() < deadline and stack.process.poll() is None, stack.output()
            await asyncio.sleep(0.2)


def frozen(stack: Stack) -> list[str]:
    """The processes that are stopped by a signal."""
    found = stack.processes().items()
    return [name for name, pid in found if psutil.Process(pid).status() == psutil.STATUS_STOPPED]


async def partitions(broker: str) -> dict[str, int]:
    """How many partitions each topic of ours has; none while the broker does not answer."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.removeprefix("kafka://"))
    try:
        await admin.start()
        found = {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}
    except KafkaError:
        return {}
    finally:
        await admin.close()
    return {name: count for name, count in found.items() if not name.startswith("__")}
