"""The stage bars: data in, plain HTML out. One scale for every lane of a race, one colour per model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10

from dash import html

from dash_ui.data import STAGES, Answer
from dash_ui.language import say
from dash_ui.texts import ms, number

# Okabe & Ito (2008), https://jfly.uni-koeln.de/color/: eight colours that the colour-blind tell apart; black is
# left out, it would vanish in the dark theme. With more models than colours, they start again.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")

# A scale may end at these multiples of a power of ten; each comes with the step of its ticks.
SCALE_ENDS = ((1, 0.25), (1.5, 0.5), (2, 0.5), (3, 1), (4, 1), (6, 2), (8, 2), (10, 2.5))


def colour(model: str, models: Sequence[str]) -> str:
    """The colour of a model: its place in the order in which models were first seen."""
    return COLOURS[models.index(model) % len(COLOURS)] if model in models else "var(--muted)"


@dataclass(frozen=True)
class Scale:
    """A common scale of stage bars, from 0 to `end` milliseconds with a tick at every `step`."""

    end: float
    step: float

    def share(self, value: float) -> str:
        """A length in CSS percent."""
        return f"{min(max(value / self.end, 0), 1) * 100:.2f}%"

    def ticks(self) -> list[float]:
        """The values at the ticks, 0 and the end included."""
        return [tick * self.step for tick in range(round(self.end / self.step) + 1)]


def scale_for(answers: Sequence[Answer]) -> Scale:
    """The smallest round scale that holds the longest of these answers."""
    longest = max((sum(answer.stages.values()) for answer in answers), default=0)
    power = 10 ** floor(log10(longest)) if longest > 0 else 1
    for end, step in SCALE_ENDS:
        if longest <= end * power * (1 + 1e-9):
            return Scale(end * power, step * power)
    raise AssertionError("a number is at most ten times its own power of ten")


def stage_words(stages: Mapping[str, float]) -> str:
    """The stages in words, for people who point at a bar or cannot see it."""
    return ", ".join(f"{say(f'stage.{stage}')} {ms(stages.get(stage, 0))} ms" for stage in STAGES)


def stage_bar(answer: Answer, scale: Scale) -> html.Div:
    """One lane's bar: its stages end to end; the colour comes from the lane (`--model`)."""
    words = stage_words(answer.stages)
    parts = [
        html.I(className=f"stage stage-{stage}", style={"width": scale.share(answer.stages[stage])})
        for stage in STAGES
        if answer.stages.get(stage, 0) > 0
    ]
    return html.Div(parts, className="bar", title=words, role="img")


def axis(scale: Scale) -> html.Div:
    """The scale under the lanes."""
    last = scale.ticks()[-1]
    return html.Div(
        [
            html.Span(f"{_tick(tick)} ms" if tick == last else _tick(tick), style={"left": scale.share(tick)})
            for tick in scale.ticks()
        ],
        className="axis",
        **{"aria-hidden": "true"},
    )


def _tick(value: float) -> str:
    """A number with the decimals that it needs, at most two."""
    return number(
        value, next(decimals for decimals in (0, 1, 2, 3) if decimals == 3 or round(value, decimals) == value)
    )


def legend() -> html.Div:
    """What the patterns of a bar mean."""
    return html.Div(
        [html.Span([html.I(className=f"stage stage-{stage}"), say(f"stage.{stage}")]) for stage in STAGES],
        className="legend",
    )
