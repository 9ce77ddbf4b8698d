"""Does a model's inference time mean the same alone and in a race? With the lane, and without it for comparison.

The images come at the same times in both. That matters: after 20 ms without a call the caches are cold, whatever else
ran meanwhile, and a small model needs up to twice the time of one that is called without a pause.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.progress import track

import agents
from benchmarks import report
from benchmarks.racer import Course, Lap
from streamapp.errors import ModelError
from streamapp.runtime.child import environ
from streamapp.runtime.prepare import prepare
from streamapp.runtime.spec import ModelSpec
from streamapp.settings import Settings
from training.cli import chosen

#: The goal: a model's median in the race differs by less than this from its median alone.
MOST_CHANGE = 0.15
START_S = 0.05
#: How long a model runs alone and in the race, at least, and how many images it gets then, at least.
ALONE_S, RACE_S = 0.8, 2.0
ALONE_IMAGES, RACE_IMAGES = 15, 40
#: How much of the machine all models together need for the images.
LOAD = 0.5


class Racer:
    """A process with one model."""

    def __init__(self, spec: ModelSpec, lane_file: Path, settings: Settings) -> None:
        command = [sys.executable, "-m", "benchmarks.racer", spec.to_json(), str(lane_file)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environ(settings))

    def line(self) -> str:
        """The next line that it says.

        Raises:
            ModelError: it has ended.
        """
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise ModelError("a model's process has ended; what it printed above says why")
        return line

    def start(self, lane: str, course: Course) -> None:
        """Make it run a course."""
        assert self.process.stdin
        self.process.stdin.write(f"{lane} {course.start} {course.seconds} {course.rate}\n")
        self.process.stdin.flush()


@dataclass(frozen=True)
class Round:
    """A model's medians in milliseconds: alone, with the others, and alone again."""

    before_ms: float
    race_ms: float
    after_ms: float
    bypassed: int

    @property
    def change(self) -> float:
        """How much slower it was in the race than alone around it; 0.1 is 10 %."""
        return self.race_ms / statistics.mean((self.before_ms, self.after_ms)) - 1

    @property
    def noise(self) -> float:
        """How much it differed from itself, alone both times."""
        return abs(self.after_ms / self.before_ms - 1)


@dataclass(frozen=True)
class Fairness:
    """A model over all rounds, medians of them; `noise` is what other programs on this machine make of the times."""

    alone_ms: float
    race_ms: float
    change: float
    noise: float
    bypassed: int

    @classmethod
    def of(cls, rounds: Sequence[Round]) -> "Fairness":
        """The medians of these rounds."""
        return cls(
            statistics.median(ms for each in rounds for ms in (each.before_ms, each.after_ms)),
            statistics.median(each.race_ms for each in rounds),
            statistics.median(each.change for each in rounds),
            statistics.median(each.noise for each in rounds),
            sum(each.bypassed for each in rounds),
        )


@contextmanager
def racers(specs: Sequence[ModelSpec], settings: Settings) -> Iterator[dict[str, Racer]]:
    """One process for each model, all loaded; ended at the end."""
    with TemporaryDirectory(prefix="streamapp-lane-") as folder:
        started = {spec.name: Racer(spec, Path(folder) / "lane", settings) for spec in specs}
        try:
            for racer in started.values():
                racer.line()
            yield started
        finally:
            for racer in started.values():
                racer.process.communicate()


def lap(started: Mapping[str, Racer], lane: str, seconds: float, rate: float) -> dict[str, Lap]:
    """Each of these gets the same images at the same time."""
    course = Course(time.monotonic() + START_S, seconds, rate)
    for racer in started.values():
        racer.start(lane, course)
    return {name: Lap(**json.loads(racer.line())) for name, racer in started.items()}


def back_to_back(started: Mapping[str, Racer]) -> dict[str, float]:
    """Each model's median in milliseconds, alone and without a pause; the first calls of a process do not count."""
    laps = [lap({name: racer}, "off", ALONE_S, rate=0) for name, racer in [*started.items()] * 2]
    return {name: statistics.median(done.inference_ms) for each in laps for name, done in each.items()}


def one_round(started: Mapping[str, Racer], lane: str, rate: float) -> dict[str, Round]:
    """Each alone, all of them, each alone again: what slows the machine down for seconds slows all three."""

    def alone() -> dict[str, float]:
        laps = [lap({name: racer}, lane, max(ALONE_S, ALONE_IMAGES / rate), rate) for name, racer in started.items()]
        return {name: statistics.median(done.inference_ms) for each in laps for name, done in each.items()}

    race_s = max(RACE_S, RACE_IMAGES / rate)
    before, race, after = alone(), lap(started, lane, race_s, rate), alone()
    return {
        name: Round(before[name], statistics.median(done.inference_ms), after[name], done.bypassed)
        for name, done in race.items()
    }


def measure(specs: Sequence[ModelSpec], settings: Settings, rounds: int, lanes: Sequence[str]) -> dict[str, Any]:
    """The fairness of each model with the lane `on` or `off`, or both in turn."""
    found: dict[str, list[dict[str, Round]]] = {lane: [] for lane in lanes}
    with racers(specs, settings) as started:
        hot = back_to_back(started)
        rate = LOAD * 1000 / sum(hot.values())
        for number in track(range(rounds * len(lanes)), "racing", console=report.progress, transient=True):
            lane = lanes[number % len(lanes)]
            found[lane].append(one_round(started, lane, rate))
    lane_results = {
        lane: {spec.name: Fairness.of([each[spec.name] for each in done]) for spec in specs}
        for lane, done in found.items()
    }
    return {"images_per_second": rate, "back_to_back_ms": hot, "lane": lane_results}


def show(result: dict[str, Any]) -> bool:
    """Print a result; whether the lane reaches the goal."""
    rows = [
        (
            f"{name} {lane}",
            hot,
            each.alone_ms,
            each.race_ms,
            _percent(each.change),
            _percent(each.noise),
            each.bypassed,
        )
        for lane, models in result["lane"].items()
        for name, each in models.items()
        for hot in [result["back_to_back_ms"][name]]
    ]
    columns = ("model, lane", "no pause ms", "alone ms", "race ms", "change", "noise", "bypassed")
    report.table(f"Inference alone and in a race at {result['images_per_second']:.0f} images/s, medians", columns, rows)
    return all(abs(each.change) < MOST_CHANGE for each in result["lane"]["on"].values())


def _percent(share: float) -> str:
    return f"{share:+.1%}"


def main(
    models: Annotated[list[str] | None, typer.Argument(help="Names of models; all if it is left out.")] = None,
    rounds: Annotated[int, typer.Option(help="How often each model is measured alone and in the race.", min=1)] = 10,
    output: Annotated[Path, typer.Option(help="Where the JSON goes.")] = report.RESULTS / "fairness.json",
) -> None:
    """Inference time alone and in a race; fails where the lane leaves a model 15 % apart."""
    settings = Settings.load()
    taking_part = agents.specs(settings.models, settings.weights).values()
    specs = chosen(models, settings.weights) if models else list(taking_part)
    prepare(settings, specs)
    result = measure(specs, settings, rounds, ("on", "off"))
    good = show(result)
    report.write(output, "fairness", {"models": [spec.name for spec in specs], "rounds": rounds}, result)
    raise typer.Exit(0 if good else 1)


if __name__ == "__main__":
    report.command(partial(typer.run, main))
