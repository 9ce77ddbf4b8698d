"""How fast each model is in each runtime and precision, how much of the CPU it uses, what it costs in memory."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import typer
from PIL import Image
from rich.progress import track

from benchmarks import modeltimes, report
from benchmarks.modeltimes import Job, Times
from streamapp.errors import ModelError
from streamapp.runtime import child
from streamapp.runtime.calibration import FEWEST
from streamapp.runtime.prepare import prepare
from streamapp.runtime.spec import PRECISIONS, ModelSpec
from streamapp.settings import Settings
from training.cli import chosen

SIZES, BATCHES = (64, 224), (1, 8)
RUNTIMES = ("openvino", "keras")
PREDICT = "keras predict"
#: The goal: OpenVINO in f32 takes this many times less for an image than `model.predict`.
LEAST_RATIO = 3


@dataclass(frozen=True)
class Row:
    """A model at an input size, run in one way; `cpu_gflops` is what a matrix product reached at that precision."""

    model: str
    size: int
    how: str
    times: Times
    cpu_gflops: float

    def ms(self, batch: int, share: float) -> float:
        """A quantile of the milliseconds for one image."""
        return report.quantile(self.times.calls[batch], share) / batch

    def gflops(self, batch: int) -> float:
        """Operations a second while it infers, 10^9, by the median."""
        return self.times.flops / self.ms(batch, 0.5) / 1e6


def jobs(specs: Sequence[ModelSpec], runtimes: Sequence[str], precisions: Sequence[str], rounds: int) -> list[Job]:
    """What to time, model after model, so that ways of running the same model are timed close together."""
    ways = [("openvino", precision) for precision in precisions] if "openvino" in runtimes else []
    ways += [(PREDICT, "f32"), ("keras call", "f32")] if "keras" in runtimes else []
    return [
        Job(how, precision, rounds, replace(spec, precision=precision, runtime=how.split()[0]).to_json(), BATCHES)
        for spec in specs
        for how, precision in ways
    ]


def run(job: Job, settings: Settings) -> Any:
    """What a process of its own finds for a job.

    Raises:
        ModelError: it failed.
    """
    lines: list[str] = []
    child.run(
        f"timing {job.how} {job.precision}", modeltimes.__name__, [json.dumps(asdict(job))], settings, lines.append
    )
    return json.loads(lines[-1])


def measure(
    specs: Sequence[ModelSpec], runtimes: Sequence[str], precisions: Sequence[str], rounds: int, settings: Settings
) -> list[Row]:
    """Time each of these models in each of these ways, converted before."""
    wanted, found = jobs(specs, runtimes, precisions, rounds), []
    products = {each: Job("matrix product", each, rounds) for each in dict.fromkeys(job.precision for job in wanted)}
    cpu = {precision: float(run(job, settings)) for precision, job in products.items()}
    for job in track(wanted, "timing", console=report.progress, transient=True):
        spec, values = ModelSpec.from_json(job.spec), run(job, settings)
        times = Times(**{**values, "calls": {int(batch): ms for batch, ms in values["calls"].items()}})
        how = f"openvino {times.precision}" if job.how == "openvino" else job.how
        found.append(Row(spec.name, spec.input_size, how, times, cpu[times.precision]))
    return found


def ratios(rows: Sequence[Row]) -> dict[tuple[str, int], float]:
    """How many times as long as OpenVINO in f32 `model.predict` takes for one image, by model and input size."""
    medians = {(row.model, row.size, row.how): row.ms(1, 0.5) for row in rows}
    pairs = {key[:2]: (ms, medians.get((*key[:2], "openvino f32"))) for key, ms in medians.items() if key[2] == PREDICT}
    return {key: slow / fast for key, (slow, fast) in pairs.items() if fast is not None}


def show(rows: Sequence[Row]) -> bool:
    """Print tables; whether OpenVINO is as much faster than `model.predict` as it shall be."""
    heads = ["p50", "p95", *(f"{kind} of {batch}" for batch in BATCHES[1:] for kind in ("p50", "p95"))]
    columns = ("", *heads, "GF/s", "of CPU", "disk", "RSS")
    for model, size in dict.fromkeys((row.model, row.size) for row in rows):
        mine = [row for row in rows if (row.model, row.size) == (model, size)]
        report.table(f"{model}, {size} px: ms for an image, most GFLOP/s, MiB", columns, map(_cells, mine))
    found = ratios(rows)
    if found:
        lines = [(f"{model}, {size} px", f"{ratio:.1f} ×") for (model, size), ratio in found.items()]
        report.table(f"model.predict ÷ OpenVINO f32, one image (goal: {LEAST_RATIO} ×)", ("model", "slower"), lines)
    return all(ratio >= LEAST_RATIO for ratio in found.values())


def _cells(row: Row) -> tuple[object, ...]:
    gflops = max(row.gflops(batch) for batch in BATCHES)
    return (
        row.how,
        *(f"{row.ms(batch, share):.3g}" for batch in BATCHES for share in (0.5, 0.95)),
        f"{gflops:.0f}",
        f"{gflops / row.cpu_gflops:.0%}",
        f"{row.times.disk_mib:.1f}",
        f"{row.times.rss_mib:.0f}",
    )


@contextmanager
def apart(settings: Settings) -> Iterator[Settings]:
    """Settings with a cache of models of its own, in which int8 is calibrated with noise: it is fast enough to time."""
    with TemporaryDirectory(prefix="streamapp-noise-") as folder:
        noise = np.random.default_rng(0)
        for number in range(FEWEST):
            Image.fromarray(noise.integers(0, 256, (32, 32, 3), np.uint8)).save(f"{folder}/{number}.png")
        yield settings.model_copy(update={"data_dir": settings.data_dir / "benchmarks", "data": folder})


def _checked(option: str, given: Sequence[str] | None, known: Sequence[str]) -> Sequence[str]:
    for each in given or ():
        if each not in known:
            raise ModelError(f"{option}: no {each!r}; there are {', '.join(known)}")
    return list(given or known)


def main(
    models: Annotated[list[str] | None, typer.Argument(help="Names of models; all if it is left out.")] = None,
    size: Annotated[list[int] | None, typer.Option(help="Side of the input in pixels; 64 and 224.")] = None,
    runtime: Annotated[list[str] | None, typer.Option(help="openvino or keras; both.")] = None,
    precision: Annotated[list[str] | None, typer.Option(help="Of OpenVINO: f32, bf16, int8; all.")] = None,
    rounds: Annotated[int, typer.Option(help="Calls with each batch; fewer where they take long.", min=5)] = 100,
    output: Annotated[Path, typer.Option(help="Where the JSON goes.")] = report.RESULTS / "models.json",
) -> None:
    """Time of an image per model, runtime and precision; fails where OpenVINO is not 3 × as fast as model.predict."""
    runtimes = _checked("--runtime", runtime, RUNTIMES)
    precisions = _checked("--precision", precision, PRECISIONS)
    specs = [replace(spec, input_size=side) for spec in chosen(models, "fresh") for side in size or SIZES]
    with apart(Settings.load()) as settings:
        prepare(
            settings, [replace(spec, precision=each) for spec in specs for each in dict.fromkeys(("f32", *precisions))]
        )
        rows = measure(specs, runtimes, precisions, rounds, settings)
    good = show(rows)
    options = {"models": [spec.name for spec in specs], "rounds": rounds, "threads": settings.threads}
    report.write(output, "models", options, {"rows": rows})
    raise typer.Exit(0 if good else 1)


if __name__ == "__main__":
    report.command(partial(typer.run, main))
