"""The figures of a swap: which answer belongs where, and when a run is bad."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from benchmarks.ledger import Ledger
from benchmarks.swaptimes import Swap, phases, show
from streamapp.records import Prediction, now
from tests.unit.web.messages import prediction

START = now()


def swap(began: float, ended: float, converted: bool, outcome: str = "swapped") -> Swap:
    moments = (START + timedelta(seconds=second) for second in (began, ended))
    return Swap(*moments, outcome, ended - began, converted, 100.0)


def answer(second: float, total_ms: float = 10.0) -> Prediction:
    moment = START + timedelta(seconds=second)
    return prediction(UUID(int=0), timestamp=moment, total_ms=total_ms, inference_ms=total_ms / 10)


SWAPS = [swap(10, 20, converted=True), swap(30, 31, converted=False)]


def test_answers_are_told_apart_by_what_happened_when_they_were_made() -> None:
    found = phases([answer(second) for second in (0, 9, 10, 20.5, 25, 30.5, 31.5, 33)], SWAPS)
    assert list(found) == ["before", "converting", "loading", "after"]
    assert {name: part["images"] for name, part in found.items()} == {
        "before": 2,
        "converting": 2,
        "loading": 2,
        "after": 2,
    }


def test_quantiles_are_of_one_phase_and_one_kind_of_time() -> None:
    found = phases([*(answer(1, total) for total in range(1, 101)), answer(11, 7)], SWAPS)
    assert found["before"]["total_ms"] == {"p50": 51, "p95": 96, "max": 100}
    assert found["before"]["inference_ms"]["max"] == 10
    assert found["converting"]["total_ms"] == {"p50": 7, "p95": 7, "max": 7}


def book(adds_up: bool = True, **faults: int) -> Ledger:
    live = {"predictions": 5, "errors": 0, "shed": 0, "agrees": True}
    models = [{"model": name, "accepted": 5, "in_flight": 0, "live": live} for name in ("mobilenet", "resnet50")]
    return Ledger(5, {"adds_up": adds_up, "models": models}, faults)


def result(**changes: Any) -> dict[str, Any]:
    whole = {"swaps": SWAPS, "ledger": book(), "answers": {"mobilenet": 5, "resnet50": 5}, "versions": ["1", "2", "1"]}
    return whole | {"latency": {"mobilenet": phases([answer(0), answer(11)], SWAPS)}} | changes


def test_a_run_is_good_where_every_image_has_one_answer_and_every_swap_one_change() -> None:
    assert show(result())


@pytest.mark.parametrize(
    "changes",
    [
        {"ledger": book(adds_up=False)},
        {"ledger": book(double=1)},
        {"answers": {"mobilenet": 6, "resnet50": 5}},
        {"versions": ["1", "2", "1", "2", "1"]},
        {"versions": ["1", "2"]},
        {"swaps": [SWAPS[0], swap(30, 31, converted=False, outcome="failed")]},
    ],
    ids=["lost", "fault", "double", "back and forth", "no change", "failed"],
)
def test_a_run_is_bad_otherwise(changes: dict[str, Any]) -> None:
    assert not show(result(**changes))
