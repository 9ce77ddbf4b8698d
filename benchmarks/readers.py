"""What readers of the live events cost the pipeline: images per second with 200 of them and without, in turns."""

import asyncio
import itertools
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import aiohttp
import typer

from benchmarks import report
from benchmarks.soak import pictures_of
from benchmarks.target import Target, target
from benchmarks.usage import NOTHING, Meter
from streamapp.errors import ApiError
from streamapp.ingest.produce.client import Picture, Uploader
from streamapp.ingest.target import credentials

CLIENTS = 16
WITHIN_S = 300.0
#: The goal of docs/architecture.md: the pipeline loses less than this share of its throughput.
MOST_LOST = 0.10


class Lap(NamedTuple):
    """Images per second, and the processor time of the API for each of them in milliseconds."""

    rate: float
    api_ms: float


@contextmanager
def listening(url: str, count: int) -> Iterator[dict[str, int]]:
    """This many readers; afterwards, how many bytes they were sent, and how many of them were dropped."""
    told: dict[str, int] = {}
    command = [sys.executable, "-m", "benchmarks.listeners", url, str(count)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin and process.stdout
        if process.stdout.readline().strip() != "listening":
            raise ApiError("the readers cannot connect; what is printed above says why")
        try:
            yield told
        finally:
            process.stdin.close()
            told["bytes"], told["dropped"] = (int(word) for word in process.stdout.readline().split())


async def measure(place: Target, images: int, rounds: int, readers: int, data: Path | None) -> dict[str, Any]:
    """Each round once without readers and once with them, after one that warms up.

    What is lost is the median over the rounds: what slows the machine down for minutes slows both laps of a round.
    """
    source = pictures_of(data)
    await _lap(place, images // 4, source)
    alone, watched, dropped, sent = list[Lap](), list[Lap](), 0, 0
    for _ in range(rounds):
        alone.append(await _lap(place, images, source))
        with listening(place.api_url, readers) as told:
            watched.append(await _lap(place, images, source))
        dropped += told["dropped"]
        sent += told["bytes"]
    lost = statistics.median(map(_lost, alone, watched))
    return {"alone": alone, "watched": watched, "lost": lost, "dropped": dropped, "bytes_sent": sent}


def _lost(alone: Lap, watched: Lap) -> float:
    """The share of the throughput that a round's readers cost."""
    return 1 - watched.rate / alone.rate


async def _lap(place: Target, images: int, source: Iterator[Picture]) -> Lap:
    """From the first upload to the last prediction of every model."""
    async with (
        Uploader(place.api_url) as uploader,
        aiohttp.ClientSession(place.api_url, headers=credentials()) as session,
    ):
        before, meter, started = await _done(session), Meter(_api(place)), time.monotonic()
        pictures = itertools.islice(source, images)
        await asyncio.gather(*[_send(uploader, pictures) for _ in range(CLIENTS)])
        async with asyncio.timeout(WITHIN_S):
            while await _done(session) < before + images:  # noqa: ASYNC110  # it changes elsewhere
                await asyncio.sleep(0.05)
        took, used = time.monotonic() - started, sum(meter.sample(_api(place)).values(), NOTHING)
    return Lap(images / took, used.cpu_percent / 100 * took * 1000 / images)


def _api(place: Target) -> dict[str, int]:
    return {name: pid for name, pid in place.processes().items() if name.startswith("api")}


async def _send(uploader: Uploader, pictures: Iterator[Picture]) -> None:
    for picture in pictures:
        await uploader.send(picture)


async def _done(session: aiohttp.ClientSession) -> int:
    """Images that every model has predicted."""
    async with session.get("/api/v1/stats", raise_for_status=True) as answer:
        models = (await answer.json())["models"]
    return min((model["total_predictions"] for model in models), default=0)


def show(result: dict[str, Any]) -> bool:
    """Print a result; whether it reaches the goal."""
    pairs = enumerate(zip(result["alone"], result["watched"], strict=True), 1)
    rows = [(number, *alone, *watched, f"{_lost(alone, watched):.1%}") for number, (alone, watched) in pairs]
    columns = ("round", "images/s alone", "API ms/image", "with readers", "API ms/image", "lost")
    report.table("Throughput", columns, rows)
    summary = [(f"{result['lost']:.1%}", f"{MOST_LOST:.0%}", result["dropped"], result["bytes_sent"] / 2**20)]
    report.table("All rounds", ("lost", "goal below", "readers dropped", "MiB sent"), summary)
    return bool(result["lost"] < MOST_LOST and not result["dropped"])


def main(
    images: Annotated[int, typer.Option(help="Images of one measurement.")] = 1000,
    rounds: Annotated[int, typer.Option(help="How often each is measured.")] = 5,
    readers: Annotated[int, typer.Option(help="Readers of the live events.")] = 200,
    data: Annotated[Path | None, typer.Option(help="Zip or folder <split>/<class>/<file>; else photographs.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Data folder of a running `streamapp up`.")] = None,
    output: Annotated[Path, typer.Option(help="Where the JSON goes.")] = report.RESULTS / "readers.json",
) -> None:
    """Throughput with 200 readers of the events against none; fails when a tenth of it is lost, or a reader dropped."""
    with target(data_dir, "--no-dashboard") as place:
        result = asyncio.run(measure(place, images, rounds, readers, data))
    good = show(result)
    report.write(output, "readers", {"images": images, "rounds": rounds, "readers": readers}, result)
    raise typer.Exit(0 if good else 1)


if __name__ == "__main__":
    report.command(partial(typer.run, main))
