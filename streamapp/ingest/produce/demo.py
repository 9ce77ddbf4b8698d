"""The demonstration's stream: CIFAR-10 where it can be had, else the photographs that scikit-image ships."""

import asyncio
import importlib.util
import itertools
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from streamapp.errors import SourceError
from streamapp.ingest.produce import cifar10
from streamapp.ingest.produce.client import Picture
from streamapp.ingest.produce.stream import threaded

#: Real colour photographs inside the wheel; the package's other pictures are drawings, masks and grey scans.
PHOTOGRAPHS = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "rocket.jpg",
    "motorcycle_left.png",
    "hubble_deep_field.jpg",
)
STREAMS = ("auto", "cifar10", "photos")
HOW_TO_GET = "for CIFAR-10 with labels set STREAMAPP_DATA or --data to a zip or folder <split>/<class>/<file>"
#: Fills the cache of Keras and exits, or says why not: a process of its own can be ended in mid-download.
DOWNLOAD = """\
import sys
from streamapp.ingest.produce import cifar10
try:
    cifar10.from_keras()
except cifar10.SourceError as error:
    sys.exit(str(error))
"""


def check_stream(stream: str) -> None:
    """See that there is such a stream; an empty name leaves the choice open.

    Raises:
        SourceError: there is none.
    """
    if stream not in ("", *STREAMS):
        raise SourceError(f"no stream {stream!r}: choose one of {', '.join(STREAMS)}")


def photographs() -> list[Picture]:
    """The photographs of scikit-image, without labels. The package is found, not imported (1 s).

    Raises:
        SourceError: scikit-image is not installed, or without its photographs.
    """
    found = importlib.util.find_spec("skimage")
    if found is None or found.origin is None:
        raise SourceError("the demonstration's photographs come with scikit-image: pip install scikit-image")
    folder = Path(found.origin).parent / "data"
    try:
        return [Picture((folder / name).read_bytes(), name, "folder") for name in PHOTOGRAPHS]
    except OSError as error:
        raise SourceError(f"{folder} lacks a photograph of scikit-image: {error}") from error


def looped(data: cifar10.DataSet) -> Iterator[Picture]:
    """A data set again and again, in another order each time."""
    for seed in itertools.count():
        yield from data.pictures(seed=seed)


class Demo:
    """Chooses the stream and says which one it is, and how to get the other."""

    def __init__(self, stream: str, data: Path | None, say: Callable[[str], None]) -> None:
        """`stream` is one of `STREAMS`; `data` is a zip or folder, where there is one.

        Raises:
            SourceError: there is no such stream.
        """
        check_stream(stream)
        self._stream = stream
        self._data = data
        self._say = say

    async def pictures(self) -> AsyncGenerator[Picture]:
        """Pictures without end. While CIFAR-10 is downloaded, the photographs are shown.

        Raises:
            SourceError: CIFAR-10 was asked for and cannot be had.
        """
        photos = itertools.cycle(photographs())
        if self._stream != "photos" and not self._at_hand():
            async for picture in self._during_download(photos):
                yield picture
        if self._stream == "photos" or not self._at_hand():
            self._say(f"stream: photographs of scikit-image, without labels; {HOW_TO_GET}")
            for picture in photos:
                yield picture
        data = await asyncio.to_thread(self._cifar10)
        self._say(f"stream: CIFAR-10 with labels, {data.size} pictures from {self._data or 'the cache of Keras'}")
        async for picture in threaded(looped(data)):
            yield picture

    def _at_hand(self) -> bool:
        return self._data is not None or cifar10.keras_cache().is_file()

    def _cifar10(self) -> cifar10.DataSet:
        return cifar10.from_files(self._data) if self._data is not None else cifar10.from_keras()

    async def _during_download(self, photos: Iterator[Picture]) -> AsyncGenerator[Picture]:
        """Photographs until the download has ended, well or not; nothing meanwhile if CIFAR-10 was asked for."""
        async with downloading() as download:
            if self._stream == "cifar10":
                self._say("CIFAR-10 (170 MB) is being downloaded")
                await download.wait()
            else:
                self._say("stream: photographs of scikit-image, without labels, while CIFAR-10 is looked for")
            while download.returncode is None:
                yield next(photos)
            assert download.stderr is not None, "it is a pipe"
            said = (await download.stderr.read()).decode(errors="replace").strip()
        if download.returncode:
            why = said.rpartition("\n")[2] or "the download of CIFAR-10 failed; give a zip or folder with --data"
            if self._stream == "cifar10":
                raise SourceError(why)
            self._say(why)


@asynccontextmanager
async def downloading() -> AsyncIterator[asyncio.subprocess.Process]:
    """The loader of Keras in a process of its own, which fills the cache and can be ended in mid-download."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        DOWNLOAD,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
