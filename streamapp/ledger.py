"""The ledger: accepted = predicted + dead + shed + in flight, for each model, from the stores and beside the stream."""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

from aiokafka.errors import KafkaError
from pydantic import AwareDatetime, Field

from streamapp.brokers import broker_error
from streamapp.errors import BrokerError
from streamapp.lag import LagMeter, Position
from streamapp.records import now
from streamapp.settings import Settings
from streamapp.storage.ledger import Books, LedgerStore
from streamapp.storage.views import View

#: Longest wait for the broker to say where the groups stand, in seconds.
BROKER_S = 10.0

Positions = Mapping[str, Position]
Totals = Mapping[str, Mapping[str, int]]


class StreamSide(View):
    """Where a model's group stands on `images-input-stream`: messages, of which an image may have several."""

    committed: int
    end: int
    lag: int


class LiveSide(View):
    """A model's live figures since the beginning, and whether they are those of the stored outcomes."""

    predictions: int
    errors: int
    shed: int
    agrees: bool


class Account(View):
    """One model: what it owes an outcome for, and what it has.

    `in_flight` images have none yet; once nothing moves any more they are `missing`, of which some are named.
    `strangers` are outcomes for images that are not stored. `adds_up` is None while something moves.
    """

    model: str
    accepted: int
    predicted: int
    dead: int
    shed: int
    in_flight: int
    strangers: int
    stream: StreamSide
    live: LiveSide
    adds_up: bool | None
    missing: list[UUID] = Field(default_factory=list)


class Ledger(View):
    """All models, at one moment.

    `idle`: every group has done everything, and no image waits to be published. `lost` images were published and never
    came to the recorder. `pending` images wait to be published. `unreadable` messages were dead letters of no image.
    """

    at: AwareDatetime
    idle: bool
    adds_up: bool | None
    accepted: int
    pending: int
    unrecorded: int
    lost: list[UUID] = Field(default_factory=list)
    open_letters: int
    unreadable: int
    models: list[Account]
    lags: dict[str, int]
    replays: dict[str, dict[str, dict[str, int]]]


async def read(settings: Settings, models: Sequence[str], store: LedgerStore, totals: Totals, names: int) -> Ledger:
    """The ledger now, with up to `names` image ids for each model that misses some.

    Nothing moves if the positions of all groups are the same, without lag, twice before the stores are read and once
    after: the first time says what has been done, and only the second that all of its outcomes have been stored.

    Raises:
        BrokerError: the broker does not answer.
        StoreUnavailable: PostgreSQL does not.
    """
    try:
        async with asyncio.timeout(BROKER_S) as patience, LagMeter.connect(settings, models) as meter:
            first, positions = await meter.positions(), await meter.positions()
            patience.reschedule(None)  # counting may take longer, and has a limit of its own
            books = await store.books(models)
            patience.reschedule(asyncio.get_running_loop().time() + BROKER_S)
            still = first == positions == await meter.positions() and not any(each.lag for each in positions.values())
    except TimeoutError:
        raise BrokerError(f"the broker at {settings.broker} did not answer within {BROKER_S:g} s") from None
    except KafkaError as error:
        raise await broker_error(settings, error) from error
    ledger = balance(books, positions, totals, still)
    return await _named(ledger, store, names) if ledger.idle and names else ledger


def balance(books: Books, positions: Positions, totals: Totals, still: bool) -> Ledger:
    """Put both sides together; `still`: nothing moved on the stream while the books were read."""
    idle = still and books.pending == 0
    accounts = [_account(model, books, positions, totals, idle) for model in sorted(books.owed)]
    adds_up = all(account.adds_up for account in accounts) and books.unrecorded == 0
    return Ledger(
        at=now(),
        idle=idle,
        adds_up=adds_up if idle else None,
        accepted=books.accepted,
        pending=books.pending,
        unrecorded=books.unrecorded,
        open_letters=books.open_letters,
        unreadable=books.unreadable,
        models=accounts,
        lags={group: position.lag for group, position in sorted(positions.items())},
        replays=books.replayed,
    )


def _account(model: str, books: Books, positions: Positions, totals: Totals, idle: bool) -> Account:
    owed, strangers = books.owed[model], books.strangers.get(model, 0)
    position = positions[f"streamapp-{model}"]
    return Account(
        model=model,
        accepted=owed.accepted,
        predicted=owed.predicted,
        dead=owed.dead,
        shed=owed.shed,
        in_flight=owed.missing,
        strangers=strangers,
        stream=StreamSide(committed=position.committed, end=position.end, lag=position.lag),
        live=_live(books.stored.get(model, {}), totals.get(model, {})),
        adds_up=owed.missing == strangers == 0 if idle else None,
    )


def _live(stored: Mapping[str, int], total: Mapping[str, int]) -> LiveSide:
    counts = {kind: total.get(kind, 0) for kind in ("predictions", "errors", "shed")}
    said = {"predictions": "predicted", "errors": "dead", "shed": "shed"}
    return LiveSide(**counts, agrees=all(counts[kind] == stored.get(outcome, 0) for kind, outcome in said.items()))


async def _named(ledger: Ledger, store: LedgerStore, names: int) -> Ledger:
    """With the ids of what is missing."""
    accounts = [
        account.model_copy(update={"missing": await store.missing(account.model, names)})
        if account.in_flight
        else account
        for account in ledger.models
    ]
    lost = await store.unrecorded(names) if ledger.unrecorded else []
    return ledger.model_copy(update={"models": accounts, "lost": lost})
