"""The race card, the film strip and the messages: data in, components out."""

from collections.abc import Collection, Sequence
from typing import Any

from dash import html

from dash_ui import figures
from dash_ui.data import Answer, Race
from dash_ui.texts import NOTHING, ms, percent


def race_card(race: Race, models: Sequence[str], untrained: Collection[str], original: bool = False) -> html.Div:
    """One image, large, and its race: a lane per model in one common scale."""
    scale = figures.scale_for(race.answers)
    answers = {answer.model: answer for answer in race.answers}
    lanes = [
        _lane(name, answers.get(name), race, scale, figures.colour(name, models), name in untrained)
        for name in _in_order(race, models)
    ]
    return html.Div(
        [
            html.Div([picture(race, original), outcome(race)], className="race-image"),
            html.Div([_head(), *lanes, _foot(scale)], className="lanes"),
        ],
        className="race",
        **{"data-race": race.image_id},
    )


def picture(race: Race, original: bool) -> html.Figure:
    """The image itself; the original only where someone looks closely, the thumbnail while images fly by."""
    size = "original" if original else "thumb"
    said = f", labelled {race.label}" if race.label else ""
    return html.Figure(html.Img(src=f"/{size}/{race.image_id}", alt=f"The image of this race{said}"))


def outcome(race: Race) -> html.Div:
    """What the models say together, and whether it is right."""
    if race.pending:
        return html.Div([html.Span("Waiting for the models …", className="muted")], className="outcome")
    answer = race.consensus or "no majority"
    votes = round((race.agreement or 0) * len(race.answers))
    known = html.Span(["labelled ", html.B(race.label)]) if race.label else html.Span("not labelled", className="muted")
    return html.Div(
        [
            html.Div("Consensus", className="kicker"),
            html.Div([answer, *mark(race.consensus, race.label)], className="consensus"),
            html.Div([f"{percent(race.agreement)} agree ", html.Span(f"({votes} of {len(race.answers)})")]),
            html.Div(known),
        ],
        className="outcome",
    )


def mark(answer: str | None, label: str | None) -> list[html.Span]:
    """A tick or a cross, where the label is known."""
    if label is None:
        return []
    right = answer == label
    word = "right" if right else "wrong"
    return [html.Span("✓" if right else "✗", className=f"mark {word}", title=word, role="img")]


def film_strip(races: Sequence[Race], models: Sequence[str], pinned: str | None) -> list[html.Button]:
    """The newest images with their answers in short; the page's script pins the one that is clicked."""
    return [_frame(race, models, race.image_id == pinned) for race in races]


def _frame(race: Race, models: Sequence[str], pinned: bool) -> html.Button:
    answers = {answer.model: answer.prediction for answer in race.answers}
    lines = [
        html.Span(answers.get(name, NOTHING), className="say", style={"--model": figures.colour(name, models)})
        for name in _in_order(race, models)
    ]
    words = ", ".join(f"{name}: {answers.get(name, 'no answer')}" for name in _in_order(race, models))
    return html.Button(
        [
            html.Span([html.Img(src=f"/thumb/{race.image_id}", alt=""), *mark(race.consensus, race.label)]),
            *lines,
        ],
        key=race.image_id,
        className="frame pinned" if pinned else "frame",
        title=f"{words}. Click to pin.",
        type="button",
        **{"data-image": race.image_id, "aria-pressed": "true" if pinned else "false"},
    )


def _in_order(race: Race, models: Sequence[str]) -> list[str]:
    """Whose lanes to show: those that answered; while answers are missing, every model that is known."""
    if not race.complete:
        return [*models, *(name for name in race.models if name not in models)]
    return sorted(race.models, key=lambda name: models.index(name) if name in models else len(models))


def _head() -> html.Div:
    words = ("Model", "Stages", "Inference", "Total", "Answer", "Confidence")
    areas = ("name", "bar", "inference", "total", "answer", "confidence")
    return html.Div(
        [html.Span(word, className=f"at-{area}") for word, area in zip(words, areas, strict=True)],
        className="lane head",
    )


def _foot(scale: figures.Scale) -> html.Div:
    return html.Div([html.Div(figures.axis(scale), className="at-bar"), figures.legend()], className="lane foot")


def _lane(name: str, answer: Answer | None, race: Race, scale: figures.Scale, colour: str, untrained: bool) -> html.Div:
    guess = untrained or (answer is not None and not answer.trained)
    title = html.Div([html.Span(name, className="model"), *_untrained(guess)], className="at-name")
    badges = html.Div(_badges(name, answer, race), className="at-badges")
    cells = [_silence(name, race)] if answer is None else _result(answer, race, scale)
    return html.Div(
        [title, badges, *cells],
        key=name,
        className="lane",
        style={"--model": colour},
        **{"data-model": name, "data-state": _state(answer)},
    )


def _state(answer: Answer | None) -> str:
    return "silent" if answer is None else "answered"


def _result(answer: Answer, race: Race, scale: figures.Scale) -> list[Any]:
    return [
        html.Div(figures.stage_bar(answer, scale), className="at-bar"),
        html.Span([html.B(ms(answer.stages["inference"])), " ms"], className="at-inference number"),
        html.Span([ms(answer.total_ms), " ms"], className="at-total number"),
        html.Span([html.Span(answer.prediction), *mark(answer.prediction, race.label)], className="at-answer"),
        html.Span(
            [
                percent(answer.confidence),
                html.I(html.I(style={"width": f"{answer.confidence * 100:.0f}%"}), className="meter"),
            ],
            className="at-confidence number",
        ),
    ]


def _silence(name: str, race: Race) -> html.Span:
    """Why a lane is empty, in words."""
    if name in race.dead:
        words = "could not do this image: it is in the dead letters"
    elif name in race.shed:
        words = "was behind, and left this frame out"
    else:
        words = "working …" if race.pending else "no answer in time"
    return html.Span(words, className="at-bar muted")


def _badges(name: str, answer: Answer | None, race: Race) -> list[html.Span]:
    badges = []
    if name == race.fastest:
        badges.append(_badge("fastest", "fast", "The smallest inference time"))
    if name == race.most_confident:
        badges.append(_badge("most confident", "sure", "The highest confidence"))
    if answer is not None and answer.bypassed:
        badges.append(_badge("outside the lane", "warn", "Ran beside other models: its time is not compared"))
    return badges


def _untrained(guess: bool) -> list[html.Span]:
    why = "Its weights are freshly initialised: its answers are guesses"
    return [_badge("untrained", "warn", why)] if guess else []


def _badge(word: str, kind: str, title: str) -> html.Span:
    return html.Span(html.Span(word), className=f"badge {kind}", title=title)
