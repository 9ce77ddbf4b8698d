"""The pages: each a module with its frame, its parts, and what it asks the API for."""

from collections.abc import Iterable, Mapping
from typing import Protocol, cast

from dash.development.base_component import Component

from dash_ui.asks import Ask
from dash_ui.board import Board
from dash_ui.pages import compare, images, live, models, review, system
from dash_ui.parts import Part, Scene
from dash_ui.view import View


class Page(Protocol):
    """What each module of this package offers."""

    def frame(self) -> list[Component]:
        """What of the page never changes, with the places of its parts."""

    def parts(self, scene: Scene) -> Iterable[Part]:
        """What the page shows now."""

    def wants(self, view: View, board: Board) -> Iterable[Ask]:
        """What has to be asked for."""


_MODULES = {"live": live, "compare": compare, "images": images, "review": review, "models": models, "system": system}
#: By the names in URLs, in the order of the navigation.
ALL: Mapping[str, Page] = {name: cast(Page, module) for name, module in _MODULES.items()}


def wants(view: View, board: Board) -> Iterable[Ask]:
    """What has to be asked for to show this view."""
    return ALL[view.page].wants(view, board)


def parts(scene: Scene) -> Iterable[Part]:
    """What the page of this scene shows now."""
    return ALL[scene.view.page].parts(scene)
