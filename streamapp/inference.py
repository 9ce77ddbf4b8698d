"""The thread in which one model infers: off the event loop, one batch at a time, in the lane."""

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from streamapp.errors import ModelError
from streamapp.runtime.lane import Lane, NoLane, State
from streamapp.runtime.spec import Model, ModelInfo
from streamapp.threads import deliver

#: Longest wait for the last call when the worker stops, in seconds.
CLOSE_S = 2.0


@dataclass(frozen=True)
class Inference:
    """One answer of a model with its times in milliseconds. `info` says which version of the model has answered."""

    probabilities: npt.NDArray[np.float32]
    lane_ms: float
    inference_ms: float
    lane: State
    info: ModelInfo


class ModelReplaced(Exception):
    """The image was prepared for a version of the model with another input, which is not served any more."""


class Unwanted(Exception):
    """Nobody wants the answer any more, now that the model would be free for the image."""


class Served:
    """A model in use. It is closed after its last call, also where that call hangs in a thread that was given up."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._calls, self._retired = 0, False
        self._lock = threading.Lock()

    def enter(self) -> None:
        """A call begins."""
        self._count(1)

    def leave(self) -> None:
        """A call has ended."""
        self._count(-1)

    def retire(self) -> None:
        """No further call will begin: close the model now, or when the calls that it is in have ended."""
        self._count(0, retired=True)

    def _count(self, calls: int, retired: bool = False) -> None:
        with self._lock:
            self._calls += calls
            self._retired = self._retired or retired
            last = self._retired and not self._calls
        if last:
            self.model.close()


class InferenceThread:
    """Runs a model's calls in order. A call that hangs is given up with its thread, and a new thread takes over.

    The threads are daemons: one that hangs must not keep the worker from stopping. The model belongs to the thread,
    which closes it after its last call.
    """

    def __init__(self, name: str, model: Model, lane: Lane | NoLane, timeout_s: float) -> None:
        self.name = name
        self.lane = lane
        self.timeout_s = timeout_s
        self._served = Served(model)
        self._turn = asyncio.Lock()
        self._jobs = self._start()

    @property
    def info(self) -> ModelInfo:
        """The version that serves now."""
        return self._served.model.info

    async def infer(
        self, image: npt.NDArray[np.uint8], prepared_for: ModelInfo, wanted: Callable[[], bool] = lambda: True
    ) -> Inference:
        """Classify one image, uint8 RGB [H, W, 3]. Calls are served in the order in which they came.

        Raises:
            ModelError: the model failed, or took longer than the timeout.
            ModelReplaced: another version serves, whose input is not that of `prepared_for`.
            Unwanted: `wanted`, asked when it is this call's turn, says no.
        """
        async with self._turn:  # so that the timeout counts this call alone, not those before it
            if not wanted():
                raise Unwanted
            if _input(self.info) != _input(prepared_for):
                raise ModelReplaced
            return await self._submit(image)

    async def swap(self, model: Model) -> None:
        """Use `model` after the calls that wait already; the one before it is closed when it is idle."""
        async with self._turn:
            before, self._served = self._served, Served(model)
        await asyncio.to_thread(before.retire)

    async def _submit(self, image: npt.NDArray[np.uint8]) -> Inference:
        jobs, done = self._jobs, asyncio.get_running_loop().create_future()
        self._served.enter()
        jobs.put((self._served, image, done))
        try:
            result: Inference = await asyncio.wait_for(done, self.timeout_s)
        except TimeoutError:
            jobs.put(None)
            self._jobs = self._start()
            raise ModelError(f"{self.name} did not answer within {self.timeout_s:g} s") from None
        return result

    def close(self) -> None:
        """End the thread after the call that it is in, and close the model, unless that call hangs."""
        self._jobs.put(None)
        self._thread.join(CLOSE_S)
        self._served.retire()

    def _start(self) -> "queue.SimpleQueue[Any]":
        jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, args=(jobs,), name=f"infer-{self.name}", daemon=True)
        self._thread.start()
        return jobs

    def _work(self, jobs: "queue.SimpleQueue[Any]") -> None:
        while (job := jobs.get()) is not None:
            served, image, done = job
            try:
                settle = partial(done.set_result, self._call(served.model, image))
            except Exception as error:  # whatever a model raises is that image's failure, not the worker's
                settle = partial(done.set_exception, ModelError(f"{self.name} failed: {error}"))
            served.leave()
            deliver(done, settle)

    def _call(self, model: Model, image: npt.NDArray[np.uint8]) -> Inference:
        with self.lane.turn() as turn:
            start = time.perf_counter()
            probabilities = model.predict(image[np.newaxis])[0]
            inference_ms = (time.perf_counter() - start) * 1000
        if not np.isfinite(probabilities).all():
            raise ModelError(f"{self.name} answered with numbers that are not finite")
        return Inference(probabilities, turn.waited_ms, inference_ms, turn.state, model.info)


def _input(info: ModelInfo) -> tuple[int, int | None]:
    """What decides how an image is prepared."""
    return info.input_size, info.detail
