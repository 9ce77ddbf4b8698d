"""What one page has been told, and what it has to be told now: only the parts that changed."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from dash_ui import cards, notices, table
from dash_ui.board import Board
from dash_ui.data import Race
from dash_ui.sessions import Session
from dash_ui.texts import age
from dash_ui.tree import elements

Update = tuple[str, dict[str, Any]]
SOURCE_WORDS = {"cifar10": "CIFAR-10"}
# An image that stays this long is worth its original; those that fly by are shown as thumbnails.
SETTLED_S = 1.0


# Component id, what it shows in a form that can be compared, and its properties, made only when that has changed.
Part = tuple[str, Any, Callable[[], dict[str, Any]]]


def _tree(component_id: str, state: Any, content: Callable[[], Any]) -> Part:
    return component_id, state, lambda: {"tree": elements(content())}


class Screen:
    """The parts of one page. `updates` compares what each part shows with what it was last told."""

    def __init__(self, board: Board, session: Session, api_url: str) -> None:
        self.board, self.session, self.api_url = board, session, api_url
        self._told: dict[str, Any] = {}
        self._pulse = 0
        self._shown_since = ("", 0.0)

    def updates(self) -> list[Update]:
        """(component id, properties) of each part that changed, and a pulse: the dashboard is alive."""
        self._pulse += 1
        parts = [
            self._link(),
            self._banner(),
            self._note(),
            *self._heading(),
            self._race(),
            self._strip(),
            self._table(),
        ]
        return [*self._changed(parts), ("pulse", {"data": self._pulse})]

    def _changed(self, parts: list[Part]) -> Iterator[Update]:
        for component_id, state, props in parts:
            if component_id not in self._told or self._told[component_id] != state:
                self._told[component_id] = state
                yield component_id, props()

    # -- the connection ----------------------------------------------------------------------------
    def _link(self) -> Part:
        link = self.board.link
        return _tree("link", link.state, lambda: notices.link_badge(link))

    def _banner(self) -> Part:
        link, data_age = self.board.link, self.board.data_age_s()
        state = (link.state == "down", data_age and age(data_age)) if link.state == "down" else None
        return _tree("banner", state, lambda: notices.banner(link, self.api_url, data_age))

    def _note(self) -> Part:
        untrained = [model for model in self.board.models if model in self.board.untrained]
        return _tree("note", untrained, lambda: notices.untrained_note(untrained))

    # -- the race ----------------------------------------------------------------------------------
    @property
    def _shown(self) -> Race | None:
        return self.board.race(self.session.pinned) if self.session.pinned else self.board.newest

    def _heading(self) -> list[Part]:
        pinned = bool(self.session.pinned)
        title = "Pinned image" if pinned else "Newest image"
        meta = origin(self._shown) if self._shown else ""
        return [
            ("race-title", title, lambda: {"children": title}),
            ("race-meta", meta, lambda: {"children": meta}),
            ("follow", pinned, lambda: {"hidden": not pinned}),
        ]

    def _race(self) -> Part:
        race, pinned, board = self._shown, self.session.pinned, self.board
        if race is not None:
            original = self._settled(race)
            state = (race, board.revisions.models, original)
            return _tree("race", state, lambda: cards.race_card(race, board.models, board.untrained, original))
        if pinned and self.session.missing and self.session.missing[0] == pinned:
            why = self.session.missing[1]
            return _tree("race", why, lambda: notices.missing(why))
        if pinned or board.link.state == "connecting":
            return _tree("race", "loading", notices.loading)
        down = board.link.state != "live"
        return _tree("race", ("waiting", down), lambda: notices.waiting(down))

    def _settled(self, race: Race) -> bool:
        """Whether the image shown has been there for a while (and its original can be had)."""
        now = time.monotonic()
        if self._shown_since[0] != race.image_id:
            self._shown_since = (race.image_id, now)
        stays = race.image_id == self.session.pinned or now - self._shown_since[1] >= SETTLED_S
        return stays and self.board.link.state == "live"

    def _strip(self) -> Part:
        board, pinned = self.board, self.session.pinned
        state = (board.revisions.races, board.revisions.models, pinned)
        return _tree("strip", state, lambda: cards.film_strip(board.strip(), board.models, pinned))

    # -- the figures -------------------------------------------------------------------------------
    def _table(self) -> Part:
        board, stats = self.board, self.board.stats.get(self.session.window)
        if stats is None or not stats.models:
            words = "No model has answered yet." if stats else "Waiting for the figures …"
            return _tree("stats", words, lambda: notices.no_figures(words))
        state = (self.session.window, board.revisions.stats, board.revisions.models)
        return _tree("stats", state, lambda: table.stats_table(stats, board.models, board.untrained))


def origin(race: Race) -> str:
    """Where an image comes from and how long ago it came, in one line."""
    seconds = (datetime.now(UTC) - race.timestamp).total_seconds()
    source = SOURCE_WORDS.get(race.source, race.source)
    camera = f"camera {race.camera_id}" if race.camera_id else ""
    return " · ".join(word for word in (source, camera, age(seconds)) if word)
