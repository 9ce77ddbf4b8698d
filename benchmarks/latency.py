"""From the upload to the verdict that the API shows, one image at a time."""

import asyncio
import json
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer

from benchmarks import report
from benchmarks.soak import pictures_of
from benchmarks.target import Target, target
from streamapp.ingest.produce.client import Uploader
from streamapp.ingest.target import credentials

WARM_UP = 10
PAUSE_S = 0.1
WITHIN_S = 30
#: The goal: the median may exceed the sum of the models' inference times by this much.
MOST_OVERHEAD_MS = 40


class Verdicts:
    """Hears of verdicts on the API's event stream."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._complete: set[str] = set()
        self._news = asyncio.Condition()
        self.listening = asyncio.Event()

    async def listen(self) -> None:
        """Read the stream until cancelled."""
        forever = aiohttp.ClientTimeout(total=None)
        async with self._session.get("/api/v1/events", timeout=forever, raise_for_status=True) as answer:
            self.listening.set()
            kind = ""
            async for line in answer.content:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                kind = value if name == "event" else kind
                if name == "data" and kind == "verdict":
                    await self._note(json.loads(value))

    async def complete(self, image_id: str) -> None:
        """Return when the complete verdict of an image has been announced."""
        async with self._news:
            await self._news.wait_for(lambda: image_id in self._complete)

    async def _note(self, verdict: dict[str, Any]) -> None:
        if verdict["complete"]:
            async with self._news:
                self._complete.add(verdict["image_id"])
                self._news.notify_all()


async def measure(place: Target, images: int, data: Path | None) -> dict[str, Any]:
    """Send images one by one; the times of each in milliseconds."""
    async with (
        Uploader(place.api_url) as uploader,
        aiohttp.ClientSession(place.api_url, headers=credentials()) as session,
    ):
        verdicts = Verdicts(session)
        listening = asyncio.create_task(verdicts.listen())
        try:
            await verdicts.listening.wait()
            source = pictures_of(data)
            times = [await _one(uploader, session, verdicts, next(source)) for _ in range(WARM_UP + images)]
        finally:
            listening.cancel()
            await asyncio.wait((listening,))
    return _summary(times[WARM_UP:])


async def _one(
    uploader: Uploader, session: aiohttp.ClientSession, verdicts: Verdicts, picture: Any
) -> dict[str, float]:
    """One image: the wait is for the announcement, the end is the answer of GET that shows the whole verdict."""
    await asyncio.sleep(PAUSE_S)
    started = time.perf_counter()
    async with asyncio.timeout(WITHIN_S):
        image_id = await uploader.send(picture)
        accepted = time.perf_counter()
        await verdicts.complete(image_id)
        while True:
            async with session.get(f"/api/v1/images/{image_id}", raise_for_status=True) as answer:
                shown = await answer.json()
            if shown["verdict"] and shown["verdict"]["complete"]:
                break
            await asyncio.sleep(0.002)
    ended = time.perf_counter()
    inference = sum(prediction["inference_ms"] for prediction in shown["predictions"])
    return {
        "total_ms": (ended - started) * 1000,
        "accepted_ms": (accepted - started) * 1000,
        "inference_ms": inference,
        "overhead_ms": (ended - started) * 1000 - inference,
    }


def _summary(times: list[dict[str, float]]) -> dict[str, Any]:
    kinds = {kind: [each[kind] for each in times] for kind in times[0]}
    return {
        "quantiles": {
            kind: {f"p{round(share * 100)}": report.quantile(values, share) for share in (0.5, 0.95, 0.99)}
            for kind, values in kinds.items()
        },
        "images": times,
    }


def show(result: dict[str, Any]) -> bool:
    """Print a result; whether it reaches the goal."""
    rows = [(kind.removesuffix("_ms"), *values.values()) for kind, values in result["quantiles"].items()]
    report.table("Upload to verdict, ms", ("", "p50", "p95", "p99"), rows)
    medians = {kind: values["p50"] for kind, values in result["quantiles"].items()}
    return bool(medians["total_ms"] <= medians["inference_ms"] + MOST_OVERHEAD_MS)


def main(
    images: Annotated[int, typer.Option(help="How many images, after ten to warm up.")] = 200,
    data: Annotated[Path | None, typer.Option(help="Zip or folder <split>/<class>/<file>; else photographs.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Data folder of a running `streamapp up`.")] = None,
    output: Annotated[Path, typer.Option(help="Where the JSON goes.")] = report.RESULTS / "latency.json",
) -> None:
    """Upload to verdict; fails when the median is above the sum of the inference times + 40 ms."""
    with target(data_dir) as place:
        result = asyncio.run(measure(place, images, data))
    good = show(result)
    report.write(output, "latency", {"images": images, "data": data and data.name}, result)
    raise typer.Exit(0 if good else 1)


if __name__ == "__main__":
    report.command(partial(typer.run, main))
