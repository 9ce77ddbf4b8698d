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
#: Latency and errors are those of the live figures over this window, by its name and in seconds.
FIGURES, FIGURES_S = "1m", 60


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


def limits(settings: Settings) -> dict[RuleName, float]:
    """The limit of each rule, in the unit of its figures: a share, milliseconds, messages or seconds; 0: it is off."""
    return {
        "disagreement": settings.alert_disagreement,
        "camera-disagreement": settings.alert_disagreement,
        "latency": settings.alert_latency_ms,
        "errors": settings.alert_error_rate,
        "lag": settings.alert_lag,
        "camera-silent": settings.alert_camera_silent_s,
    }


def windows(settings: Settings) -> dict[RuleName, int]:
    """The seconds whose images a rule looks at; the others look at what is now."""
    seen = settings.alert_window_s
    return {"disagreement": seen, "camera-disagreement": seen, "latency": FIGURES_S, "errors": FIGURES_S}


def readings(measured: Measured, settings: Settings) -> list[Reading]:
    """Every rule's figures, of the rules that are on and whose figures are known."""
    limit, least = limits(settings), settings.alert_min_images
    figures: Iterable[tuple[RuleName, str, float | None]] = (
        *_disagreement(measured, least),
        *_models(measured, least),
        *(("lag", group, lag) for group, lag in measured.lags.items()),
        *(("camera-silent", camera, seconds) for camera, seconds in measured.silent_s.items()),
    )
    on = {rule for rule in RULES if limit[rule] > 0 and rule not in measured.unknown}
    return [Reading(rule, subject, value, limit[rule]) for rule, subject, value in figures if rule in on]


def _disagreement(measured: Measured, least: int) -> Iterable[tuple[RuleName, str, float | None]]:
    sums = [sum(counts) for counts in zip(*measured.disagreement.values(), strict=True)] or [0, 0]
    yield "disagreement", EVERYTHING, _rate(sums[1], sums[0], least)
    for camera, (images, differing) in measured.disagreement.items():
        if camera:
            yield "camera-disagreement", camera, _rate(differing, images, least)


def _models(measured: Measured, least: int) -> Iterable[tuple[RuleName, str, float | None]]:
    for figures in measured.models:
        model, count, errors = figures["model_name"], figures["count"], figures["errors"]
        yield "latency", model, figures["stages"]["total"]["p95"] if count >= least else None
        yield "errors", model, _rate(errors, count + errors, least)


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
