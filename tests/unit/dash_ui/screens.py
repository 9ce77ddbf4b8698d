"""Opening a page without a browser and an API, and looking at what it is told."""

import json
from typing import Any

from dash_ui.asks import Answer, Ask, Asks
from dash_ui.board import Board
from dash_ui.client import ApiDown
from dash_ui.parts import Scene
from dash_ui.screen import Screen
from dash_ui.sessions import Session
from dash_ui.view import View


class NoApi:
    """Whatever is asked for never comes."""

    async def get(self, path: str, params: Any = ()) -> Any:
        raise ApiDown("refused")


def answered(asks: Asks, ask: Ask, answer: Answer) -> None:
    asks._answers[ask] = answer


def open_page(board: Board, url: str = "/", language: str = "en", api_url: str = "http://api") -> Screen:
    """A page that was just opened at a URL."""
    asks = Asks(NoApi(), set, lambda _: None)
    return Screen(Scene(board, Session(View.parse(url), language), asks, api_url))


def told(screen: Screen) -> dict[str, Any]:
    """What a page is told now: component id → the text and properties, as JSON."""
    return {component_id: json.dumps(props, ensure_ascii=False) for component_id, props in screen.updates()}
