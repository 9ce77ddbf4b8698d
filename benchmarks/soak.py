"""A steady stream of real images: is every one answered exactly once, does memory stay bounded, does lag go back?

A process of the platform is killed, told to stop or frozen every 20 s meanwhile, and the ledger has to add up.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import astuple
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from aiokafka.errors import KafkaError
from rich.console import Console

import agents
from benchmarks import report, series
from benchmarks.faults import Faults
from benchmarks.ledger import Ledger, ledger
from benchmarks.series import Sample
from benchmarks.target import Target, target
from benchmarks.usage import Meter
from streamapp.commands.ledger import show as show_books
from streamapp.errors import StoreUnavailable
from streamapp.ingest.produce import cifar10
from streamapp.ingest.produce.client import Picture, Uploader
from streamapp.ingest.produce.demo import looped, photographs
from streamapp.ingest.produce.report import Report
from streamapp.ingest.produce.stream import Stream, threaded
from streamapp.lag import LagMeter
from streamapp.storage.postgres import Database

SAMPLE_EVERY_S = 10.0
SETTLE_WITHIN_S = 120.0


class Recording(Uploader):
    """An uploader that keeps the id of every image that the API acknowledged."""

    def __init__(self, api_url: str) -> None:
        super().__init__(api_url)
        self.acknowledged: list[str] = []

    async def send(self, picture: Picture) -> str:
        """Upload one picture and keep its id."""
        self.acknowledged.append(await super().send(picture))
        return self.acknowledged[-1]


class Soak:
    """One run against a platform."""

    def __init__(self, place: Target, database: Database, lag_meter: LagMeter, uploader: Recording) -> None:
        self._place = place
        self._database = database
        self._lag_meter = lag_meter
        self._uploader = uploader
        self._meter = Meter(place.processes())
        self._started = time.monotonic()
        self.samples: list[Sample] = []

    async def run(self, seconds: float, rate: float, data: Path | None, seed: int | None) -> dict[str, Any]:
        """Send for `seconds`, wait until all is done, count; with a `seed` there are faults meanwhile."""
        faults = Faults(self._place, seed or 0)
        beside = [asyncio.create_task(self._sample_on())]
        if seed is not None:
            beside.append(asyncio.create_task(faults.run()))
        progress = Report("soak", int(seconds * rate))
        with progress.running(self._uploader):
            await Stream(self._uploader, progress, rate).run(_for(seconds, threaded(pictures_of(data))))
        sent_after = time.monotonic() - self._started
        await _end(beside[1:])
        settled_after = await self._settle()
        await _end(beside[:1])
        models = list(agents.specs(self._place.settings.models))
        return {
            "rate": len(self._uploader.acknowledged) / sent_after,
            "refused": progress.refused,
            "tries_repeated": self._uploader.retries,
            "lag_zero_after_s": settled_after,
            "growth_mib_per_minute": series.growth(self.samples),
            "ledger": await ledger(self._place.api_url, self._uploader.acknowledged, models),
            "faults": faults.done,
            "samples": self.samples,
        }

    async def _sample_on(self) -> None:
        for number in itertools.count(1):
            await asyncio.sleep(max(0.0, self._started + number * SAMPLE_EVERY_S - time.monotonic()))
            with suppress(KafkaError, TimeoutError):  # the broker is away: there is no lag to tell now
                self.samples.append(await self._sample())

    async def _sample(self) -> Sample:
        async with asyncio.timeout(SAMPLE_EVERY_S / 2):
            lags = await self._lag_meter.lags()
        processes = await asyncio.to_thread(self._meter.sample, self._place.processes())
        return Sample(time.monotonic() - self._started, len(self._uploader.acknowledged), lags, processes)

    async def _settle(self) -> float | None:
        """Seconds until no group lags any more and no image waits; None when that takes too long."""
        ended = time.monotonic()
        while time.monotonic() - ended < SETTLE_WITHIN_S:
            with suppress(KafkaError, StoreUnavailable):
                if not any((await self._lag_meter.lags()).values()) and not (await self._database.counts()).pending:
                    return time.monotonic() - ended
            await asyncio.sleep(0.5)
        return None


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def pictures_of(data: Path | None) -> Iterator[Picture]:
    """Real images without end: a data set, or the photographs that scikit-image ships."""
    return looped(cifar10.from_files(data)) if data else itertools.cycle(photographs())


async def _for(seconds: float, pictures: AsyncGenerator[Picture]) -> AsyncGenerator[Picture]:
    end = time.monotonic() + seconds
    async for picture in pictures:
        if time.monotonic() > end:
            return
        yield picture


def show(result: dict[str, Any]) -> bool:
    """Print a result; whether it is good: nothing lost, nothing double, the platform's own ledger adds up, lag 0."""
    if result["faults"]:
        report.table("Faults", ("process", "fault", "second", "for s"), map(astuple, result["faults"]))
    series.show(result["samples"], result["growth_mib_per_minute"])
    counted: Ledger = result["ledger"]
    settled = result["lag_zero_after_s"]
    rows = [
        ("images acknowledged", counted.acknowledged),
        *counted.faults.items(),
        ("acknowledged per second", result["rate"]),
        ("lag 0 after the last image, s", "never" if settled is None else settled),
    ]
    report.table("Client", ("", "count"), rows)
    show_books(counted.books, Console())
    return counted.exact and settled is not None


async def measure(
    place: Target, minutes: float, rate: float, data: Path | None, seed: int | None = None
) -> dict[str, Any]:
    """Run the soak against a platform; with a `seed` there are faults."""
    settings = place.settings
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database.connect(settings.database_url))
        lag_meter = await stack.enter_async_context(LagMeter.connect(settings, list(agents.specs(settings.models))))
        uploader = Recording(place.api_url)
        await stack.enter_async_context(uploader)
        return await Soak(place, database, lag_meter, uploader).run(minutes * 60, rate, data, seed)


def main(
    minutes: Annotated[float, typer.Option(help="How long images are sent.")] = 10,
    rate: Annotated[float, typer.Option(help="Images per second.")] = 20,
    data: Annotated[Path | None, typer.Option(help="Zip or folder <split>/<class>/<file>; else photographs.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Data folder of a running `streamapp up`.")] = None,
    faults: Annotated[bool, typer.Option("--faults/--no-faults", help="A random fault every 20 s.")] = True,
    seed: Annotated[int, typer.Option(help="Which faults.")] = 1,
    output: Annotated[Path, typer.Option(help="Where the JSON goes.")] = report.RESULTS / "soak.json",
) -> None:
    """A steady stream of images; fails when one is lost or double, or when the lag does not go back to 0."""
    options = {"minutes": minutes, "rate": rate, "data": data and data.name, "seed": seed if faults else None}
    with target(data_dir) as place:
        result = asyncio.run(measure(place, minutes, rate, data, seed if faults else None))
    good = show(result)
    report.write(output, "soak", options, result)
    raise typer.Exit(0 if good else 1)


if __name__ == "__main__":
    report.command(partial(typer.run, main))
