"""The producers as processes of their own, against the API on real servers."""

import asyncio
import signal
import sys
import zipfile
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from streamapp.settings import Settings
from streamapp.storage.views import StoredImage
from tests.support.api import Api, running
from tests.support.platform import eventually
from tests.support.stack import Stack, clean_environ
from tests.unit.ingest.pictures import encoded

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def api(servers: Stack) -> AsyncIterator[Api]:
    async with running(Settings.load(servers.environ)) as api:
        yield api


async def start(folder: Path, *arguments: object, **environ: str) -> asyncio.subprocess.Process:
    """`streamapp ARGUMENTS` in a folder, without settings from outside."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "streamapp", *map(str, arguments)),
        cwd=folder,
        env=clean_environ({"PYTHONPATH": str(ROOT), "COLUMNS": "200", "KERAS_HOME": str(folder), **environ}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def ended(process: asyncio.subprocess.Process, within_s: float = 60) -> tuple[int, str]:
    """Exit code and everything that was printed."""
    try:
        output, _ = await asyncio.wait_for(process.communicate(), within_s)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def images(api: Api, since: set[str]) -> list[StoredImage]:
    """What was accepted since."""
    views = await api.context.db.recent_images(500)
    return [view.image for view in views if str(view.image.image_id) not in since]


async def known(api: Api) -> set[str]:
    return {str(image.image_id) for image in await images(api, set())}


def data_set(folder: Path, count: int) -> Path:
    """A zip laid out as CIFAR-10, `count` pictures in each of three classes."""
    path = folder / "pictures.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number, label in enumerate(("cat", "dog", "ship")):
            for index in range(count):
                picture = encoded(Image.new("RGB", (32, 32), (80 * number, index, 0)), "PNG")
                archive.writestr(f"test/{label}/{index:04d}.png", picture)
    return path


async def test_a_labelled_data_set_arrives_whole_with_its_labels(api: Api, tmp_path: Path) -> None:
    before = await known(api)
    data = data_set(tmp_path, 20)
    process = await start(tmp_path, "produce", "cifar10", "--data", data, "--rate", 0, STREAMAPP_API_URL=api.url)
    code, output = await ended(process)
    assert code == 0, output
    assert "CIFAR-10: 60 images accepted, 0 refused, 0 tries repeated" in output
    sent = await images(api, before)
    assert Counter(image.label for image in sent) == {"cat": 20, "dog": 20, "ship": 20}
    assert {image.source for image in sent} == {"cifar10"}
    with zipfile.ZipFile(data) as archive:
        originals = {archive.read(name) for name in archive.namelist()}
    assert {await api.context.objects.get(image.minio_path) for image in sent} == originals


async def test_nothing_is_left_out_while_the_broker_and_a_store_are_away(api: Api, tmp_path: Path) -> None:
    before = await known(api)
    process = await start(
        *(tmp_path, "produce", "cifar10", "--data", data_set(tmp_path, 20), "--rate", 30, "--api-url", api.url)
    )
    async with asyncio.timeout(30):
        while len(await images(api, before)) < 5:  # noqa: ASYNC110  # it changes in the database
            await asyncio.sleep(0.05)
    api.broker.away = True
    await asyncio.sleep(0.7)
    api.broker.away = False
    await api.proxies["objects"].cut()
    await asyncio.sleep(0.7)
    await api.proxies["objects"].start()
    code, output = await ended(process)
    assert code == 0, output
    assert "60 images accepted, 0 refused" in output
    assert " 0 tries repeated" not in output

    async def all_published() -> bool:  # marks are written a moment after the answer
        return Counter(image.state for image in await images(api, before)) == {"published": 60}

    await eventually(all_published, 10, "60 images are marked as published")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_demo_ends_cleanly_when_it_is_told_to(api: Api, tmp_path: Path, number: signal.Signals) -> None:
    before = await known(api)
    process = await start(tmp_path, "produce", "demo", "--stream", "photos", "--rate", 20, "--api-url", api.url)
    async with asyncio.timeout(30):
        while len(await images(api, before)) < 8:  # noqa: ASYNC110  # it changes in the database
            await asyncio.sleep(0.05)
    process.send_signal(number)
    code, output = await ended(process, 10)
    assert code == 0, output
    assert "Traceback" not in output
    assert "stream: photographs of scikit-image" in output
    sent = await images(api, before)
    assert f"demo: {len(sent)} images accepted, 0 refused" in output
    assert {(image.source, image.label) for image in sent} == {("folder", None)}


async def test_a_video_arrives_as_frames_of_a_camera(api: Api, tmp_path: Path) -> None:
    before = await known(api)
    writer = cv2.VideoWriter(str(tmp_path / "door.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for number in range(20):
        writer.write(np.full((48, 64, 3), 10 * number, np.uint8))
    writer.release()
    arguments = ("produce", "webcam", "--video", "door.avi", "--every", 0.25, "--camera-id", "door")
    code, output = await ended(await start(tmp_path, *arguments, "--api-url", api.url))
    assert code == 0, output
    sent = await images(api, before)
    assert [(image.source, image.camera_id, image.content_type) for image in sent] == [
        ("webcam", "door", "image/jpeg")
    ] * 8


async def test_a_missing_camera_is_one_line_and_exit_code_1(api: Api, tmp_path: Path) -> None:
    code, output = await ended(await start(tmp_path, "produce", "webcam", "--camera", 99, "--api-url", api.url))
    assert code == 1
    assert output == "error: camera 99 cannot be opened: is it plugged in, and free?\n"


async def test_predict_sends_the_file_and_says_that_no_model_answers(api: Api, tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(encoded(Image.new("RGB", (32, 32)), "PNG"))
    before = await known(api)
    code, output = await ended(
        await start(tmp_path, "predict", "cat.png", "--timeout", 1, STREAMAPP_API_URL=api.url), 20
    )
    assert code == 1
    (image,) = await images(api, before)
    assert (
        output.strip()
        == f"cat.png: no verdict within 1 s; it may still come, see {api.url}/api/v1/images/{image.image_id}"
    )


async def test_the_commands_start_without_heavy_packages(tmp_path: Path) -> None:
    code = (
        "import sys, streamapp.ingest.produce.cli; print(sorted({'cv2', 'skimage', 'keras', 'faust'} & {*sys.modules}))"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code), cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    assert await ended(process) == (0, "[]\n")
