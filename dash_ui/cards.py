"""The race card: data in, components out."""

from collections.abc import Collection, Sequence
from typing import Any

from dash import html

from dash_ui import figures
from dash_ui.data import Answer, Race
from dash_ui.language import say
from dash_ui.texts import class_name, ms, percent


def race_card(race: Race, models: Sequence[str], untrained: Collection[str], original: bool = False) -> html.Div:
    """One image, large, and its race: a lane per model in one common scale."""
    scale = figures.scale_for(race.answers)
    answers = {answer.model: answer for answer in race.answers}
    lanes = [
        _lane(name, answers.get(name), race, scale, figures.colour(name, models), name in untrained)
        for name in in_order(race, models)
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
    said = say("race.alt_labelled", label=class_name(race.label)) if race.label else say("race.alt")
    return html.Figure(html.Img(src=f"/{size}/{race.image_id}", alt=said))


def outcome(race: Race) -> html.Div:
    """What the models say together, and whether it is right."""
    if race.pending:
        return html.Div([html.Span(say("race.waiting"), className="muted")], className="outcome")
    answer = class_name(race.consensus) if race.consensus else say("race.no_majority")
    votes = round((race.agreement or 0) * len(race.answers))
    label = [say("race.labelled"), html.B(class_name(race.label))] if race.label else say("race.not_labelled")
    agree = [say("race.agree", share=percent(race.agreement)), html.Span(_votes(votes, race))]
    return html.Div(
        [
            html.Div(say("race.consensus"), className="kicker"),
            html.Div([answer, *mark(race.consensus, race.label)], className="consensus"),
            html.Div(agree),
            html.Div(html.Span(label)),
        ],
        className="outcome",
    )


def _votes(votes: int, race: Race) -> str:
    return say("race.votes", votes=votes, answers=len(race.answers))


def mark(answer: str | None, label: str | None) -> list[html.Span]:
    """A tick or a cross, where the label is known."""
    if label is None:
        return []
    right = answer == label
    word = "right" if right else "wrong"
    spoken = say("race.right" if right else "race.wrong")
    return [html.Span("✓" if right else "✗", className=f"mark {word}", title=spoken, role="img")]


def in_order(race: Race, models: Sequence[str]) -> list[str]:
    """Whose lanes to show: those that answered; while answers are missing, every model that is known."""
    if not race.complete:
        return [*models, *(name for name in race.models if name not in models)]
    return sorted(race.models, key=lambda name: models.index(name) if name in models else len(models))


def _head() -> html.Div:
    areas = {"name": "model", "bar": "stages"} | {word: word for word in ("inference", "total", "answer", "confidence")}
    return html.Div(
        [html.Span(say(f"lane.{word}"), className=f"at-{area}") for area, word in areas.items()],
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
        html.Span(
            [_short("inference"), html.B(ms(answer.stages["inference"])), " ms"], className="at-inference number"
        ),
        html.Span([_short("total"), ms(answer.total_ms), " ms"], className="at-total number"),
        html.Span(
            [html.Span(class_name(answer.prediction)), *mark(answer.prediction, race.label)], className="at-answer"
        ),
        html.Span(
            [
                percent(answer.confidence),
                html.I(html.I(style={"width": f"{answer.confidence * 100:.0f}%"}), className="meter"),
            ],
            className="at-confidence number",
        ),
    ]


def _short(name: str) -> html.Span:
    """What a number is, where the head of the columns is left out."""
    return html.Span(say(f"lane.{name}_short"), className="short")


def _silence(name: str, race: Race) -> html.Span:
    """Why a lane is empty, in words."""
    if name in race.dead:
        words = say("race.dead")
    elif name in race.shed:
        words = say("race.shed")
    else:
        words = say("race.working" if race.pending else "race.late")
    return html.Span(words, className="at-bar muted")


def _badges(name: str, answer: Answer | None, race: Race) -> list[html.Span]:
    badges = []
    if name == race.fastest:
        badges.append(badge("fastest", "fast"))
    if name == race.most_confident:
        badges.append(badge("confident", "sure"))
    if answer is not None and answer.bypassed:
        badges.append(badge("bypassed", "warn"))
    return badges


def _untrained(guess: bool) -> list[html.Span]:
    return [badge("untrained", "warn")] if guess else []


def badge(name: str, kind: str) -> html.Span:
    """A short word about a model; pointing at it says more."""
    return html.Span(html.Span(say(f"badge.{name}")), className=f"badge {kind}", title=say(f"badge.{name}_why"))
