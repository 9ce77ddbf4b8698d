"""The rolling table: one row per model."""

from collections.abc import Collection, Sequence

from dash import html

from dash_ui import figures
from dash_ui.data import ModelStats, Stats
from dash_ui.texts import count, ms, percent, rate

# Column: header, group it stands under, why it says what it says.
COLUMNS = (
    ("Images", "", "Images answered in this window"),
    ("Images/s", "", "Images answered per second: count ÷ window"),
    ("mean", "Inference, ms", "Mean inference time"),
    ("p50", "Inference, ms", "Half of the inferences were faster"),
    ("p95", "Inference, ms", "95 % of the inferences were faster"),
    ("p99", "Inference, ms", "99 % of the inferences were faster"),
    ("p95", "Total, ms", "95 % of the images were answered within this time of their arrival"),
    ("Confidence", "", "Mean confidence of the answers"),
    (
        "Accuracy",
        "",
        "Share of right answers among labelled images; – when none was labelled or the weights are untrained",
    ),
    ("Errors", "", "Images that ended in the dead letters"),
)


def stats_table(stats: Stats, models: Sequence[str], untrained: Collection[str]) -> html.Table:
    """The figures of every model over a window; models in the order of their colours."""
    rows = sorted(stats.models, key=lambda row: models.index(row.model) if row.model in models else len(models))
    body = [_row(row, figures.colour(row.model, models), row.model in untrained) for row in rows]
    return html.Table(
        [html.Thead(_header()), html.Tbody(body), *_ensemble(stats)], className="stats", **{"data-window": stats.window}
    )


def _header() -> list[html.Tr]:
    """Two rows: a group over the columns that share a unit, then the columns."""
    top = [html.Th("Model", rowSpan=2, scope="col", className="model-cell")]
    low = []
    groups: list[str] = []
    for name, group, why in COLUMNS:
        if not group:
            top.append(html.Th(name, rowSpan=2, scope="col", title=why))
            continue
        if group not in groups:
            groups.append(group)
            span = sum(1 for column in COLUMNS if column[1] == group)
            top.append(html.Th(group, colSpan=span, scope="colgroup", className="group"))
        low.append(html.Th(name, scope="col", title=why))
    return [html.Tr(top), html.Tr(low)]


def _row(row: ModelStats, colour: str, untrained: bool) -> html.Tr:
    name = [html.Span(row.model, className="model")]
    if untrained or not row.trained:
        name.append(html.Span("untrained", className="badge warn", title="Its weights are freshly initialised"))
    numbers = [
        count(row.images),
        rate(row.rate),
        *(ms(value) for value in (row.mean_ms, row.p50_ms, row.p95_ms, row.p99_ms, row.total_p95_ms)),
        percent(row.confidence, 1),
        percent(row.accuracy, 1),
        count(row.errors),
    ]
    return html.Tr(
        [html.Th(name, scope="row", className="model-cell"), *(html.Td(number) for number in numbers)],
        style={"--model": colour},
        **{"data-model": row.model},
    )


def _ensemble(stats: Stats) -> list[html.Tfoot]:
    """The accuracy of the models' mean probability, where it can be known."""
    if stats.ensemble_accuracy is None:
        return []
    before = [column[0] for column in COLUMNS].index("Accuracy")
    cells = [
        html.Th("ensemble", scope="row", className="model-cell", title="The class with the highest mean probability"),
        html.Td(colSpan=before),
        html.Td(percent(stats.ensemble_accuracy, 1)),
        html.Td(),
    ]
    return [html.Tfoot(html.Tr(cells))]
