"""A process with one model, which infers over and over when it is told to: `python -m benchmarks.racer SPEC LANE`.

`SPEC` is the model as JSON, `LANE` the lane's file. Each line of the standard input, `on` or `off` for the lane and the
numbers of a `Course`, is answered with one line of JSON, a `Lap`.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from streamapp.inference import InferenceThread
from streamapp.runtime import load
from streamapp.runtime.lane import Lane, NoLane
from streamapp.runtime.spec import ModelSpec
from streamapp.settings import Settings


@dataclass(frozen=True)
class Course:
    """Images that come one by one: the first at `start` of `time.monotonic`, `rate` a second, for so many `seconds`.

    With a rate of 0 the next image is there as soon as one is done.
    """

    start: float
    seconds: float
    rate: float

    def arrivals(self) -> Iterator[float]:
        """When each image comes."""
        number = 0
        while (now := time.monotonic()) < self.start + self.seconds:
            yield max(now, self.start + number / self.rate) if self.rate else max(now, self.start)
            number += 1


@dataclass(frozen=True)
class Lap:
    """The inference times of some seconds, and how many of these turns were taken while another model may have run."""

    inference_ms: list[float]
    bypassed: int


async def run(inference: InferenceThread, course: Course) -> Lap:
    """Infer each image when it comes, or when those before it are done."""
    info = inference.info
    image = np.random.default_rng(0).integers(0, 256, (info.input_size, info.input_size, 3), np.uint8)
    answers = []
    for arrival in course.arrivals():
        await asyncio.sleep(max(0.0, arrival - time.monotonic()))
        answers.append(await inference.infer(image, info))
    return Lap([answer.inference_ms for answer in answers], sum(answer.lane == "bypassed" for answer in answers))


async def serve(spec_json: str, lane_file: str) -> None:
    """Load the model, say so, and do what the lines ask for."""
    settings, spec = Settings.load(), ModelSpec.from_json(spec_json)
    lanes = {"on": Lane(Path(lane_file), settings.lane_wait_s), "off": NoLane()}
    inference = InferenceThread(spec.name, load(spec, settings), NoLane(), settings.inference_timeout_s)
    print("ready", flush=True)
    for line in sys.stdin:
        lane, *numbers = line.split()
        inference.lane = lanes[lane]
        print(json.dumps(asdict(await run(inference, Course(*map(float, numbers))))), flush=True)
    inference.close()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
