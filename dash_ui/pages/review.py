"""The review page: images on which the models differ or are unsure, labelled by hand, mostly from the keyboard."""

from collections.abc import Iterable, Sequence

from dash import html
from dash.development.base_component import Component

from dash_ui import answers, asks, cards, controls, notices, past, strip, totals
from dash_ui.asks import Ask
from dash_ui.board import Board
from dash_ui.data import Race
from dash_ui.language import say
from dash_ui.parts import Part, Scene, tree
from dash_ui.texts import count, percent
from dash_ui.tree import Tree
from dash_ui.view import View

#: Which images come first: those that the models disagree on, those they are least sure of, or the newest.
ORDERS = ("disagreement", "doubt", "newest")
#: Images without a label that are looked through for the next ones; older ones are a page further.
SEEN = 100
#: Images that are shown beside the one in question.
QUEUE = 12
#: Labels come late: the window that the accuracy is of, as `past` names it.
WINDOW = "24h"


def frame() -> list[Component]:
    """The image in question, its classes and the queue, still empty."""
    head = html.Div([html.H2(say("review.heading")), Tree("review-tools", className="tools")], className="section-head")
    return [
        html.Section(
            [head, Tree("review-image"), Tree("review-classes")],
            className="card",
            **{"aria-label": say("review.heading")},
        ),
        html.Section(
            [
                html.Div(
                    [html.H2(say("review.queue")), Tree("review-all", className="tools")], className="section-head"
                ),
                Tree("review-queue", className="strip"),
                html.Nav(Tree("review-pages", className="paging"), **{"aria-label": say("images.pages")}),
            ],
            className="card",
            **{"aria-label": say("review.queue")},
        ),
    ]


def wants(view: View, _board: Board) -> Iterable[Ask]:
    """Images to look through, and what the models have made of those with a label."""
    yield _page(view)
    yield past.ask(WINDOW)


def _page(view: View) -> Ask:
    return asks.unlabelled(SEEN, view.get("before"))


def parts(scene: Scene) -> Iterable[Part]:
    """What the page shows now."""
    view, board, session = scene.view, scene.board, scene.session
    answer = scene.answer(_page(view))
    waiting = queue(scene, answer)
    session.show(waiting[:QUEUE])
    chosen = [race for race in waiting if race.image_id == view.get("image")]
    race = next(iter([*chosen, *waiting]), None)
    done = len(session.labelled)
    accuracy = _accuracy(scene)
    yield tree("review-tools", (view, done, accuracy), lambda: _tools(view, done, accuracy))
    older = answer.data["next"] if answer and answer.data else None
    looked = (race, answer and answer.error, answer is None, older)
    yield tree("review-image", looked, lambda: _image(scene, race, answer))
    choice = (race and race.image_id, tuple(board.classes), bool(session.passed))
    yield tree("review-classes", choice, lambda: answers.buttons(race, board.classes, bool(session.passed)))
    agreed = {one.image_id: one.consensus for one in waiting[:QUEUE] if one.consensus}
    yield tree("review-all", (agreed, len(waiting), older, view), lambda: [_left(len(waiting), older), *_all(agreed)])
    yield tree("review-pages", (older, view, not waiting), lambda: _paging(view, older, not waiting))
    state = ([one.image_id for one in waiting[:QUEUE]], race and race.image_id, board.revisions.models)
    yield tree("review-queue", state, lambda: _queue(view, waiting[:QUEUE], race, board))


def queue(scene: Scene, answer: asks.Answer | None) -> list[Race]:
    """The images without a label, the most worthwhile first, before them those that were brought back.

    Those just labelled or passed over are left out.
    """
    if answer is None or answer.data is None:
        return []
    order = scene.view.pick("order", ORDERS)
    session = scene.session
    items = [item for item in answer.data["images"] if item.get("verdict") and not item["image"].get("label")]
    races = [(Race.from_image(item), float(item["verdict"].get("disagreement") or 0)) for item in items]
    done = session.labelled.keys() | set(session.passed)
    again = [each for each in session.again if each in session.reviewed and each not in done]
    done |= set(again)
    races = [(race, differ) for race, differ in races if race.image_id not in done and race.answers]
    if order == "disagreement":
        races.sort(key=lambda pair: -pair[1])
    elif order == "doubt":
        races.sort(key=lambda pair: doubt(pair[0]))
    return [*(session.reviewed[each] for each in again), *(race for race, _ in races)]


def doubt(race: Race) -> float:
    """How sure the surest model is, from 0 to 1: small means that nobody knows."""
    return max(answer.confidence for answer in race.answers)


def _tools(view: View, done: int, accuracy: str) -> list[Component]:
    orders = {name: say(f"review.{name}") for name in ORDERS}
    undo = controls.button(say("review.undo"), {"do": "undo"}, className="small quiet")
    setattr(undo, "data-key", "u")
    return [
        html.Span(say("review.done", n=done, number=count(done)), className="muted", role="status"),
        html.Span(accuracy, className="muted accuracy"),
        *([undo] if done else []),
        controls.segments(View.parse(view.url(image=None)), "order", orders, say("review.order")),
    ]


def _accuracy(scene: Scene) -> str:
    """The accuracy of each model in the window, which moves when one labels; nothing while there is none."""
    answer = scene.board.histories.newest(scene.answer, WINDOW)
    models = totals.of(answer.data) if answer and answer.data else []
    shares = [f"{model.model} {percent(model.accuracy, 1)}" for model in models if model.accuracy is not None]
    labels = max((model.labelled for model in models), default=0)
    return say("review.accuracy", n=labels, number=count(labels), shares=" · ".join(shares)) if shares else ""


def _image(scene: Scene, race: Race | None, answer: asks.Answer | None) -> Component:
    if race is not None:
        board = scene.board
        return cards.race_card(race, board.models, board.untrained, original=True)
    if answer is None:
        return notices.loading()
    if answer.data is None:
        return notices.failed(answer.error)
    words = "review.empty_more" if answer.data["next"] else "review.empty_all"
    return html.Div([html.H3(say("review.empty")), html.P(say(words))], className="empty")


def _left(waiting: int, older: str | None) -> html.Span:
    """How many are left; with older ones still to come it is not known."""
    words = "review.left_more" if older else "review.left"
    return html.Span(say(words, n=waiting, number=count(waiting)), className="muted", role="status")


def _paging(view: View, older: str | None, done: bool) -> list[Component]:
    """The way to older images, also by the key for "later" when these are done, and back to the newest."""
    view = View.parse(view.url(image=None))
    newest = html.A(say("images.newest"), href=view.url(before=None), className="button quiet small")
    more = html.A(
        say("images.older"), href=view.url(before=older), className="button small" if done else "button quiet small"
    )
    if done:
        setattr(more, "data-key", "ArrowRight")
    return [*([newest] if view.get("before") else []), *([more] if older else [])]


def _all(agreed: dict[str, str]) -> list[Component]:
    """Labelling all that are shown as most of the models say."""
    words = say("review.all", n=len(agreed), number=count(len(agreed)))
    return [controls.asked(words, {"do": "label_all", "labels": agreed}, say("review.confirm_all"))] if agreed else []


def _queue(view: View, waiting: Sequence[Race], race: Race | None, board: Board) -> list[Component]:
    return [
        strip.frame(one, board.models, race is not None and one.image_id == race.image_id, view.url(image=one.image_id))
        for one in waiting
    ]
