"""Tables and diagrams of who says what, in colours that grow with the number. Data in, components out."""

from collections import Counter
from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from dash_ui import controls, figures, matrices
from dash_ui.board import Board
from dash_ui.language import say
from dash_ui.matrices import Bin, Comparison
from dash_ui.texts import NOTHING, class_name, count, percent
from dash_ui.tree import Element
from dash_ui.view import View

#: The side of a reliability diagram, and the room for its numbers: left of it, and above it half a line of them.
SIDE, EDGE, TOP = 240, 80, 16
#: Classes of a confusion matrix at most: those that come most often.
MOST = 12


def legend(models: Sequence[str]) -> html.Div:
    """The colours of the models."""
    names = [html.Span(name, className="model", style={"--model": figures.colour(name, models)}) for name in models]
    return html.Div(names, className="model-legend")


def agreement(compared: Comparison, models: Sequence[str]) -> html.Table:
    """On how many images two models say the same."""
    head = html.Tr([html.Td(), *(html.Th(name, scope="col") for name in models)])
    rows = [
        html.Tr([html.Th(one, scope="row"), *(_share(compared.agree(one, other)) for other in models)])
        for one in models
    ]
    return html.Table([html.Thead(head), html.Tbody(rows)], className="heat")


def _share(value: float | None) -> html.Td:
    return html.Td(percent(value), style={"--heat": f"{(value or 0) * 100:.0f}%"})


def models(view: View, chosen: str, names: Sequence[str]) -> html.Nav:
    """Which model's mistakes to see."""
    return controls.segments(
        View.parse(view.url(model=chosen)), "model", {name: name for name in names}, say("stats.model")
    )


def confusion(compared: Comparison, model: str, board: Board) -> Component:
    """What is taken for what: a row for each class that an image has, a column for each that the model says."""
    counts = Counter(compared.confusion.get(model, {}))
    if not counts:
        return html.P(say("compare.no_labels"), className="muted no-figures")
    seen = {name for pair in counts for name in pair}
    order = [name for name in board.classes if name in seen] + sorted(seen - set(board.classes))
    classes = sorted(order, key=lambda name: -sum(counts[pair] for pair in counts if name in pair))[:MOST]
    classes = [name for name in order if name in classes]
    head = html.Tr([html.Td(), *(html.Th(class_name(name), scope="col") for name in classes)])
    rows = [_mistakes(name, [counts[name, said] for said in classes]) for name in classes]
    return html.Table([html.Thead(head), html.Tbody(rows)], className="heat")


def _mistakes(name: str, counts: Sequence[int]) -> html.Tr:
    most = sum(counts) or 1
    cells = [html.Td(count(each) if each else "", style={"--heat": f"{each / most * 100:.0f}%"}) for each in counts]
    return html.Tr([html.Th(class_name(name), scope="row"), *cells])


def calibration(compared: Comparison, models: Sequence[str]) -> html.Div:
    """Each model's reliability diagram: on the line, it is right as often as it says."""
    return html.Div(
        [_reliability(compared.bins.get(name, ()), name, models) for name in models], className="reliability"
    )


def _reliability(bins: Sequence[Bin], name: str, models: Sequence[str]) -> html.Div:
    error = matrices.calibration_error(bins)
    words = say("compare.ece", error=NOTHING if error is None else percent(error, 1))
    title = html.Div([html.Span(name, className="model"), html.Span(words, className="muted")])
    return html.Div([title, _diagram(bins, name, words)], style={"--model": figures.colour(name, models)})


def _diagram(bins: Sequence[Bin], name: str, words: str) -> Element:
    most = max((each.answers for each in bins), default=1)
    dots = [
        Element(
            "circle",
            {
                "cx": round(EDGE + SIDE * each.confidence, 1),
                "cy": round(TOP + SIDE * (1 - each.accuracy), 1),
                "r": round(3 + 7 * (each.answers / most) ** 0.5, 1),
                "className": "dot",
            },
        )
        for each in bins
    ]
    marks = [
        part
        for share in (0.0, 0.5, 1.0)
        for part in (
            Element("text", {"x": EDGE - 6, "y": TOP + 6 + SIDE * (1 - share), "textAnchor": "end"}, [percent(share)]),
            Element("text", {"x": EDGE + SIDE * share, "y": TOP + SIDE + 26, "textAnchor": "middle"}, [percent(share)]),
        )
    ]
    frame = Element("rect", {"x": EDGE, "y": TOP, "width": SIDE, "height": SIDE, "className": "box"})
    ideal = Element("line", {"x1": EDGE, "y1": TOP + SIDE, "x2": EDGE + SIDE, "y2": TOP})
    box = {
        "viewBox": f"0 0 {EDGE + SIDE + 40} {TOP + SIDE + 32}",
        "className": "chart",
        "role": "img",
        "aria-label": f"{name}: {words}",
    }
    return Element("svg", box, [frame, ideal, *marks, *dots])
