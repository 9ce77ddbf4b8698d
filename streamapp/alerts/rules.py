"""The rules: which figure of what is bad, from when on, and how that is said. Pure; what is measured comes in."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

from streamapp.settings import Settings

RuleName = Literal["disagreement", "camera-disagreement", "latency", "errors", "lag", "camera-silent"]
RULES: tuple[RuleName, ...] = get_args(RuleName)
#: An alert is over when its figure is below this share of its limit: one that dances around the limit is one alert.
CLEAR = 0.8
EVERYTHING = "all"


class Reading(NamedTuple):
    """A rule's figure of one thing, such as a model; None where too little is known to say one."""

    rule: RuleName
    subject: str
    value: float | None
    limit: float

    @property
    def key(self) -> tuple[str, str]:
        """What there is at most one open alert of."""
        return self.rule, self.subject

    @property
    def bad(self) -> bool | None:
        """True, false, or None where neither can be said: nothing is known, or it is good but only just."""
        if self.value is None or CLEAR * self.limit <= self.value < self.limit:
            return None
        return self.value >= self.limit


@dataclass(frozen=True)
class Measured:
    """What the rules look at.

    `disagreement` has the images with at least two answers, and how many of them were answered differently, by camera,
    and `models` the live figures of a minute. `silent_s` is the time since the last image, by camera. `unknown` are
    rules whose figures could not be had: nothing follows from what is not there.
    """

    disagreement: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    models: Iterable[Mapping[str, Any]] = ()
    lags: Mapping[str, int] = field(default_factory=dict)
    silent_s: Mapping[str, float] = field(default_factory=dict)
    unknown: Collection[RuleName] = ()


def readings(measured: Measured, settings: Settings) -> list[Reading]:
    """Every rule's figures. A limit of 0 switches its rule off."""
    found = [*_disagreement(measured, settings), *_models(measured, settings)]
    found += [Reading("lag", group, lag, settings.alert_lag) for group, lag in measured.lags.items()]
    silent = settings.alert_camera_silent_s
    found += [Reading("camera-silent", camera, seconds, silent) for camera, seconds in measured.silent_s.items()]
    return [reading for reading in found if reading.limit > 0]


def _disagreement(measured: Measured, settings: Settings) -> Iterable[Reading]:
    limit, least = settings.alert_disagreement, settings.alert_min_images
    sums = [sum(counts) for counts in zip(*measured.disagreement.values(), strict=True)] or [0, 0]
    yield Reading("disagreement", EVERYTHING, _rate(sums[1], sums[0], least), limit)
    for camera, (images, differing) in measured.disagreement.items():
        if camera:
            yield Reading("camera-disagreement", camera, _rate(differing, images, least), limit)


def _models(measured: Measured, settings: Settings) -> Iterable[Reading]:
    least = settings.alert_min_images
    for figures in measured.models:
        model, count, errors = figures["model_name"], figures["count"], figures["errors"]
        p95 = figures["stages"]["total"]["p95"] if count >= least else None
        yield Reading("latency", model, p95, settings.alert_latency_ms)
        yield Reading("errors", model, _rate(errors, count + errors, least), settings.alert_error_rate)


def _rate(part: int, whole: int, least: int) -> float | None:
    return part / whole if whole >= least else None


def sentence(reading: Reading) -> str:
    """What is wrong, in words."""
    value, limit, subject = reading.value or 0.0, reading.limit, reading.subject
    said: dict[RuleName, str] = {
        "disagreement": f"the models disagree about {value:.0%} of the images (limit {limit:.0%})",
        "camera-disagreement": f"the models disagree about {value:.0%} of the images of {subject} (limit {limit:.0%})",
        "latency": f"95 % of the answers of {subject} take up to {value:,.0f} ms (limit {limit:,.0f} ms)",
        "errors": f"{subject} gives up {value:.1%} of the images (limit {limit:.1%})",
        "lag": f"{subject} is {value:,.0f} messages behind (limit {limit:,.0f})",
        "camera-silent": f"no image of {subject} for {value:,.0f} s (limit {limit:,.0f} s)",
    }
    return said[reading.rule]
