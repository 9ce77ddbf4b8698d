"""What a person does on a page other than looking elsewhere: it comes as an order, and ends in a short message."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from dash import html

from dash_ui import notices
from dash_ui.client import API, ApiDown, ApiProblem
from dash_ui.hub import Hub
from dash_ui.language import say
from dash_ui.sessions import Held, Session
from dash_ui.texts import class_name, count

#: The API starts a program for a promotion.
PROMOTION_S = 60.0
#: What moves with every label.
FIGURES = f"{API}/stats"

Order = dict[str, Any]
Action = Callable[[Hub, Session, Order], Awaitable[str | None]]


async def act(hub: Hub, session_id: str, order: Order) -> html.P | None:
    """Do what a page asks for; the message that it shows, or nothing."""
    session, action = hub.find(session_id), ACTIONS.get(str(order.get("do")))
    if session is None or action is None:
        return None
    try:
        said = await action(hub, session, order)
    except (ApiDown, ApiProblem) as error:
        said = say("act.refused", why=notices.why(error))
    session.wake()
    # The key makes the same message twice two messages.
    return html.P(said, key=str(order.get("at"))) if said else None


async def pause(hub: Hub, session: Session, _order: Order) -> None:
    """Hold the page as it is."""
    session.held = Held(hub.board.races(), hub.board.taken)


async def resume(_hub: Hub, session: Session, _order: Order) -> None:
    """Catch up with what has come meanwhile."""
    session.held = None


async def reload(hub: Hub, _session: Session, order: Order) -> str:
    """Have the workers of a model look for a new version."""
    name = str(order["model"])
    await hub.mine().post(f"{API}/models/{quote(name, safe='')}/reload", {})
    hub.asks.refresh()
    return say("act.reload", model=name)


async def promote(hub: Hub, _session: Session, order: Order) -> str:
    """Have another registered version of a model serve."""
    name, version = str(order["model"]), str(order["version"])
    path = f"{API}/models/{quote(name, safe='')}/promote"
    answer = await hub.mine().post(path, {"version": version}, PROMOTION_S)
    hub.asks.refresh()
    return say("act.promoted" if answer["models"] else "act.promoted_only", model=name, version=version)


async def settle(hub: Hub, _session: Session, order: Order) -> str:
    """Retry or discard one dead letter."""
    await hub.mine().post(f"{API}/dead-letters/{int(order['id'])}/{order['do']}", {})
    hub.asks.refresh()
    return say("act.retried" if order["do"] == "retry" else "act.discarded")


async def retry_all(hub: Hub, _session: Session, _order: Order) -> str:
    """Retry every open dead letter; the API does a part at a time."""
    settled, refused = 0, 0
    where: dict[str, int | None] = {"after": 0}
    while where["after"] is not None:
        answer = await hub.mine().post(f"{API}/dead-letters/retry", where)
        settled, refused = settled + len(answer["settled"]), refused + len(answer["refused"])
        where = {"after": answer["next"], "through": answer["through"]}
    hub.asks.refresh()
    return say("act.retried_all", number=count(settled), refused=count(refused))


async def label(hub: Hub, session: Session, order: Order) -> str:
    """Say what an image shows."""
    image_id, name = str(order["image_id"]), str(order["label"])
    await hub.mine().post(f"{API}/images/{quote(image_id, safe='')}/label", {"label": name, "by": BY})
    session.labelled[image_id] = name
    hub.asks.refresh(FIGURES)
    return say("act.labelled", label=class_name(name))


async def label_all(hub: Hub, session: Session, order: Order) -> str:
    """Label several images at once; those that the API refuses stay in the queue."""
    wanted = {str(image_id): str(name) for image_id, name in dict(order["labels"]).items()}
    labels = [{"image_id": image_id, "label": name} for image_id, name in wanted.items()]
    answer = await hub.mine().post(f"{API}/labels", {"labels": labels, "by": BY})
    given = [str(one["image_id"]) for one in answer["results"] if one["status"] == 200]
    session.labelled.update({image_id: wanted[image_id] for image_id in given})
    hub.asks.refresh(FIGURES)
    return say("act.labelled_all", number=count(len(given)), refused=count(len(wanted) - len(given)))


async def pass_over(_hub: Hub, session: Session, order: Order) -> None:
    """Leave an image for later; the same order may come twice, before the next image does."""
    image_id = str(order["image_id"])
    if image_id not in session.passed:
        session.passed.append(image_id)


async def back(_hub: Hub, session: Session, _order: Order) -> None:
    """Bring back the image that was left for later last."""
    if session.passed:
        session.bring_back(session.passed.pop())


async def undo(hub: Hub, session: Session, _order: Order) -> str | None:
    """Take the last label back, and show its image again; without the API, everything stays as it is."""
    if not session.labelled:
        return None
    image_id = list(session.labelled)[-1]
    await hub.mine().delete(f"{API}/images/{quote(image_id, safe='')}/label", [("by", BY)])
    session.labelled.pop(image_id, None)
    session.bring_back(image_id)
    hub.asks.refresh(FIGURES)
    return say("act.undone")


#: Who labels, as the API stores it.
BY = "dashboard"
ACTIONS: dict[str, Action] = {
    "pause": pause,
    "resume": resume,
    "reload": reload,
    "promote": promote,
    "retry": settle,
    "discard": settle,
    "retry_all": retry_all,
    "label": label,
    "label_all": label_all,
    "pass": pass_over,
    "back": back,
    "undo": undo,
}
