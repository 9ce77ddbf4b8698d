"""What one page has been told, and what it has to be told now: only the parts that changed."""

from collections.abc import Iterable, Iterator
from json import dumps
from typing import Any

from dash_ui import notices, pages
from dash_ui.language import speaking
from dash_ui.parts import Part, Scene, tree
from dash_ui.texts import age

#: What one refresh may carry, with some room for its envelope.
MAX_BYTES = 18_000

Update = tuple[str, dict[str, Any]]


class Screen:
    """One open page. `updates` compares what each part shows with what it was last told."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._told: dict[str, Any] = {}
        self._late: dict[str, int] = {}
        self._pulse = 0

    def updates(self) -> list[Update]:
        """(component id, properties) of each part that changed, and a pulse: the dashboard is alive."""
        self._pulse += 1
        with speaking(self.scene.session.language):
            parts = [self._link(), self._banner(), self._note(), *pages.parts(self.scene)]
            return [*self._changed(parts), ("pulse", {"data": self._pulse})]

    def _changed(self, parts: Iterable[Part]) -> Iterator[Update]:
        """Those that changed, as many as one refresh may carry; the others go first in the next one, in a moment."""
        new = [part for part in parts if part[0] not in self._told or self._told[part[0]] != part[1]]
        new.sort(key=lambda part: self._late.get(part[0], len(self._late)))
        self._late, sent = {}, 0
        for number, (component_id, state, props) in enumerate(new):
            update = props()
            sent += len(dumps(update))
            if sent > MAX_BYTES and number:
                self._late = {part[0]: place for place, part in enumerate(new[number:])}
                self.scene.session.wake()
                return
            self._told[component_id] = state
            yield component_id, update

    def _link(self) -> Part:
        link = self.scene.board.link
        return tree("link", link.state, lambda: notices.link_badge(link))

    def _banner(self) -> Part:
        link, data_age = self.scene.board.link, self.scene.board.data_age_s()
        state = (True, data_age and age(data_age)) if link.state == "down" else None
        return tree("banner", state, lambda: notices.banner(link, self.scene.api_url, data_age))

    def _note(self) -> Part:
        board = self.scene.board
        untrained = [model for model in board.models if model in board.untrained]
        failed = dict(board.reload_errors)
        notes = lambda: [*notices.untrained_note(untrained), *notices.reload_notes(failed)]  # noqa: E731
        return tree("note", (untrained, failed), notes)
