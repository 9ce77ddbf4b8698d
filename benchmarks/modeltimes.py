"""The processes that time models and matrix products, one each: `python -m benchmarks.modeltimes JOB`, a `Job` as JSON.

It prints one line of JSON, the job's result. Nothing but the runtime that is measured is imported.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import psutil

from streamapp.runtime import cache, load
from streamapp.runtime.imports import quiet
from streamapp.runtime.spec import ModelSpec
from streamapp.runtime.weights import exact
from streamapp.settings import Settings

MIB = 2**20
WARM_UP, FEWEST = 3, 5
#: A measurement of this length has enough calls, however many it was asked for.
LONG_S = 5.0
#: Rows, inner and columns of the matrix product that shows what the CPU can do.
ROWS, INNER, COLUMNS = 1024, 1024, 2048


@dataclass(frozen=True)
class Job:
    """What to time: a model `how` it is run (`openvino`, `keras predict`, `keras call`), or a `matrix product`.

    `spec` is the model as JSON; `rounds` is the number of calls with each of the `batches`.
    """

    how: str
    precision: str
    rounds: int
    spec: str = ""
    batches: tuple[int, ...] = ()


@dataclass(frozen=True)
class Times:
    """Milliseconds of each call, by the number of images in it; what the process grew by, runtime and model together.

    `flops` are for one image; `precision` is the one that was used.
    """

    calls: dict[int, list[float]]
    precision: str
    flops: float
    disk_mib: float
    rss_mib: float


def timed(call: Callable[[], object], rounds: int) -> list[float]:
    """Milliseconds of each of `rounds` calls, of fewer where they take long, after some to warm up."""
    for _ in range(WARM_UP):
        call()
    times: list[float] = []
    while len(times) < rounds and (len(times) < FEWEST or sum(times) < LONG_S * 1000):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1000)
    return times


def model(job: Job, settings: Settings) -> Times:
    """Time a converted model."""
    process = psutil.Process()
    before = process.memory_info().rss
    spec = exact(ModelSpec.from_json(job.spec), settings)
    entry = cache.require(spec, settings)
    if job.how == "keras predict":
        call, info = _keras_predict(entry, settings.threads), entry.info(spec, "keras", "f32")
    else:
        loaded = load(spec, settings)
        call, info = loaded.predict, loaded.info
    shape = (spec.input_size, spec.input_size, 3)
    pixels = np.random.default_rng(0).integers(0, 256, (max(job.batches), *shape), np.uint8)
    calls = {batch: timed(lambda: call(pixels[:batch]), job.rounds) for batch in job.batches}  # noqa: B023  # called now
    files = [entry.keras] if job.how.startswith("keras") else [entry.ir, entry.ir.with_suffix(".bin")]
    disk = sum(file.stat().st_size for file in files)
    return Times(calls, info.precision, info.flops, disk / MIB, (process.memory_info().rss - before) / MIB)


def _keras_predict(entry: cache.Entry, threads: int) -> Callable[[Any], Any]:
    """`model.predict` of Keras, as its documentation recommends it for a batch."""
    quiet()
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    network = keras.saving.load_model(entry.keras, compile=False)
    return lambda batch: network.predict(batch, verbose=0)


def matrix_product(job: Job, settings: Settings) -> float:
    """GFLOP/s of a matrix product in OpenVINO at a precision (10^9 integer operations where that is int8)."""
    quiet()
    import openvino
    from openvino import opset13 as ops

    left = factor = ops.parameter([ROWS, INNER], np.float32)
    right = ops.constant(np.random.default_rng(0).random((INNER, COLUMNS), np.float32))
    if job.precision == "int8":
        low, high, levels = np.float32(0), np.float32(1), 256
        factor = ops.fake_quantize(left, low, high, low, high, levels)
        right = ops.fake_quantize(right, -high, high, -high, high, levels - 1)
    product = openvino.Model([ops.matmul(factor, right, False, False)], [left])
    hint = "bf16" if job.precision == "bf16" else "f32"
    options = {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": settings.threads, "ENABLE_CPU_PINNING": False}
    request = openvino.compile_model(product, "CPU", options).create_infer_request()
    values = np.random.default_rng(1).random((ROWS, INNER), np.float32)
    best_ms = min(timed(lambda: request.infer([values], share_inputs=True), job.rounds))
    return 2 * ROWS * INNER * COLUMNS / best_ms / 1e6


def main(arguments: Sequence[str]) -> None:
    """Do one job."""
    fields = json.loads(arguments[0])
    job = Job(**{**fields, "batches": tuple(fields["batches"])})
    settings = Settings.load()
    result = matrix_product(job, settings) if job.how == "matrix product" else asdict(model(job, settings))
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
