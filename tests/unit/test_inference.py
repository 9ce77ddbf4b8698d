"""The inference thread: order, times, failures, calls that hang, and models that take each other's place."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from streamapp.errors import ModelError
from streamapp.inference import InferenceThread, ModelReplaced
from streamapp.runtime.spec import ModelInfo

INFO = ModelInfo("fake", "1", True, "Fake", "w", "openvino", "f32", 4, ("red", "green"), 10, 10.0)


class FakeLane:
    @contextmanager
    def turn(self) -> Iterator[SimpleNamespace]:
        time.sleep(0.01)
        yield SimpleNamespace(waited_ms=10.0, state="held")


class FakeModel:
    """Answers with the image's first byte; a byte of 255 makes it fail, 254 makes it hang until released."""

    def __init__(self, version: str = "1") -> None:
        self.info = replace(INFO, model_version=version)
        self.release = threading.Event()
        self.seen: list[int] = []
        self.closed = 0

    def close(self) -> None:
        self.closed += 1

    def predict(self, batch: np.ndarray) -> np.ndarray:
        assert not self.closed, "it was called after it was closed"
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
    answers = await asyncio.gather(*[thread.infer(image(value), INFO) for value in range(10)])
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
        await thread.infer(image(255), INFO)
    with pytest.raises(ModelError, match="not finite"):
        await thread.infer(image(253), INFO)
    assert (await thread.infer(image(3), INFO)).probabilities[0] == np.float32(0.03)
    thread.close()


async def test_a_call_that_hangs_is_given_up_and_the_next_ones_go_on(model: FakeModel) -> None:
    thread = InferenceThread("fake", model, FakeLane(), timeout_s=0.15)
    hanging = asyncio.create_task(thread.infer(image(254), INFO))
    following = asyncio.create_task(thread.infer(image(7), INFO))
    with pytest.raises(ModelError, match=r"did not answer within 0\.15 s"):
        await hanging
    assert (await following).probabilities[0] == np.float32(0.07)
    thread.close()
    assert model.closed == 0, "the call that hangs still uses it"
    model.release.set()
    await until_closed(model)


async def until_closed(model: FakeModel) -> None:
    async with asyncio.timeout(3):
        while not model.closed:  # noqa: ASYNC110  # another thread closes it
            await asyncio.sleep(0.005)
    await asyncio.sleep(0.02)
    assert model.closed == 1


async def test_a_model_is_closed_with_its_thread(model: FakeModel) -> None:
    thread = InferenceThread("fake", model, FakeLane(), timeout_s=5)
    await thread.infer(image(1), INFO)
    thread.close()
    assert model.closed == 1


async def test_a_swap_falls_between_two_images_and_loses_none(model: FakeModel) -> None:
    thread, following = InferenceThread("fake", model, FakeLane(), timeout_s=5), FakeModel("2")
    before = [asyncio.create_task(thread.infer(image(value), INFO)) for value in range(5)]
    await asyncio.sleep(0)
    swap = asyncio.create_task(thread.swap(following))
    await asyncio.sleep(0)
    after = [asyncio.create_task(thread.infer(image(value), INFO)) for value in range(5, 10)]
    answers = await asyncio.gather(*before, *after)
    await swap
    assert [answer.info.model_version for answer in answers] == ["1"] * 5 + ["2"] * 5
    assert (model.seen, following.seen) == ([0, 1, 2, 3, 4], [5, 6, 7, 8, 9])
    assert (model.closed, following.closed) == (1, 0), "closed once, after its last call: see predict()"
    thread.close()
    assert following.closed == 1


async def test_a_model_that_is_replaced_while_a_call_hangs_is_closed_when_that_call_ends(model: FakeModel) -> None:
    thread, following = InferenceThread("fake", model, FakeLane(), timeout_s=0.05), FakeModel("2")
    with pytest.raises(ModelError, match="did not answer"):
        await thread.infer(image(254), INFO)
    await thread.swap(following)
    assert (await thread.infer(image(3), INFO)).info.model_version == "2"
    assert model.closed == 0
    model.release.set()
    await until_closed(model)
    thread.close()


@pytest.mark.parametrize("change", [{"input_size": 8}, {"detail": 2}])
async def test_an_image_that_was_prepared_for_another_input_is_not_classified(
    model: FakeModel, change: dict[str, int]
) -> None:
    thread, following = InferenceThread("fake", model, FakeLane(), timeout_s=5), FakeModel("2")
    following.info = replace(following.info, **change)
    await thread.swap(following)
    with pytest.raises(ModelReplaced):
        await thread.infer(image(1), INFO)
    assert (await thread.infer(image(1), thread.info)).info == following.info
    assert following.seen == [1]
    thread.close()
