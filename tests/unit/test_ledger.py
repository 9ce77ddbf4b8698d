"""The ledger's own arithmetic: when it says something, and what."""

from typing import Any
from uuid import uuid4

import pytest

from streamapp import ledger
from streamapp.lag import Position
from streamapp.storage.ledger import Books, Owed

EXACT = Owed(accepted=10, predicted=7, dead=2, shed=1)
POSITIONS = {f"streamapp-{role}": Position(30, 30) for role in ("ash", "birch", "stats", "recorder")}
TOTALS = {model: {"predictions": 7, "errors": 2, "shed": 1} for model in ("ash", "birch")}
STORED = {"predicted": 7, "dead": 2, "shed": 1}


def books(**changes: Any) -> Books:
    plain: dict[str, Any] = {
        "accepted": 10,
        "pending": 0,
        "unrecorded": 0,
        "open_letters": 2,
        "unreadable": 1,
        "owed": {"ash": EXACT, "birch": EXACT},
        "strangers": {},
        "stored": {"ash": STORED, "birch": STORED},
    }
    return Books(**{**plain, **changes})


def balance(found: Books, still: bool = True, **totals: Any) -> ledger.Ledger:
    return ledger.balance(found, POSITIONS, TOTALS | totals, still)


def test_what_is_exact_adds_up() -> None:
    found = balance(books())
    assert (found.idle, found.adds_up) == (True, True)
    assert [(account.model, account.adds_up, account.in_flight) for account in found.models] == [
        ("ash", True, 0),
        ("birch", True, 0),
    ]
    assert all(account.live.agrees for account in found.models)


@pytest.mark.parametrize(
    "wrong",
    [
        {"owed": {"ash": EXACT, "birch": EXACT.model_copy(update={"predicted": 6})}},
        {"strangers": {"birch": 1}},
        {"unrecorded": 1},
    ],
    ids=["an outcome is missing", "an outcome of no image", "an image that never came"],
)
def test_each_thing_that_is_wrong_is_seen_when_nothing_moves(wrong: dict[str, Any]) -> None:
    found = balance(books(**wrong))
    assert (found.idle, found.adds_up) == (True, False)
    assert all(account.adds_up for account in found.models if account.model == "ash"), "each model by itself"
    moving = balance(books(**wrong), still=False)
    assert (moving.idle, moving.adds_up) == (False, None), "it may be on its way"
    assert [account.adds_up for account in moving.models] == [None, None]


def test_an_image_that_waits_to_be_published_is_under_way() -> None:
    found = balance(books(pending=1))
    assert (found.idle, found.adds_up) == (False, None)


@pytest.mark.parametrize("total", [{}, {"predictions": 8, "errors": 2, "shed": 1}, {"predictions": 7, "errors": 2}])
def test_live_figures_that_differ_are_shown_and_decide_nothing(total: dict[str, int]) -> None:
    found = balance(books(), birch=total)
    assert [account.live.agrees for account in found.models] == [True, False]
    assert found.adds_up


class Stores:
    """Counts the questions."""

    def __init__(self, found: Books) -> None:
        self.found, self.missing_of, self.lost = found, uuid4(), uuid4()

    async def books(self, models: list[str]) -> Books:
        return self.found

    async def missing(self, model: str, limit: int) -> list[Any]:
        assert (model, limit) == ("birch", 5)
        return [self.missing_of]

    async def unrecorded(self, limit: int) -> list[Any]:
        return [self.lost]


class Meter:
    """Says where the groups are, one answer after the other."""

    def __init__(self, *answers: dict[str, Position]) -> None:
        self.answers = list(answers)

    async def positions(self) -> dict[str, Position]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    async def __aenter__(self) -> "Meter":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


LAGS = POSITIONS | {"streamapp-birch": Position(29, 30)}
MORE = POSITIONS | {"streamapp-ash": Position(31, 31)}


@pytest.mark.parametrize(
    ("answers", "idle"),
    [
        ([POSITIONS], True),
        ([LAGS], False),
        ([POSITIONS, MORE, MORE], False),
        ([POSITIONS, POSITIONS, MORE], False),
        ([POSITIONS, POSITIONS, LAGS], False),
    ],
    ids=["nothing moves", "one lags", "moved before", "an image came meanwhile", "lags afterwards"],
)
async def test_idle_is_that_nothing_moved_before_and_after_the_count(
    monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Position]], idle: bool
) -> None:
    monkeypatch.setattr("streamapp.ledger.LagMeter.connect", lambda *_: Meter(*answers))
    wrong = books(owed={"ash": EXACT, "birch": EXACT.model_copy(update={"predicted": 6})}, unrecorded=1)
    stores: Any = Stores(wrong)
    found = await ledger.read(None, ["ash", "birch"], stores, TOTALS, 5)  # type: ignore[arg-type]
    assert found.idle is idle
    assert [account.missing for account in found.models] == [[], [stores.missing_of] if idle else []]
    assert found.lost == ([stores.lost] if idle else [])
