"""One worker with every role, started by Faust's own command line from a checkout: the quick look."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiokafka import TopicPartition

from streamapp import topics
from streamapp.serving import ModelState
from tests.support.oracle import Oracle
from tests.support.platform import Client, eventually
from tests.support.stack import ROOT, Stack, clean_environ, running_servers, share_models, temporary_folder

PORT = 18765
MODELS = ("efficientnet", "mobilenet", "resnet50")


@pytest.fixture
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The servers, with the broker that the test asks for (`on_both_brokers`); else the embedded one."""
    apache = getattr(request, "param", "embedded") == "apache"
    extra = {"STREAMAPP_BROKER": request.getfixturevalue("kafka").url} if apache else {}
    with temporary_folder() as folder:
        share_models(folder / ".streamapp")
        with running_servers(extra, folder=folder) as servers:
            yield servers


on_both_brokers = pytest.mark.parametrize(
    "stack", ["embedded", pytest.param("apache", marks=pytest.mark.kafka)], indirect=True
)


def faust(stack: Stack, log: Path, *options: str, **settings: str) -> subprocess.Popen[bytes]:
    """`faust -A streamapp worker -l info` on the servers of `stack`."""
    command = [sys.executable, "-m", "faust", "-A", "streamapp", "worker", "-l", "info", *options]
    environ = clean_environ({**stack.environ, "STREAMAPP_API_PORT": str(PORT), **settings})
    with log.open("wb") as output:
        return subprocess.Popen(command, cwd=ROOT, env=environ, stdout=output, stderr=subprocess.STDOUT)


async def until_ready(worker: subprocess.Popen[bytes], client: Client, log: Path) -> None:
    async def ready() -> bool:
        assert worker.poll() is None, log.read_text()
        try:
            async with client.http.get(f"{client.api}/readyz") as answer:
                return answer.status == 200
        except OSError:
            return False

    await eventually(ready, 120, "the worker is ready")


def stop(worker: subprocess.Popen[bytes], log: Path) -> None:
    worker.send_signal(signal.SIGTERM)
    try:
        assert worker.wait(30) == 0, log.read_text()
    finally:
        worker.kill()


async def announced(client: Client) -> set[str]:
    """The models that have said on `models-state` that they serve."""
    parts = {TopicPartition(topics.MODELS_STATE, number): 0 for number in range(client.settings.partitions)}
    return {ModelState.decode(message.value).model for message in await Oracle(client.settings, MODELS).wire(parts)}


@on_both_brokers
async def test_faust_runs_every_role_in_one_worker(stack: Stack) -> None:
    log = stack.folder / "faust.log"
    worker = faust(stack, log)
    try:
        async with ClientSession() as http:
            client = Client(stack, http, api=f"http://127.0.0.1:{PORT}")
            await until_ready(worker, client, log)
            assert await announced(client) == set(MODELS)
            [image_id] = await client.upload(1)

            async def verdict() -> bool:
                found = (await client.get(f"/api/v1/images/{image_id}"))["verdict"]
                return bool(found and found["complete"])

            await eventually(verdict, 30, "a complete verdict")

            async def recorded() -> bool:
                return (await client.counts()).outcomes == {model: {"predicted": 1} for model in MODELS}

            await eventually(recorded, 15, "three rows")
    finally:
        stop(worker, log)


@on_both_brokers
async def test_images_wait_for_models_that_are_not_there_yet(stack: Stack) -> None:
    log = stack.folder / "api.log"
    worker = faust(stack, log, STREAMAPP_ROLES="api")
    try:
        async with ClientSession() as http:
            client = Client(stack, http, api=f"http://127.0.0.1:{PORT}")
            await until_ready(worker, client, log)
            await client.upload(1, 2)
            for model in MODELS:
                assert await client.lag(f"streamapp-{model}", topics.IMAGES) == 2
    finally:
        stop(worker, log)


@pytest.mark.parametrize(
    ("options", "settings"), [(("-b", "0.0.0.0"), {}), ((), {"WEB_BIND": "0.0.0.0"})], ids=["option", "variable"]
)
def test_no_way_to_listen_for_everybody_without_keys(
    options: tuple[str, ...], settings: dict[str, str], stack: Stack
) -> None:
    log = stack.folder / "faust.log"
    worker = faust(stack, log, *options, STREAMAPP_ROLES="api", **settings)
    try:
        assert worker.wait(60) == 1, log.read_text()
    finally:
        worker.kill()
    said = log.read_text()
    assert "0.0.0.0 would let everybody in" in said
    assert "Traceback" not in said


async def test_fausts_own_pages_stay_off(stack: Stack) -> None:
    log = stack.folder / "faust.log"
    on = {"APP_WEB_TABLES_ENABLED": "1", "APP_WEB_ROUTER_ENABLED": "1"}
    worker = faust(stack, log, STREAMAPP_ROLES="api", **on)
    try:
        async with ClientSession() as http:
            client = Client(stack, http, api=f"http://127.0.0.1:{PORT}")
            await until_ready(worker, client, log)
            for page in ("/table/", "/router/"):
                async with http.get(client.api + page) as answer:
                    assert answer.status == 404
    finally:
        stop(worker, log)


def test_an_unknown_role_is_one_line(tmp_path: Path) -> None:
    environ = clean_environ({"STREAMAPP_ROLES": "resnet51", "PYTHONPATH": str(ROOT)})
    command = [sys.executable, "-m", "streamapp", "worker"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("error: STREAMAPP_ROLES: no role 'resnet51'; there are efficientnet,")
    assert "Traceback" not in done.stderr + done.stdout


def test_a_broker_with_the_wrong_partitions_is_one_line(stack: Stack) -> None:
    start = time.monotonic()
    for partitions in ("12", "5"):  # the first worker makes the topics, and runs until it is stopped
        log = stack.folder / f"{partitions}.log"
        environ = clean_environ({**stack.environ, "STREAMAPP_ROLES": "recorder", "STREAMAPP_PARTITIONS": partitions})
        with log.open("wb") as output:
            worker = subprocess.Popen(
                [sys.executable, "-m", "streamapp", "worker"], cwd=ROOT, env=environ, stdout=output, stderr=output
            )
        try:
            while partitions == "12" and b"Migration" not in log.read_bytes():
                assert worker.poll() is None, log.read_text()
                assert time.monotonic() < start + 60
                time.sleep(0.1)
            if partitions == "5":
                assert worker.wait(60) == 1
        finally:
            if worker.poll() is None:
                os.kill(worker.pid, signal.SIGTERM)
                worker.wait(30)
    text = (stack.folder / "5.log").read_text()
    assert "recorder cannot start: every topic must have 5 partitions, but " in text
    assert "STREAMAPP_PARTITIONS" in text
    assert "Traceback" not in text
