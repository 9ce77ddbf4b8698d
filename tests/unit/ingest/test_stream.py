"""Streams: paced, several at once but not too many, cleanly ended, and honest about what became of each picture."""

import asyncio
import itertools
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from io import StringIO

import pytest
from aiohttp.test_utils import unused_port
from rich.console import Console

from streamapp.errors import ApiError, ImageRejected, SourceError
from streamapp.ingest.produce import report as report_module
from streamapp.ingest.produce import stream as module
from streamapp.ingest.produce.client import Picture
from streamapp.ingest.produce.report import Report
from streamapp.ingest.produce.stream import LIVE_IN_FLIGHT, Stream, newest, send_all, threaded


class FakeUploader:
    """Takes `takes_s` for each picture and notes what it saw."""

    def __init__(self, takes_s: float = 0.0) -> None:
        self.takes_s, self.retries = takes_s, 3
        self.names: list[str] = []
        self.started: list[float] = []
        self.at_once = self.most_at_once = 0
        self.errors: dict[str, Exception] = {}

    async def send(self, picture: Picture) -> str:
        self.started.append(time.monotonic())
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.takes_s)
        finally:
            self.at_once -= 1
        if picture.filename in self.errors:
            raise self.errors[picture.filename]
        self.names.append(picture.filename)
        return picture.filename


def pictures(count: int) -> Iterator[Picture]:
    return (Picture(b"", str(number)) for number in range(count))


def quiet() -> tuple[Report, StringIO]:
    text = StringIO()
    return Report("test", console=Console(file=text)), text


async def test_every_picture_is_sent_some_at_once() -> None:
    uploader, (report, _) = FakeUploader(0.01), quiet()
    await Stream(uploader, report, in_flight=4).run(threaded(pictures(20)))
    assert sorted(map(int, uploader.names)) == list(range(20))
    assert uploader.most_at_once == 4
    assert report.accepted == 20


async def test_the_rate_is_kept() -> None:
    uploader, (report, _) = FakeUploader(), quiet()
    await Stream(uploader, report, rate=50).run(threaded(pictures(6)))
    pauses = [later - earlier for earlier, later in zip(uploader.started, uploader.started[1:], strict=False)]
    assert 0.09 <= uploader.started[-1] - uploader.started[0] < 1  # the first one may start late
    assert min(pauses) > 0.005


async def test_what_a_slow_api_made_us_miss_is_not_made_up_for() -> None:
    uploader, (report, _) = FakeUploader(0.1), quiet()
    stream = Stream(uploader, report, rate=100, in_flight=1)
    started = time.monotonic()
    await stream.run(threaded(pictures(4)))
    assert time.monotonic() - started >= 0.4
    assert uploader.most_at_once == 1


async def test_a_refused_picture_is_named_and_the_stream_goes_on() -> None:
    uploader, (report, text) = FakeUploader(), quiet()
    uploader.errors["1"] = ImageRejected("it is animated")
    await Stream(uploader, report).run(threaded(pictures(3)))
    assert (report.accepted, report.refused) == (2, 1)
    assert "1 was refused: it is animated" in text.getvalue()


async def test_an_api_that_is_gone_ends_the_stream() -> None:
    uploader, (report, _) = FakeUploader(), quiet()
    uploader.errors["2"] = ApiError("gone")
    with pytest.raises(ApiError, match="gone"):
        await Stream(uploader, report, rate=200).run(threaded(pictures(1000)))
    assert len(uploader.names) < 10


async def test_being_stopped_is_a_clean_end_that_finishes_what_is_on_its_way() -> None:
    uploader, (report, _) = FakeUploader(0.1), quiet()
    task = asyncio.create_task(Stream(uploader, report, rate=100).run(threaded(pictures(10_000))))
    await asyncio.sleep(0.05)
    task.cancel()
    await task
    assert report.accepted == len(uploader.started) > 0


async def test_a_stop_does_not_wait_for_an_upload_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_S", 0.05)
    uploader, (report, _) = FakeUploader(60), quiet()
    task = asyncio.create_task(Stream(uploader, report).run(threaded(pictures(1))))
    await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.wait_for(task, 1)
    assert (report.accepted, uploader.at_once) == (0, 0)


async def test_being_stopped_twice_drops_what_is_on_its_way() -> None:
    uploader, (report, text) = FakeUploader(60), quiet()
    task = asyncio.create_task(Stream(uploader, report).run(threaded(pictures(3))))
    async with asyncio.timeout(1):
        while uploader.at_once < 3:  # noqa: ASYNC110  # the double counts, and tells nobody
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.sleep(0.05)
        assert not task.done()
        task.cancel()
        await task
    assert (report.accepted, uploader.at_once) == (0, 0)
    assert text.getvalue() == "finishing 3 uploads; Ctrl-C again drops them\n"


async def test_a_stop_with_nothing_on_its_way_says_nothing() -> None:
    uploader, (report, text) = FakeUploader(), quiet()
    task = asyncio.create_task(Stream(uploader, report, rate=1).run(threaded(pictures(3))))
    await asyncio.sleep(0.1)
    task.cancel()
    await task
    assert (report.accepted, text.getvalue()) == (1, "")


async def test_being_stopped_twice_does_not_wait_for_the_source_either() -> None:
    closing = asyncio.Event()

    async def source() -> AsyncGenerator[Picture]:
        try:
            yield Picture(b"", "0")
        finally:  # a camera that hangs
            closing.set()
            await asyncio.sleep(60)

    report, _ = quiet()
    task = asyncio.create_task(
        send_all(source(), api_url=f"http://127.0.0.1:{unused_port()}", report=report, rate=0.01)
    )
    async with asyncio.timeout(1):
        await asyncio.sleep(0.05)
        while not closing.is_set():
            task.cancel()
            await asyncio.sleep(0.05)
        task.cancel()
        await task


async def test_of_a_live_source_one_old_picture_is_sent_at_most() -> None:
    stop = threading.Event()

    def camera() -> Iterator[Picture]:
        for number in itertools.count():
            if stop.wait(0.005):
                return
            yield Picture(b"", str(number))

    uploader, (report, _) = FakeUploader(0.2), quiet()  # the API is away for so long
    task = asyncio.create_task(Stream(uploader, report, in_flight=LIVE_IN_FLIGHT).run(newest(camera(), stop)))
    async with asyncio.timeout(5):
        while len(uploader.started) < 2:  # noqa: ASYNC110  # the double counts, and tells nobody
            await asyncio.sleep(0.01)
        task.cancel()
        await task
    old, new = map(int, uploader.names)
    assert new - old > 15


async def test_a_slow_reader_of_a_live_source_gets_the_newest_picture() -> None:
    stop = threading.Event()

    def camera() -> Iterator[Picture]:
        number = 0
        while not stop.wait(0.005):
            yield Picture(b"", str(number))
            number += 1

    source = newest(camera(), stop)
    first = int((await anext(source)).filename)
    await asyncio.sleep(0.1)
    second = int((await anext(source)).filename)
    await source.aclose()
    assert second - first > 5
    assert stop.is_set()


async def test_the_end_of_a_source_waits_for_its_uploads_however_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_S", 0.01)
    uploader, (report, _) = FakeUploader(0.1), quiet()
    await Stream(uploader, report).run(threaded(pictures(3)))
    assert report.accepted == 3


async def test_what_a_live_source_raises_is_not_swallowed() -> None:
    def camera() -> Iterator[Picture]:
        yield Picture(b"", "0")
        time.sleep(0.05)  # the first picture is taken before the end replaces it
        raise SourceError("unplugged")

    seen = []
    with pytest.raises(SourceError, match="unplugged"):
        async for picture in newest(camera(), threading.Event()):
            seen.append(picture.filename)
    assert seen == ["0"]


async def test_what_a_source_raises_ends_the_stream_after_its_uploads() -> None:
    async def source() -> AsyncGenerator[Picture]:
        yield Picture(b"", "0")
        raise SourceError("unreadable")

    uploader, (report, _) = FakeUploader(0.02), quiet()
    with pytest.raises(SourceError, match="unreadable"):
        await Stream(uploader, report).run(source())
    assert report.accepted == 1


def test_the_summary_is_one_line_with_every_count() -> None:
    report, text = quiet()
    with report.running(FakeUploader()):
        report.sent()
        report.rejected("x.gif", "no image")
    last = text.getvalue().splitlines()[-1]
    assert last.startswith("test: 1 images accepted, 1 refused, 3 tries repeated, in 0.0 s")


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_module, "LINE_EVERY_S", 0.0)
    report, text = quiet()
    report.sent()
    assert text.getvalue().startswith("test: 1 sent")
