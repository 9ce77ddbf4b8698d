"""What changed of the models, and when: marks on a chart of time, and a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from dash import html
from dash.development.base_component import Component

from dash_ui import controls, figures
from dash_ui.asks import Ask
from dash_ui.client import API
from dash_ui.language import say
from dash_ui.lines import Mark
from dash_ui.past import Window
from dash_ui.texts import NOTHING

#: Of many changes the newest so many are listed.
LISTED = 8


@dataclass(frozen=True)
class Change:
    """Another version of a model began to serve."""

    model: str
    at: datetime
    version: str
    before: str | None

    @classmethod
    def parse(cls, data: dict[str, Any]) -> "Change":
        """Read a change of the API."""
        before = data.get("before")
        return cls(str(data["model"]), datetime.fromisoformat(str(data["at"])), str(data["version"]), before)

    @property
    def words(self) -> str:
        """What changed into what."""
        return say("changes.words", model=self.model, before=self.before or NOTHING, version=self.version)


def ask(window: Window, now: datetime | None = None) -> Ask:
    """The changes of a window and a little more, so that the ask stays the same for an hour."""
    begin = (now or datetime.now(UTC)) - timedelta(seconds=window.bucket_s * window.count)
    since = begin.replace(minute=0, second=0, microsecond=0)
    return Ask(f"{API}/models/changes", (("since", since.isoformat()),), every_s=10)


def parse(answer: dict[str, Any]) -> list[Change]:
    """The changes of an answer, newest first."""
    return sorted((Change.parse(each) for each in answer["changes"]), key=lambda change: change.at, reverse=True)


def ago(change: Change, window: Window, begin: datetime) -> float | None:
    """How many buckets before the last one of a window something changed; None where that is outside of it."""
    place = window.count - 1 - (change.at - begin) / timedelta(seconds=window.bucket_s)
    return max(place, 0.0) if -1 <= place <= window.count - 1 else None


def listing(found: Sequence[Change], models: Sequence[str]) -> Component | None:
    """The newest changes in words."""
    if not found:
        return None
    return html.Ul([_line(change, models) for change in found[:LISTED]], className="changes")


def _line(change: Change, models: Sequence[str]) -> html.Li:
    versions = [html.Span(change.before or NOTHING), " → ", html.B(change.version)]
    name = html.Span(change.model, className="model")
    return html.Li(
        [name, html.Span(versions), html.Span(controls.time(change.at.isoformat()), className="muted")],
        key=f"{change.model} {change.at.isoformat()}",
        style={"--model": figures.colour(change.model, models)},
    )


def marks(answer: dict[str, Any], window: Window, begin: datetime) -> list[Mark]:
    """The changes within a window that begins so, for a chart."""
    places = [(change, ago(change, window, begin)) for change in parse(answer)]
    return [(change.model, place, change.words) for change, place in places if place is not None]
