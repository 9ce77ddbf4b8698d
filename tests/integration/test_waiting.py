"""A worker that starts before its broker waits for it, and can be told to stop meanwhile."""

import asyncio
import signal
from pathlib import Path

import pytest

from streamapp.settings import Settings
from tests.support.proxy import Proxy
from tests.support.stack import Stack
from tests.support.workers import Worker, launch


@pytest.fixture
def settings(servers: Stack) -> Settings:
    return Settings.load(servers.environ)


def start(settings: Settings, folder: Path) -> Worker:
    own = settings.model_copy(update={"roles": "recorder", "data_dir": folder})
    return launch(own, folder / "worker.log", folder)


async def said(worker: Worker, words: str) -> None:
    async with asyncio.timeout(30):
        while words not in worker.output():
            assert worker.alive, worker.output()
            await asyncio.sleep(0.1)


async def test_it_waits_for_the_broker(settings: Settings, tmp_path: Path) -> None:
    proxy = Proxy(settings.broker)
    await proxy.start()
    await proxy.cut()
    worker = start(settings.model_copy(update={"broker": proxy.url}), tmp_path)
    try:
        await said(worker, "cannot be used: KafkaConnectionError")
        await proxy.start()
        await worker.ready()
        assert "Traceback" not in worker.output()
    finally:
        await worker.kill_and_evict()
        await proxy.cut()


async def test_it_can_be_told_to_stop_while_it_waits(settings: Settings, tmp_path: Path) -> None:
    worker = start(settings.model_copy(update={"broker": "kafka://127.0.0.1:1"}), tmp_path)
    try:
        await said(worker, "trying again")
        worker.signal(signal.SIGTERM)
        await asyncio.to_thread(worker.process.wait, 30)
    finally:
        worker.kill()
