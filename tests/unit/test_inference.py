"""The inference thread: order, times, failures and calls that hang."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest

from streamapp.errors import ModelError
from streamapp.inference import InferenceThread

IMAGE = np.zeros((4, 4, 3), np.uint8)


class FakeLane:
    @contextmanager
    def turn(self) -> Iterator[SimpleNamespace]:
        time.sleep(0.01)
        yield SimpleNamespace(waited_ms=10.0, state="held")


class FakeModel:
    """Answers with the image's first byte; a byte of 255 makes it fail, 254 makes it hang until released."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.seen: list[int] = []

    def predict(self, batch: np.ndarray) -> np.ndarray:
        value = int(batch[0, 0, 0, 0])
        if value == 255:
            raise RuntimeError("no")
        if value == 254:
            self.release.wait(5)
        if value == 253:
            return np.array([[np.nan, 1.0]], np.float32)
        self.seen.append(value)
        time.sleep(0.005)
        return np.array([[value / 100, 1 - value / 100]], np.float32)


def image(value: int) -> np.ndarray:
    return np.full((4, 4, 3), value, np.uint8)


@pytest.fixture
def model() -> Iterator[FakeModel]:
    fake = FakeModel()
    yield fake
    fake.release.set()


async def test_times_are_apart_and_order_is_kept(model: FakeModel) -> None:
    thread = InferenceThread("fake", model, FakeLane(), timeout_s=5)
    answers = await asyncio.gather(*[thread.infer(image(value)) for value in range(10)])
    assert model.seen == list(range(10))
    assert [round(float(answer.probabilities[0]), 2) for answer in answers] == [value / 100 for value in range(10)]
    for answer in answers:
        assert answer.lane_ms == 10.0
        assert 5 <= answer.inference_ms < 10 + 5, "the wait for the lane is not inference"
        assert answer.lane == "held"
    thread.close()


async def test_a_failure_is_that_images_alone(model: FakeModel) -> None:
    thread = InferenceThread("fake", model, FakeLane(), timeout_s=5)
    with pytest.raises(ModelError, match="fake failed: no"):
        await thread.infer(image(255))
    with pytest.raises(ModelError, match="not finite"):
        await thread.infer(image(253))
    assert (await thread.infer(image(3))).probabilities[0] == np.float32(0.03)
    thread.close()


async def test_a_call_that_hangs_is_given_up_and_the_next_ones_go_on(model: FakeModel) -> None:
    thread = InferenceThread("fake", model, FakeLane(), timeout_s=0.15)
    hanging = asyncio.create_task(thread.infer(image(254)))
    following = asyncio.create_task(thread.infer(image(7)))
    with pytest.raises(ModelError, match=r"did not answer within 0\.15 s"):
        await hanging
    assert (await following).probabilities[0] == np.float32(0.07)
    thread.close()
