"""Whether a page is still there: it is asked, and what becomes of one that does not answer or has left."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from dash.exceptions import WebsocketDisconnected

from dash_ui import live
from dash_ui.live import LOST_PROBES, _watch


class Page:
    """A page that answers as it is told, and has left when it has nothing more to say."""

    def __init__(self, *answers: type[Exception] | None) -> None:
        self.answers, self.asleep, self.closed = list(answers), list[bool](), 0
        self.session: Any = SimpleNamespace(asleep=False, close=self._close)

    async def get_prop(self, *_: str, timeout: float) -> str:
        self.asleep.append(self.session.asleep)
        answer = self.answers.pop(0) if self.answers else WebsocketDisconnected
        if answer:
            raise answer
        return "page-1"

    def _close(self) -> None:
        self.closed += 1


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PROBE_S", 0)


async def watched(page: Page) -> None:
    async with asyncio.timeout(5):
        await _watch(page, page.session)


async def test_a_page_whose_connection_has_ended_is_gone() -> None:
    page = Page(None, None)
    await watched(page)
    assert (len(page.asleep), page.closed) == (3, 1)


async def test_a_page_that_does_not_answer_sleeps_until_it_does() -> None:
    page = Page(TimeoutError, None, None)
    await watched(page)
    assert (page.asleep, page.closed) == ([False, True, False, False], 1)


async def test_a_page_that_never_answers_is_gone() -> None:
    page = Page(*[TimeoutError] * 2 * LOST_PROBES)
    await watched(page)
    assert (len(page.asleep), page.closed) == (LOST_PROBES, 1)
