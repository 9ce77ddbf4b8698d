"""The parts that a page is told of: each is sent only when what it shows has changed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dash_ui.asks import Answer, Ask, Asks
from dash_ui.board import Board
from dash_ui.sessions import Session
from dash_ui.tree import elements
from dash_ui.view import View

# Component id, what it shows in a form that can be compared, and its properties, made only when that has changed.
Part = tuple[str, Any, Callable[[], dict[str, Any]]]


def tree(component_id: str, state: Any, content: Callable[[], Any]) -> Part:
    """A part of elements; `content` makes them."""
    return component_id, state, lambda: {"tree": elements(content())}


def prop(component_id: str, name: str, value: Any) -> Part:
    """A property of a component."""
    return component_id, value, lambda: {name: value}


@dataclass(frozen=True)
class Scene:
    """What the parts of a page are made from."""

    board: Board
    session: Session
    asks: Asks
    api_url: str

    @property
    def view(self) -> View:
        """What the page shows."""
        return self.session.view

    def answer(self, ask: Ask) -> Answer | None:
        """The newest answer to an ask; None before the first."""
        return self.asks.answer(ask)
