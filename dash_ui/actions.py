"""What a person does on a page other than looking elsewhere: it comes as an order, and ends in a short message."""

from collections.abc import Awaitable, Callable
from typing import Any

from dash_ui.hub import Hub
from dash_ui.sessions import Held, Session

Order = dict[str, Any]
Action = Callable[[Hub, Session, Order], Awaitable[Any]]


async def act(hub: Hub, session_id: str, order: Order) -> Any:
    """Do what a page asks for; the message that it shows, or nothing."""
    session, action = hub.find(session_id), ACTIONS.get(str(order.get("do")))
    if session is None or action is None:
        return None
    said = await action(hub, session, order)
    session.wake()
    return said


async def pause(hub: Hub, session: Session, _order: Order) -> None:
    """Hold the page as it is."""
    session.held = Held(tuple(hub.board.latest(session.view.get("camera"))), hub.board.taken)


async def resume(_hub: Hub, session: Session, _order: Order) -> None:
    """Catch up with what has come meanwhile."""
    session.held = None


ACTIONS: dict[str, Action] = {"pause": pause, "resume": resume}
