"""The servers in figures: topics, originals, database, cache, and the workers that are there."""

from typing import Any

from dash import html

from dash_ui.language import say
from dash_ui.texts import count, number, percent, rate, size

HOUR_S, DAY_S = 3600, 86400


def figures(state: dict[str, Any]) -> html.Div:
    """A figure for each server, and a line for each worker."""
    objects, database, cache = state["objects"], state["database"], state.get("cache")
    shown = [
        (say("stores.topics"), rate(sum(topic["per_s"] for topic in state["topics"].values())), say("stores.messages")),
        (say("stores.objects"), size(objects["bytes"]), say("models.images", number=count(objects["images"]))),
        (
            say("stores.database"),
            size(database["bytes"]),
            say("stores.transactions", rate=rate(database["transactions_per_s"])),
        ),
        (
            say("stores.cache"),
            percent(cache["hit_rate"] if cache else None),
            say("stores.hits", size=size(cache["bytes"])) if cache else say("stores.away"),
        ),
    ]
    figures = [
        html.Div([html.Div(name, className="kicker"), html.B(value), html.Div(more, className="muted")])
        for name, value, more in shown
    ]
    workers = [
        html.Li([html.B(one["role"]), " ", uptime(one["uptime_s"])], title=one["worker"]) for one in state["roles"]
    ]
    return html.Div([html.Div(figures, className="key-figures wide-figures"), html.Ul(workers, className="workers")])


def uptime(seconds: float) -> str:
    """For how long a worker has been there."""
    if seconds >= DAY_S:
        return say("stores.days", number=number(seconds / DAY_S, 1))
    if seconds >= HOUR_S:
        return say("stores.hours", number=number(seconds / HOUR_S, 1))
    return say("stores.minutes", number=number(seconds // 60))
