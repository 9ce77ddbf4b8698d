"""How the times of each stage are distributed: quantiles of the API, picked, listed and as CSV."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dash import html

from dash_ui import data, figures
from dash_ui.asks import Ask
from dash_ui.client import API
from dash_ui.language import say
from dash_ui.past import cell
from dash_ui.texts import ms, percent

#: In the order in which they happen; the total is from arrival to answer.
TOTAL = "total"
STAGES = (*data.STAGES, TOTAL)
#: The shares that are listed.
LISTED = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
#: The minutes of each window by its name in URLs, and after how many seconds it is asked for again.
MINUTES = {"1m": (1, 3.0), "10m": (10, 5.0), "1h": (60, 15.0), "6h": (360, 60.0), "24h": (1440, 120.0)}
#: What an exported table has of each quantile.
COLUMNS = ("model", "stage", "predictions", "share", "ms")


@dataclass(frozen=True)
class Times:
    """Of one model: how many answers, and of each stage its quantiles in milliseconds, from the least to the most."""

    model: str
    predictions: int
    stages: Mapping[str, Sequence[float]]

    def quantile(self, stage: str, share: float) -> float | None:
        """The time that this share of the answers does not exceed; None where nothing was measured."""
        values = self.stages.get(stage)
        return values[round(share * (len(values) - 1))] if values else None


def ask(name: str) -> Ask:
    """The distributions of a window."""
    minutes, every_s = MINUTES[name]
    return Ask(f"{API}/stats/distributions", (("minutes", str(minutes)),), every_s=every_s)


def parse(answer: Mapping[str, Any]) -> list[Times]:
    """The models that answered in the window, by name."""
    found = [
        Times(
            str(each["model"]),
            int(each["predictions"]),
            {stage: [float(value) for value in values] for stage, values in each["stages"].items() if values},
        )
        for each in answer["models"]
    ]
    return sorted((each for each in found if each.predictions and each.stages), key=lambda each: each.model)


def listing(times: Sequence[Times], stages: Sequence[str], models: Sequence[str]) -> html.Details:
    """The figures of a chart as a table, for whoever cannot see it, or wants to know exactly."""
    columns = [say("compare.model"), *([say("compare.stage")] if len(stages) > 1 else [])]
    head = [html.Th(word, scope="col") for word in [*columns, *(percent(share) for share in LISTED)]]
    rows = [_row(each, stage, len(stages) > 1, models) for stage in stages for each in times]
    table = html.Table([html.Thead(html.Tr(head)), html.Tbody(rows)], className="values")
    return html.Details([html.Summary(say("compare.values")), html.Div(table, className="scroll", tabIndex=0)])


def _row(times: Times, stage: str, named: bool, models: Sequence[str]) -> html.Tr:
    name = html.Span(times.model, className="model", style={"--model": figures.colour(times.model, models)})
    cells = [html.Td(say(f"stage.{stage}"))] if named else []
    numbers = [html.Td(ms(times.quantile(stage, share))) for share in LISTED]
    return html.Tr([html.Th(name, scope="row"), *cells, *numbers])


def csv(data: Mapping[str, Any]) -> Iterable[str]:
    """The quantiles as lines of CSV."""
    yield ",".join(COLUMNS) + "\r\n"
    for times in parse(data):
        for stage in STAGES:
            values = times.stages.get(stage, ())
            for place, value in enumerate(values):
                share = round(place / (len(values) - 1 or 1), 4)
                yield ",".join(map(cell, (times.model, stage, times.predictions, share, value))) + "\r\n"
