"""Send a stream of pictures at a rate, several at once, until it ends or somebody stops it."""

import asyncio
import signal
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, suppress

from streamapp.errors import ImageRejected
from streamapp.ingest.produce.client import Picture, Uploader
from streamapp.ingest.produce.report import Report

#: Uploads at once; of a live source one, since what waits in the others grows old while the API is away.
IN_FLIGHT, LIVE_IN_FLIGHT = 8, 1
#: How long uploads in flight may take to end once the stream is stopped, in seconds.
STOP_S = 5.0


class Stream:
    """Paces a source and hands its pictures to an `Uploader`."""

    def __init__(self, uploader: Uploader, report: Report, rate: float = 0, in_flight: int = IN_FLIGHT) -> None:
        """`rate` is in images per second; 0 sends as fast as the API takes them."""
        self._uploader = uploader
        self._report = report
        self._interval = 1 / rate if rate else 0.0
        self._next = time.monotonic()
        self._slots = asyncio.Semaphore(in_flight)
        self._uploads: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None

    async def run(self, pictures: AsyncIterator[Picture]) -> None:
        """Send every picture; being cancelled is a normal end: what is in flight is finished, the second time dropped.

        Raises:
            ApiError: the API stays away or refuses the requests.
            SourceError: the source cannot be read any further.
        """
        try:
            await self._slots.acquire()
            async for picture in pictures:
                if self._failure is not None:
                    break
                self._start(picture)
                await self._pace()
                await self._slots.acquire()  # before the next picture is asked for: a live one would grow old
            while self._uploads and self._failure is None:
                await asyncio.wait(self._uploads, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            if self._uploads:
                self._report.say(f"finishing {len(self._uploads)} uploads; Ctrl-C again drops them")
        finally:
            await self._stop()
        if self._failure is not None:
            raise self._failure

    def _start(self, picture: Picture) -> None:
        task = asyncio.create_task(self._send(picture))
        self._uploads.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._uploads.discard(task)
        self._slots.release()
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()

    async def _send(self, picture: Picture) -> None:
        try:
            await self._uploader.send(picture)
            self._report.sent()
        except ImageRejected as error:
            self._report.rejected(picture.filename, str(error))

    async def _pace(self) -> None:
        """Wait for the next turn. Turns that a slow API made us miss are not made up for."""
        if self._interval:
            self._next = max(self._next + self._interval, time.monotonic())
            await asyncio.sleep(self._next - time.monotonic())

    async def _stop(self) -> None:
        """Give uploads in flight a moment to end; being cancelled ends that moment."""
        uploads = list(self._uploads)
        if uploads:
            with suppress(asyncio.CancelledError):
                await asyncio.wait(uploads, timeout=STOP_S)
        for task in uploads:
            task.cancel()
        await asyncio.gather(*uploads, return_exceptions=True)


async def threaded(pictures: Iterator[Picture]) -> AsyncGenerator[Picture]:
    """A blocking source, one picture after the other, read in a thread."""
    while (picture := await asyncio.to_thread(next, pictures, None)) is not None:
        yield picture


async def newest(pictures: Iterator[Picture], stop: threading.Event) -> AsyncGenerator[Picture]:
    """A live source read in a thread: whoever is slow gets the newest picture, never a queue of old ones.

    `stop` is set when nobody asks any more; the source must look at it.
    """
    loop = asyncio.get_running_loop()
    slot: asyncio.Queue[Picture | None] = asyncio.Queue(1)

    def offer(picture: Picture | None) -> None:
        if slot.full():
            slot.get_nowait()
        slot.put_nowait(picture)

    def read() -> None:
        try:
            for picture in pictures:
                loop.call_soon_threadsafe(offer, picture)
        finally:
            loop.call_soon_threadsafe(offer, None)

    reader = asyncio.create_task(asyncio.to_thread(read))
    try:
        while (picture := await slot.get()) is not None:
            yield picture
    finally:
        stop.set()
        await reader  # raises what the source raised


async def send_all(
    pictures: AsyncGenerator[Picture], *, api_url: str, report: Report, rate: float = 0, in_flight: int = IN_FLIGHT
) -> None:
    """Send a whole source; Ctrl-C or SIGTERM ends it early and cleanly, also when it comes again meanwhile.

    Raises:
        ApiError: the API stays away or refuses the requests.
        SourceError: the source cannot be read.
    """
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        async with Uploader(api_url) as uploader, aclosing(pictures):
            with report.running(uploader):
                await Stream(uploader, report, rate, in_flight).run(pictures)
