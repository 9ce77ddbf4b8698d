"""The disk of the embedded servers is full: a clear refusal, nothing lost, nothing spoilt."""

import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import ClientSession, FormData

from tests.faults.conftest import RESULTS
from tests.support.fleet import MODELS, write_agents
from tests.support.lab import Result
from tests.support.platform import Client, eventually, picture
from tests.support.stack import ROOT, running, share_models

pytestmark = pytest.mark.kafka  # not that it needs Kafka: it belongs to the table of `make test-kafka`
DISK_MIB = 420
BEFORE, AFTER = 20, 20


@pytest.fixture
def disk(folder: Path) -> Iterator[Path]:
    """A data folder on a disk of its own that is nearly too small."""
    place = folder / "disk"
    place.mkdir()
    options = f"size={DISK_MIB}m,mode=755"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@contextmanager
def full(place: Path) -> Iterator[None]:
    """Not a byte is free until the end of the block, also where a server gives some back meanwhile."""
    filler = place / "filler"
    descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT)
    over = threading.Event()

    def fill() -> None:
        while True:
            for chunk in (2**20, 2**12, 1):
                with suppress(OSError):
                    while os.write(descriptor, bytes(chunk)):
                        pass
            is_full.set()
            if over.wait(0.01):
                return

    is_full = threading.Event()
    filling = threading.Thread(target=fill)
    filling.start()
    try:
        assert is_full.wait(30)
        yield
    finally:
        over.set()
        filling.join()
        os.close(descriptor)
        filler.unlink()


async def test_f17_a_full_disk(disk: Path, tmp_path: Path) -> None:
    write_agents(tmp_path / "checkout")
    share_models(disk / ".streamapp")
    extra = {"PYTHONPATH": f"{tmp_path / 'checkout'}:{ROOT}"}
    up = ["-m", "streamapp", "up", "--no-dashboard"]
    began = time.monotonic()
    async with ClientSession() as http:
        with running(up, extra, 120, disk) as stack:
            client = Client(stack, http)
            await client.upload(*range(BEFORE))
            await answered(client)
            with full(disk):
                refusals = [await refusal(client, seed) for seed in range(100, 110)]

                async def logged() -> bool:
                    return "No space left on device" in stack.output()

                await eventually(logged, 5, "the log says why")
            freed_at = time.monotonic()
            await client.upload(*range(BEFORE, BEFORE + AFTER))
            await answered(client)
            recovered_s = time.monotonic() - freed_at
        assert max(refusals) < 6
        with running(up, extra, 120, disk) as stack:  # what was written is whole
            again = Client(stack, http)
            assert (await again.counts()).outcomes == {model: {"predicted": BEFORE + AFTER} for model in MODELS}
            await again.upload(1000)
            again.accepted |= client.accepted
            await answered(again)
    numbers = len(client.accepted), len(refusals), 0, (recovered_s,)
    RESULTS.append(Result("F17", "disk of the embedded servers full", *numbers, time.monotonic() - began))


async def refusal(client: Client, seed: int) -> float:
    """An upload that cannot be stored is refused, in words; the seconds that it took."""
    form = FormData()
    form.add_field("file", picture(seed), filename="x.jpg")
    began = time.monotonic()
    async with client.http.post(f"{client.api}/api/v1/images", data=form) as answer:
        assert answer.status == 503, await answer.text()
        assert re.match("(the object store|PostgreSQL) at ", (await answer.json())["detail"]), await answer.text()
    return time.monotonic() - began


async def answered(client: Client) -> None:
    """Wait until every accepted image has every model's prediction."""

    async def all_of_them() -> bool:
        found = (await client.counts()).outcomes
        return found == {model: {"predicted": len(client.accepted)} for model in MODELS}

    await eventually(all_of_them, 30, f"{len(client.accepted)} predictions of each model")
