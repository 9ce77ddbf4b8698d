"""Replays in PostgreSQL: which images a run is about, which of them it has done, and how its answers compare."""

import json
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import AwareDatetime

from streamapp.records import ImageMessage
from streamapp.storage import views
from streamapp.storage.postgres import Database
from streamapp.storage.queries import RUNS
from streamapp.storage.views import Cursor, View

#: Longest time of a query over a whole run, in seconds.
WHOLE_S = 60.0


class Range(NamedTuple):
    """A part of history: published images from `first` to `last`, both included, of one source or of any."""

    first: Cursor
    last: Cursor
    source: str | None

    @property
    def arguments(self) -> tuple[Any, ...]:
        """As the queries want it."""
        return (*self.first, *self.last, self.source)


class Run(View):
    """A replay. `models` are the exact weights by model, which is said as on the command line, `mobilenet@int8`."""

    run_id: str
    models: dict[str, str]
    source: str | None
    first_at: AwareDatetime
    first_image: UUID
    last_at: AwareDatetime
    last_image: UUID
    images: int
    started_at: AwareDatetime
    finished_at: AwareDatetime | None
    predicted: int = 0
    dead: int = 0

    @property
    def range(self) -> Range:
        """The images that it is about."""
        return Range(Cursor(self.first_at, self.first_image), Cursor(self.last_at, self.last_image), self.source)


class Comparison(View):
    """A model's answers in a run beside its live ones.

    `compared` images have both, `agreed` of them the same class. `labelled` and `correct` count the run's answers of
    trained weights, the `live_…` figures the live answers for images of the run.
    """

    predicted: int
    dead: int
    compared: int
    agreed: int
    labelled: int
    correct: int
    live_labelled: int
    live_correct: int
    model_version: str | None


class RunStore:
    """The replays of a database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def place_of(self, image_id: UUID) -> Cursor | None:
        """Where an image is in history; None when it is unknown."""
        async with self._db.connection() as connection:
            row = await connection.fetchrow(RUNS["place_of"], image_id)
        return Cursor(*row) if row else None

    async def place_at(self, partition: int, offset: int) -> Cursor | None:
        """Where the image with this offset on `images-input-stream` is in history; None when there is none stored."""
        async with self._db.connection() as connection:
            row = await connection.fetchrow(RUNS["place_at"], partition, offset)
        return Cursor(*row) if row else None

    async def count(self, chosen: Range) -> int:
        """Images in a part of history."""
        async with self._db.connection() as connection:
            count: int = await connection.fetchval(RUNS["count_chosen"], *chosen.arguments, timeout=WHOLE_S)
        return count

    async def begin(self, run_id: str, models: dict[str, str], chosen: Range, images: int) -> Run:
        """Note a new run, or find the one that has this id already."""
        async with self._db.connection() as connection, connection.transaction():
            arguments = (chosen.source, *chosen.first, *chosen.last, images)
            await connection.execute(RUNS["begin"], run_id, json.dumps(models), *arguments)
            return _run(await connection.fetchrow(RUNS["run"], run_id))

    async def run(self, run_id: str) -> Run | None:
        """A run; None when there is none of this id."""
        async with self._db.connection() as connection:
            row = await connection.fetchrow(RUNS["run"], run_id)
        return _run(row) if row else None

    async def finish(self, run_id: str) -> None:
        """Note that everything is done."""
        async with self._db.connection() as connection:
            await connection.execute(RUNS["finish"], run_id)

    async def runs(self, limit: int) -> list[Run]:
        """The newest runs, with what is stored of them."""
        async with self._db.connection() as connection:
            return [_run(row) for row in await connection.fetch(RUNS["runs"], limit, timeout=WHOLE_S)]

    async def count_to_do(self, run: Run, model: str) -> int:
        """Images of a run that this model has not predicted in it."""
        async with self._db.connection() as connection:
            arguments = (*run.range.arguments, model, run.run_id)
            count: int = await connection.fetchval(RUNS["count_to_do"], *arguments, timeout=WHOLE_S)
        return count

    async def to_do(self, run: Run, model: str, after: Cursor | None, limit: int) -> list[ImageMessage]:
        """The next of these images, oldest first."""
        async with self._db.connection() as connection:
            arguments = (*run.range.arguments, model, run.run_id, *(after or (None, None)), limit)
            rows = await connection.fetch(RUNS["to_do"], *arguments, timeout=WHOLE_S)
        return [views.message(row) for row in rows]

    async def compare(self, run_id: str, model: str) -> Comparison:
        """A model's answers in a run beside its live ones."""
        async with self._db.connection() as connection:
            row = await connection.fetchrow(RUNS["compare"], run_id, model, timeout=WHOLE_S)
        return Comparison.model_validate(dict(row))


def at_time(time: datetime, *, end: bool) -> Cursor:
    """The place in history of a time: before every image of that moment, or, as an end, after them."""
    return Cursor(time, UUID(int=2**128 - 1 if end else 0))


def _run(row: Any) -> Run:
    return Run.model_validate({**row, "models": json.loads(row["models"])})
