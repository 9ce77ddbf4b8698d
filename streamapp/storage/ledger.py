"""What PostgreSQL knows of the ledger: from where on each model owes an outcome, and what it has."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from pydantic import Field

from streamapp.storage.postgres import Database
from streamapp.storage.queries import LEDGER
from streamapp.storage.views import View

#: Longest time of a query that counts whole tables, in seconds.
COUNT_S = 60.0
#: Memory for its hash tables; with the default of 4 MB they would go to the disk.
ROOM = "SET LOCAL work_mem = '64MB'"


class Owed(View):
    """Images that one model owes an outcome for, and those that it has."""

    accepted: int = 0
    predicted: int = 0
    dead: int = 0
    shed: int = 0

    @property
    def missing(self) -> int:
        """Images without an outcome: in flight, or lost."""
        return self.accepted - self.predicted - self.dead - self.shed


class Books(View):
    """The stores' side of the ledger, all of it at one moment.

    `pending` images wait to be published, `unrecorded` ones were published and not read by the recorder yet.
    `strangers` are live outcomes by model of images that are not stored, `stored` all live outcomes by model, and
    `replayed` those of replays by run and model. `unreadable` messages became dead letters without an image.
    """

    accepted: int
    pending: int
    unrecorded: int
    open_letters: int
    unreadable: int
    owed: dict[str, Owed]
    strangers: dict[str, int]
    stored: dict[str, dict[str, int]]
    replayed: dict[str, dict[str, dict[str, int]]] = Field(default_factory=dict)


class LedgerStore:
    """The ledger in a database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def begin(self, model: str, ends: Mapping[int, int]) -> dict[int, int]:
        """Write from which offset on a model owes outcomes, by partition, unless that is written already.

        Whoever comes first decides, so the answer is the same for all.

        Returns:
            The model's starting point on these partitions.
        """
        return await self._write(model, ends, ["insert_start"])

    async def begin_anew(self, model: str, ends: Mapping[int, int]) -> dict[int, int]:
        """The same, but where a partition ends before the point that is written, its topic was made anew: what was
        recorded until now stays as it is, and the model begins at this end once more.
        """
        return await self._write(model, ends, ["close_start", "insert_start"])

    async def _write(self, model: str, ends: Mapping[int, int], queries: list[str]) -> dict[int, int]:
        rows = [(model, partition, end) for partition, end in sorted(ends.items())]
        async with self._db.connection() as connection, connection.transaction():
            for query in queries:
                await connection.executemany(LEDGER[query], rows)
            starts = {row["partition"]: row["offset"] for row in await connection.fetch(LEDGER["starts"], model)}
        return {partition: starts[partition] for partition in ends}

    async def books(self, models: Collection[str]) -> Books:
        """Count; reads whole tables, in one snapshot."""
        wanted = list(models)
        async with (
            self._db.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):

            async def ask(name: str, *arguments: Any) -> list[Any]:
                rows: list[Any] = await connection.fetch(LEDGER[name], *arguments, timeout=COUNT_S)
                return rows

            await connection.execute(ROOM)
            [images] = await ask("count_images")
            accepted = {row["model"]: row["images"] for row in await ask("count_accepted", wanted)}
            outcomes = await ask("count_outcomes", wanted)
            return Books(
                **images,
                owed={model: _owed(accepted.get(model, 0), outcomes, model) for model in wanted},
                strangers=_strangers(outcomes),
                stored=_stored(outcomes),
                replayed=_by_run(await ask("count_replayed")),
            )

    async def missing(self, model: str, limit: int) -> list[UUID]:
        """Images that a model owes an outcome for, the longest first."""
        async with self._db.connection() as connection:
            rows = await connection.fetch(LEDGER["owed"], model, limit, timeout=COUNT_S)
        return [row["image_id"] for row in rows]

    async def unrecorded(self, limit: int) -> list[UUID]:
        """Images that were published and never came to the recorder, the longest first."""
        async with self._db.connection() as connection:
            rows = await connection.fetch(LEDGER["unrecorded"], limit)
        return [row["image_id"] for row in rows]


def _owed(accepted: int, outcomes: list[Any], model: str) -> Owed:
    mine = {row["outcome"]: row["owed"] for row in outcomes if row["model"] == model}
    return Owed(accepted=accepted, **mine)


def _strangers(outcomes: list[Any]) -> dict[str, int]:
    counts = Counter[str]()
    for row in outcomes:
        counts[row["model"]] += row["strangers"]
    return dict(+counts)


def _stored(outcomes: list[Any]) -> dict[str, dict[str, int]]:
    stored: dict[str, dict[str, int]] = {}
    for row in outcomes:
        stored.setdefault(row["model"], {})[row["outcome"]] = row["stored"]
    return stored


def _by_run(rows: list[Any]) -> dict[str, dict[str, dict[str, int]]]:
    runs: dict[str, dict[str, dict[str, int]]] = {}
    for row in rows:
        runs.setdefault(row["run_id"], {}).setdefault(row["model"], {})[row["outcome"]] = row["images"]
    return runs
