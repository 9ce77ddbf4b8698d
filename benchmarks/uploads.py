"""How fast images come in: one client that waits for each answer, and several at once. No model runs."""

import asyncio
import io
import itertools
import random
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image

from benchmarks import report
from benchmarks.target import Target, target
from benchmarks.usage import Meter
from streamapp.ingest.produce.client import Picture, Uploader

WARM_UP = 20
CLIENTS = 8
#: Size of an image in bytes, and how many different ones there are.
SIZE_BYTES, DIFFERENT = 50_000, 16
#: What runs: the API, and the recorder, which reads what comes in.
ROLES = {"STREAMAPP_ROLES": "api,recorder"}
#: The goals of docs/architecture.md.
MOST_MS, LEAST_PER_S = 15, 100


def photographs(seed: int = 0) -> Iterator[Picture]:
    """JPEGs of about `SIZE_BYTES`, without end: soft noise, which takes as long to decode as a photograph."""
    made = [_jpeg(random.Random(seed + number)) for number in range(DIFFERENT)]
    return (Picture(data, f"{number}.jpg") for number, data in enumerate(itertools.cycle(made)))


def _jpeg(chance: random.Random) -> bytes:
    noise = Image.frombytes("RGB", (160, 120), chance.randbytes(160 * 120 * 3))
    whole = noise.resize((640, 480), Image.Resampling.BICUBIC)
    tries = [_encoded(whole, quality) for quality in range(30, 96, 5)]
    return min(tries, key=lambda data: abs(len(data) - SIZE_BYTES))


def _encoded(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


async def measure(place: Target, images: int, seconds: float) -> dict[str, Any]:
    """`images` one by one, then as many as `CLIENTS` can send in `seconds`."""
    source = photographs()
    async with Uploader(place.api_url) as uploader:
        times = [await _timed(uploader, next(source)) for _ in range(WARM_UP + images)][WARM_UP:]
        meter, started = Meter(place.processes()), time.monotonic()
        counts = await asyncio.gather(*[_send(uploader, source, started + seconds) for _ in range(CLIENTS)])
        took = time.monotonic() - started
        used = await asyncio.to_thread(meter.sample, place.processes())
    return {
        "one_client_ms": {f"p{round(share * 100)}": report.quantile(times, share) for share in (0.5, 0.95, 0.99)},
        "per_second": sum(counts) / took,
        "cpu_ms_per_upload": {
            name: usage.cpu_percent / 100 * took * 1000 / sum(counts) for name, usage in used.items()
        },
    }


async def _timed(uploader: Uploader, picture: Picture) -> float:
    started = time.perf_counter()
    await uploader.send(picture)
    return (time.perf_counter() - started) * 1000


async def _send(uploader: Uploader, source: Iterator[Picture], until: float) -> int:
    count = 0
    while time.monotonic() < until:
        await uploader.send(next(source))
        count += 1
    return count


def show(result: dict[str, Any]) -> bool:
    """Print a result; whether it reaches the goals."""
    times = result["one_client_ms"]
    report.table("One client, ms", ("", *times, "goal p50"), [("upload", *times.values(), MOST_MS)])
    several = [("uploads/s", result["per_second"], LEAST_PER_S)]
    report.table(f"{CLIENTS} clients at once", ("", "measured", "goal"), several)
    costs = sorted(result["cpu_ms_per_upload"].items(), key=lambda item: -item[1])
    report.table("Processor time of an upload", ("process", "ms"), costs)
    return bool(times["p50"] <= MOST_MS and result["per_second"] >= LEAST_PER_S)


def main(
    images: Annotated[int, typer.Option(help="How many images are sent one by one.")] = 300,
    seconds: Annotated[float, typer.Option(help="How long several clients send at once.")] = 20,
    data_dir: Annotated[Path | None, typer.Option(help="Data folder of a running `streamapp up`.")] = None,
    output: Annotated[Path, typer.Option(help="Where the JSON goes.")] = report.RESULTS / "uploads.json",
) -> None:
    """Uploads of 50 kB JPEGs without models; fails above a median of 15 ms, or below 100 a second."""
    with target(data_dir, "--no-dashboard", settings=ROLES) as place:
        result = asyncio.run(measure(place, images, seconds))
    good = show(result)
    report.write(output, "uploads", {"images": images, "seconds": seconds}, result)
    raise typer.Exit(0 if good else 1)


if __name__ == "__main__":
    report.command(partial(typer.run, main))
