"""The rolling table: one row per model."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from dash import html
from dash.development.base_component import Component

from dash_ui import figures
from dash_ui.cards import badge
from dash_ui.data import ModelStats, Stats
from dash_ui.language import say
from dash_ui.sparks import sparkline
from dash_ui.texts import count, ms, percent, rate
from dash_ui.tree import Element

# Column and the group it stands under, as the catalogue calls them in `[stats]`.
COLUMNS = (
    ("images", ""),
    ("rate", ""),
    ("lag", ""),
    ("mean", "inference"),
    ("p50", "inference"),
    ("p95", "inference"),
    ("p99", "inference"),
    ("total_p95", "total"),
    ("confidence", ""),
    ("accuracy", ""),
    ("errors", ""),
)


#: Columns with a sparkline, and the field of ModelStats that it shows.
SPARKS = {"rate": "rate", "p50": "p50_ms", "p95": "p95_ms", "confidence": "confidence", "accuracy": "accuracy"}


@dataclass(frozen=True)
class Known:
    """What is known of the models beside their figures: order, which are untrained, facts, lags and past figures."""

    models: Sequence[str]
    untrained: Collection[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    lags: Mapping[str, int] = field(default_factory=dict)
    trend: Sequence[Stats] = ()


def stats_table(stats: Stats, known: Known) -> html.Table:
    """The figures of every model over a window; models in the order of their colours."""
    models = known.models
    rows = sorted(stats.models, key=lambda row: models.index(row.model) if row.model in models else len(models))
    body = [_row(row, known) for row in rows]
    return html.Table(
        [html.Thead(_header()), html.Tbody(body), *_ensemble(stats)], className="stats", **{"data-window": stats.window}
    )


def _header() -> list[html.Tr]:
    """Two rows: a group over the columns that share a unit, then the columns."""
    top = [html.Th(say("stats.model"), rowSpan=2, scope="col", className="model-cell")]
    low = []
    groups: list[str] = []
    for name, group in COLUMNS:
        words, why = say(f"stats.{name}"), say(f"stats.{name}_why")
        if not group:
            top.append(html.Th(words, rowSpan=2, scope="col", title=why))
            continue
        if group not in groups:
            groups.append(group)
            span = sum(1 for column in COLUMNS if column[1] == group)
            top.append(html.Th(say(f"stats.{group}"), colSpan=span, scope="colgroup", className="group"))
        low.append(html.Th(words, scope="col", title=why))
    return [html.Tr(top), html.Tr(low)]


def _row(row: ModelStats, known: Known) -> html.Tr:
    name: list[Component] = [html.Span(row.model, className="model")]
    if row.model in known.untrained or not row.trained:
        name.append(badge("untrained", "warn"))
    if row.model in known.facts:
        name.append(html.Div(known.facts[row.model], className="fact"))
    cells = [
        html.Td([number, *_spark(column, row.model, known.trend)]) for column, number in _numbers(row, known).items()
    ]
    return html.Tr(
        [html.Th(name, scope="row", className="model-cell"), *cells],
        style={"--model": figures.colour(row.model, known.models)},
        **{"data-model": row.model},
    )


def _numbers(row: ModelStats, known: Known) -> dict[str, str]:
    """What stands in each column."""
    return {
        "images": count(row.images),
        "rate": rate(row.rate),
        "lag": count(known.lags[row.model]) if row.model in known.lags else "–",
        "mean": ms(row.mean_ms),
        "p50": ms(row.p50_ms),
        "p95": ms(row.p95_ms),
        "p99": ms(row.p99_ms),
        "total_p95": ms(row.total_p95_ms),
        "confidence": percent(row.confidence, 1),
        "accuracy": percent(row.accuracy, 1),
        "errors": count(row.errors),
    }


def _spark(column: str, model: str, trend: Sequence[Stats]) -> list[Element]:
    if column not in SPARKS:
        return []
    rows = [{row.model: row for row in stats.models}.get(model) for stats in trend]
    values = [None if row is None else getattr(row, SPARKS[column]) for row in rows]
    return sparkline(values)


def _ensemble(stats: Stats) -> list[html.Tfoot]:
    """The accuracy of the models' mean probability, where it can be known."""
    if stats.ensemble_accuracy is None:
        return []
    before = [column[0] for column in COLUMNS].index("accuracy")
    cells = [
        html.Th(say("stats.ensemble"), scope="row", className="model-cell", title=say("stats.ensemble_why")),
        html.Td(colSpan=before),
        html.Td(percent(stats.ensemble_accuracy, 1)),
        html.Td(),
    ]
    return [html.Tfoot(html.Tr(cells))]
