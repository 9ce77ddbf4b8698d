"""Latency while a model is replaced under a steady load, and whether every image still has exactly one answer."""

import asyncio
import itertools
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import aiohttp
import typer

import agents
from benchmarks import freshweights, report
from benchmarks.ledger import ledger
from benchmarks.soak import Recording, pictures_of
from benchmarks.swaptimes import Swap, phases, show
from benchmarks.target import Target, target
from benchmarks.usage import Meter
from streamapp import topics
from streamapp.errors import ModelError
from streamapp.ingest.produce.report import Report
from streamapp.ingest.produce.stream import Stream, threaded
from streamapp.ingest.target import credentials
from streamapp.lag import LagMeter
from streamapp.records import Prediction, now
from streamapp.settings import Settings
from streamapp.tail import tail

WARM_UP_S = 15.0
LISTENING_WITHIN_S = 30.0
SWAP_WITHIN_S = 300.0
SETTLE_WITHIN_S = 120.0
SUFFIX = ".weights.h5"


class Swapper:
    """Replaces a model of a platform, whose weights are in the file `live`."""

    def __init__(self, place: Target, model: str, first: Path, live: Path, session: aiohttp.ClientSession) -> None:
        self._place, self._model, self._live, self._session = place, model, live, session
        self._meter = Meter(place.processes())
        self._converted = {first}

    async def swap(self, weights: Path) -> Swap:
        """Put these weights in the place of the present ones, order a reload and wait until it is done."""
        put(weights, self._live)
        path, began, new = f"/api/v1/models/{self._model}", now(), weights not in self._converted
        self._converted.add(weights)
        async with self._session.post(f"{path}/reload", raise_for_status=True) as answer:
            request_id = (await answer.json())["request_id"]
        async with asyncio.timeout(SWAP_WITHIN_S):
            while (done := await self._last_reload(path))["request_id"] != request_id:  # noqa: ASYNC110  # HTTP
                await asyncio.sleep(0.2)
        ended = now()
        used = await asyncio.to_thread(self._meter.sample, self._place.processes())
        return Swap(began, ended, done["outcome"], done["seconds"], new, used[f"{self._model}-1"].pss_mib)

    async def _last_reload(self, path: str) -> dict[str, Any]:
        async with self._session.get(path, raise_for_status=True) as answer:
            return (await answer.json())["last_reload"] or {"request_id": ""}


def put(weights: Path, live: Path) -> None:
    """Replace a file in one step."""
    new = live.with_name(f"new-{live.name}")
    shutil.copy(weights, new)
    new.replace(live)


@asynccontextmanager
async def watching(place: Target) -> AsyncIterator[list[Prediction]]:
    """The predictions of all models from now on."""
    found: list[Prediction] = []
    listening = asyncio.Event()
    handlers = {topics.PREDICTIONS: lambda _, value: found.append(Prediction.decode(value))}
    task = asyncio.create_task(tail(place.settings, handlers, set(), listening))
    try:
        await asyncio.wait_for(listening.wait(), LISTENING_WITHIN_S)
        yield found
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def measure(
    place: Target, model: str, files: Sequence[Path], live: Path, rate: float, every: float, data: Path | None
) -> dict[str, Any]:
    """Send images, and swap the model through `files`, of which the first serves already, every `every` seconds."""
    models = list(agents.specs(place.settings.models, place.settings.weights))
    async with AsyncExitStack() as stack:
        opened = stack.enter_async_context
        lag_meter = await opened(LagMeter.connect(place.settings, models))
        session = await opened(aiohttp.ClientSession(place.api_url, headers=credentials()))
        await opened(uploader := Recording(place.api_url))
        predictions = await opened(watching(place))
        progress, swapper = Report("swap"), Swapper(place, model, files[0], live, session)
        with progress.running(uploader):
            stream = Stream(uploader, progress, rate).run(threaded(pictures_of(data)))
            swaps = await _swaps(asyncio.create_task(stream), swapper, files[1:], every)
        await _settle(lag_meter)
        counted = await ledger(place.api_url, uploader.acknowledged, models)
    mine = sorted((each for each in predictions if each.model == model), key=lambda each: each.timestamp)
    others = [each for each in predictions if each.model != model]
    return {
        "swaps": swaps,
        "ledger": counted,
        "answers": {name: sum(each.model == name for each in predictions) for name in models},
        "versions": [version for version, _ in itertools.groupby(mine, key=lambda each: each.model_version)],
        "latency": {model: phases(mine, swaps)} | ({"the other models": phases(others, swaps)} if others else {}),
    }


async def _swaps(sending: asyncio.Task[None], swapper: Swapper, files: Sequence[Path], every: float) -> list[Swap]:
    """Swap while images are sent; a stream that ends by itself has failed, and says so at the end."""
    done = []
    try:
        await asyncio.sleep(WARM_UP_S)
        for weights in files:
            done.append(await swapper.swap(weights))
            await asyncio.sleep(every)
    finally:
        sending.cancel()
        await sending
    return done


async def _settle(lag_meter: LagMeter) -> None:
    deadline = time.monotonic() + SETTLE_WITHIN_S
    while any((await lag_meter.lags()).values()) and time.monotonic() < deadline:  # noqa: ASYNC110  # the broker's
        await asyncio.sleep(0.5)


def _files(model: str, given: Sequence[Path], swaps: int, folder: Path) -> list[Path]:
    """The weights in their order: those given, round and round; else new ones, and back over the same."""
    settings = Settings.load()
    spec = agents.specs(settings.models, settings.weights).get(model)
    if spec is None:
        raise ModelError(f"there is no model {model!r}")
    if len(given) == 1 or any(not path.is_file() or not path.name.endswith(SUFFIX) for path in given):
        raise ModelError(f"--weights: give at least two files …{SUFFIX}, one --weights for each")
    if given:
        return list(itertools.islice(itertools.cycle(given), swaps + 1))
    new = [folder / f"{number}{SUFFIX}" for number in range(swaps - swaps // 2 + 1)]
    freshweights.make(spec, new)
    return [*new, *new[-2::-1]][: swaps + 1]


def main(
    model: Annotated[str, typer.Option(help="The model that is replaced.")] = "mobilenet",
    weights: Annotated[list[Path] | None, typer.Option(help="A weights file; at least two.")] = None,
    swaps: Annotated[int, typer.Option(help="How often, without --weights half of them with a conversion.", min=1)] = 6,
    every: Annotated[float, typer.Option(help="Pause between two swaps, in seconds.")] = 10,
    rate: Annotated[float, typer.Option(help="Images per second.")] = 20,
    data: Annotated[Path | None, typer.Option(help="Zip or folder <split>/<class>/<file>; else photographs.")] = None,
    output: Annotated[Path, typer.Option(help="Where the JSON goes.")] = report.RESULTS / "swap.json",
) -> None:
    """Replace a model again and again under load; fails when an image is lost or double."""
    options = {"model": model, "swaps": swaps, "every": every, "rate": rate, "data": data and data.name}
    with TemporaryDirectory() as name:
        live = Path(name) / f"live{SUFFIX}"
        files = _files(model, weights or [], swaps, Path(name))
        put(files[0], live)
        chosen = {"STREAMAPP_WEIGHTS": f"{model}={live}", "STREAMAPP_WEIGHTS_POLL_S": "0"}
        with target(None, "--no-dashboard", settings=chosen) as place:
            result = asyncio.run(measure(place, model, files, live, rate, every, data))
    good = show(result)
    report.write(output, "swap", options, result)
    raise typer.Exit(0 if good else 1)


if __name__ == "__main__":
    report.command(partial(typer.run, main))
