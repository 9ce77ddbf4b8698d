"""The review page: images on which the models differ or are unsure, labelled by hand, mostly from the keyboard."""

from collections.abc import Iterable, Sequence

from dash import html
from dash.development.base_component import Component

from dash_ui import asks, cards, controls, notices, strip
from dash_ui.asks import Ask
from dash_ui.board import Board
from dash_ui.data import Race
from dash_ui.language import say
from dash_ui.parts import Part, Scene, tree
from dash_ui.texts import class_name, count, percent
from dash_ui.tree import Tree
from dash_ui.view import View

#: Which images come first: those that the models disagree on, those they are least sure of, or the newest.
ORDERS = ("disagreement", "doubt", "newest")
#: Images without a label that are looked through for the next ones; older ones are a page further.
SEEN = 100
#: Images that are shown beside the one in question.
QUEUE = 12
KEYS = "123456789"


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
    """Images to look through."""
    yield _page(view)


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
    yield tree("review-tools", (view, done, _accuracy(board)), lambda: _tools(view, done, board))
    older = answer.data["next"] if answer and answer.data else None
    looked = (race, answer and answer.error, answer is None, older)
    yield tree("review-image", looked, lambda: _image(scene, race, answer))
    yield tree("review-classes", (race and race.image_id, tuple(board.classes)), lambda: _classes(race, board.classes))
    agreed = {one.image_id: one.consensus for one in waiting[:QUEUE] if one.consensus}
    yield tree("review-all", (agreed, len(waiting), older, view), lambda: [_left(len(waiting), older), *_all(agreed)])
    yield tree("review-pages", (older, view, not waiting), lambda: _paging(view, older, not waiting))
    state = ([one.image_id for one in waiting[:QUEUE]], race and race.image_id, board.revisions.models)
    yield tree("review-queue", state, lambda: _queue(view, waiting[:QUEUE], race, board))


def queue(scene: Scene, answer: asks.Answer | None) -> list[Race]:
    """The images without a label, the most worthwhile first, before them those whose label was taken back.

    Those just labelled or passed over are left out.
    """
    if answer is None or answer.data is None:
        return []
    order = scene.view.pick("order", ORDERS)
    session = scene.session
    items = [item for item in answer.data["images"] if item.get("verdict") and not item["image"].get("label")]
    races = [(Race.from_image(item), float(item["verdict"].get("disagreement") or 0)) for item in items]
    again = [each for each in session.again if each in session.reviewed and each not in session.labelled]
    done = session.labelled.keys() | session.passed | set(again)
    races = [(race, differ) for race, differ in races if race.image_id not in done and race.answers]
    if order == "disagreement":
        races.sort(key=lambda pair: -pair[1])
    elif order == "doubt":
        races.sort(key=lambda pair: doubt(pair[0]))
    return [*(session.reviewed[each] for each in again), *(race for race, _ in races)]


def doubt(race: Race) -> float:
    """How sure the surest model is, from 0 to 1: small means that nobody knows."""
    return max(answer.confidence for answer in race.answers)


def _tools(view: View, done: int, board: Board) -> list[Component]:
    orders = {name: say(f"review.{name}") for name in ORDERS}
    undo = controls.button(say("review.undo"), {"do": "undo"}, className="small quiet")
    setattr(undo, "data-key", "u")
    return [
        html.Span(say("review.done", n=done, number=count(done)), className="muted", role="status"),
        html.Span(_accuracy(board), className="muted accuracy"),
        *([undo] if done else []),
        controls.segments(View.parse(view.url(image=None)), "order", orders, say("review.order")),
    ]


def _accuracy(board: Board) -> str:
    """The accuracy of each model now, which moves when one labels."""
    rows = board.stats.models if board.stats else ()
    return " · ".join(f"{row.model} {percent(row.accuracy, 1)}" for row in rows if row.accuracy is not None)


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


def _classes(race: Race | None, classes: Sequence[str]) -> Component | None:
    """A button for each class with its key; the answers of the models first when there are too many for keys."""
    if race is None:
        return None
    said = list(dict.fromkeys(answer.prediction for answer in race.answers))
    shown = list(classes) if len(classes) <= len(KEYS) + 1 else [*said, *(name for name in classes if name not in said)]
    keys = KEYS + "0"
    buttons = [
        _class(race, name, keys[number] if number < len(keys) else "", name in said)
        for number, name in enumerate(shown[:40])
    ]
    step = controls.button(say("review.skip"), {"do": "pass", "image_id": race.image_id}, className="small quiet")
    setattr(step, "data-key", "ArrowRight")
    hint = html.P(say("review.hint"), className="muted hint-line")
    return html.Div(
        [html.Div([*buttons, step], className="classes", role="group", **{"aria-label": say("review.classes")}), hint]
    )


def _class(race: Race, name: str, key: str, said: bool) -> html.Button:
    button = controls.button(
        "", {"do": "label", "image_id": race.image_id, "label": name}, className="small" if said else "small quiet"
    )
    button.children = [html.Kbd(key), " ", class_name(name)] if key else class_name(name)
    if key:
        setattr(button, "data-key", key)
    return button


def _all(agreed: dict[str, str]) -> list[Component]:
    """Labelling all that are shown as most of the models say."""
    words = say("review.all", n=len(agreed), number=count(len(agreed)))
    return [controls.asked(words, {"do": "label_all", "labels": agreed}, say("review.confirm_all"))] if agreed else []


def _queue(view: View, waiting: Sequence[Race], race: Race | None, board: Board) -> list[Component]:
    return [
        strip.frame(one, board.models, race is not None and one.image_id == race.image_id, view.url(image=one.image_id))
        for one in waiting
    ]
