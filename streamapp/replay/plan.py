"""What a replay is about: which images, which models with which weights; the same again when it goes on."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid4

import agents
from streamapp.commands.times import is_age, parse_time
from streamapp.errors import ReplayError
from streamapp.records import LIVE, names, now
from streamapp.runtime.spec import ModelSpec
from streamapp.runtime.weights import exact
from streamapp.settings import Settings
from streamapp.storage.runs import Range, Run, RunStore, at_time
from streamapp.storage.views import Cursor

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
#: An image by its partition and offset on `images-input-stream`.
COORDINATES = re.compile(r"(\d{1,9}):(\d{1,18})")


@dataclass(frozen=True)
class Request:
    """A replay as it is asked for; what is empty is the default, or what a run of this id has begun with.

    `first` and `last` are times, or images: ids, or `PARTITION:OFFSET` on `images-input-stream`. `models`
    are names, or `name@precision`.
    """

    first: str = ""
    last: str = ""
    models: Sequence[str] = ()
    source: str = ""
    run_id: str = ""
    weights: str = ""


async def plan(request: Request, settings: Settings, runs: RunStore) -> Run:
    """The run: a new one, or the one that has this id and goes on.

    Raises:
        ReplayError: the request cannot be fulfilled; the text says why.
        ModelError: a model or its weights cannot be found.
    """
    run_id = request.run_id or f"replay-{now():%Y%m%dT%H%M%S}-{uuid4().hex[:4]}"
    if run_id == LIVE or not RUN_ID.fullmatch(run_id):
        raise ReplayError(f"--run-id {run_id!r}: letters, digits, dots and dashes, at most 64; and `live` is taken")
    if (known := await runs.run(run_id)) is not None:
        await _check_same(request, known, settings, runs)
        return known
    if not request.first:
        of = f", and there is no run {run_id} to go on with" if request.run_id else ""
        raise ReplayError(f"--from is missing{of}")
    models = await asyncio.to_thread(_models, request, settings)
    chosen = await _range(request, runs)
    images = await runs.count(chosen)
    if not images:
        raise ReplayError("there are no published images in this part of history; see --from, --to and --source")
    return await runs.begin(run_id, models, chosen, images)


async def _check_same(request: Request, run: Run, settings: Settings, runs: RunStore) -> None:
    """A run goes on as it began; what is asked for besides must be the same. Ages mean the time at its beginning."""
    differs = []
    for option, text, place in (("--from", request.first, run.range.first), ("--to", request.last, run.range.last)):
        if text and not is_age(text) and await _place(text, option, runs, end=option == "--to") != place:
            differs.append(option)
    if request.models and set(request.models) != set(run.models):
        differs.append("--model")
    if request.source and request.source != run.source:
        differs.append("--source")
    if request.weights and await asyncio.to_thread(_models, request, settings) != run.models:
        differs.append("--weights")
    if differs:
        raise ReplayError(f"the run {run.run_id} has begun with another {' and '.join(differs)}; give another --run-id")


def spec_of(run: Run, model: str, settings: Settings) -> ModelSpec:
    """A model of a run, with the very weights that the run has begun with. It blocks, as `exact` does.

    Raises:
        ModelError: there is no such model, or its weights were replaced since.
    """
    (spec,) = agents.specs(model).values()
    return exact(replace(spec, weights=run.models[model]), settings)


def _models(request: Request, settings: Settings) -> dict[str, str]:
    """The exact weights of each model that takes part in the run."""
    if request.weights and len(request.models) != 1:
        raise ReplayError("--weights are those of one model: say which with --model")
    every = list(request.models) or names(settings.models) or list(agents.specs())
    given = request.weights or settings.weights
    found = {model: next(iter(agents.specs(model, given).values())) for model in every}
    return {model: exact(spec, settings).weights for model, spec in found.items()}


async def _range(request: Request, runs: RunStore) -> Range:
    first = await _place(request.first, "--from", runs, end=False)
    last = await _place(request.last or "now", "--to", runs, end=True)
    return Range(first, last, request.source or None)


async def _place(text: str, option: str, runs: RunStore, *, end: bool) -> Cursor:
    """Where a time or an image is in history."""
    if coordinates := COORDINATES.fullmatch(text):
        place = await runs.place_at(*map(int, coordinates.groups()))
    else:
        try:
            image_id = UUID(text)
        except ValueError:
            time: datetime = parse_time(text, option)
            return at_time(time, end=end)
        place = await runs.place_of(image_id)
    if place is None:
        raise ReplayError(f"{option}: there is no image {text}")
    return place
