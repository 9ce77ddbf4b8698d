from collections.abc import AsyncIterator
from typing import Any

import pytest

from dash_ui.actions import act
from dash_ui.asks import Answer
from dash_ui.client import ApiDown, ApiProblem
from dash_ui.hub import Hub
from dash_ui.pages import review
from dash_ui.parts import Scene
from dash_ui.sessions import Session
from dash_ui.view import View
from tests.support.fake_races import FakeWorld
from tests.unit.dash_ui.pieces import text


class Orders:
    """Notes what is posted; answers with what is prepared, or refuses."""

    url = "http://orders"

    def __init__(self) -> None:
        self.posted: list[tuple[str, Any]] = []
        self.answers: list[Any] = []

    async def delete(self, path: str, params: Any = ()) -> Any:
        return await self.post(f"DELETE {path}".replace("/api/v1", ""), dict(params))

    async def post(self, path: str, body: Any, within_s: float = 10) -> Any:
        self.posted.append((path.removeprefix("/api/v1"), body))
        answer = self.answers.pop(0) if self.answers else {}
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def api() -> Orders:
    return Orders()


@pytest.fixture
def hub(api: Orders) -> Hub:
    return Hub(api)  # type: ignore[arg-type]


@pytest.fixture
async def session(hub: Hub) -> AsyncIterator[Session]:
    async with hub.session("a", View(), "en") as session:
        yield session


async def test_pause_holds_and_resume_lets_go(hub: Hub, session: Session) -> None:
    assert await act(hub, "a", {"do": "pause"}) is None
    assert session.held is not None
    await act(hub, "a", {"do": "resume"})
    assert session.held is None


async def test_a_label_is_sent_and_remembered_until_it_is_undone(hub: Hub, api: Orders, session: Session) -> None:
    said = await act(hub, "a", {"do": "label", "image_id": "17/../x", "label": "cat"})
    assert text(said) == "Labelled: cat"
    assert api.posted == [("/images/17%2F..%2Fx/label", {"label": "cat", "by": "dashboard"})]
    assert session.labelled == {"17/../x": "cat"}
    api.answers.append(ApiDown("refused"))
    await act(hub, "a", {"do": "undo"})
    assert (session.labelled, session.again) == ({"17/../x": "cat"}, [])
    assert text(await act(hub, "a", {"do": "undo"})) == "The last label is taken back."
    assert api.posted[1:] == [("DELETE /images/17%2F..%2Fx/label", {"by": "dashboard"})] * 2
    assert (session.labelled, session.again) == ({}, ["17/../x"])
    assert await act(hub, "a", {"do": "undo"}) is None


async def test_a_refused_label_is_not_remembered_and_says_why(hub: Hub, api: Orders, session: Session) -> None:
    api.answers.append(ApiProblem(422, "Unprocessable", "no model knows this class"))
    said = await act(hub, "a", {"do": "label", "image_id": "17", "label": "cta"})
    assert text(said) == "Not done: no model knows this class."
    assert session.labelled == {}


async def test_many_labels_are_sent_at_once_and_the_refused_stay(hub: Hub, api: Orders, session: Session) -> None:
    api.answers.append({"results": [{"image_id": "1", "status": 200}, {"image_id": "2", "status": 404}], "changed": 1})
    said = await act(hub, "a", {"do": "label_all", "labels": {"1": "cat", "2": "dog"}})
    assert text(said) == "1 labelled; 1 could not be."
    labels = [{"image_id": "1", "label": "cat"}, {"image_id": "2", "label": "dog"}]
    assert api.posted == [("/labels", {"labels": labels, "by": "dashboard"})]
    assert session.labelled == {"1": "cat"}


async def test_an_image_left_for_later_twice_comes_back_at_once(hub: Hub, session: Session, world: FakeWorld) -> None:
    races = [world.race("upload") for _ in range(2)]
    listed = [{"image": race, "predictions": race["predictions"], "verdict": race} for race in races]

    def first() -> str:
        scene = Scene(hub.board, session, hub.asks, hub.api.url)
        waiting = review.queue(scene, Answer({"images": listed, "next": None}))
        session.show(waiting)
        return waiting[0].image_id

    shown = first()
    for _ in range(2):  # the key was held, or pressed again before the next image came
        await act(hub, "a", {"do": "pass", "image_id": shown})
    assert first() != shown
    await act(hub, "a", {"do": "back"})
    assert first() == shown


async def test_letters_are_settled_one_by_one_or_all(hub: Hub, api: Orders, session: Session) -> None:
    assert text(await act(hub, "a", {"do": "retry", "id": 3})) == "The letter is on its way again."
    assert text(await act(hub, "a", {"do": "discard", "id": 4})) == "The letter is given up."
    api.answers += [
        {"settled": [1, 2], "refused": [], "next": 2, "through": 9},
        {"settled": [5], "refused": [{}], "next": None, "through": 9},
    ]
    said = await act(hub, "a", {"do": "retry_all"})
    assert text(said) == "3 letters are on their way again; 1 could not be sent."
    assert [path for path, _ in api.posted] == [
        "/dead-letters/3/retry",
        "/dead-letters/4/discard",
        "/dead-letters/retry",
        "/dead-letters/retry",
    ]
    assert [body for _, body in api.posted[2:]] == [{"after": 0}, {"after": 2, "through": 9}]


async def test_a_model_is_told_to_reload(hub: Hub, api: Orders, session: Session) -> None:
    assert text(await act(hub, "a", {"do": "reload", "model": "resnet50"})) == "The workers of resnet50 are looking."
    assert api.posted == [("/models/resnet50/reload", {})]


async def test_a_version_is_promoted_and_whether_it_serves_is_said(hub: Hub, api: Orders, session: Session) -> None:
    api.answers += [{"models": ["tiny"]}, {"models": []}, ApiProblem(403, "x", "it takes the scope admin", "forbidden")]
    order = {"do": "promote", "model": "a/b", "version": "3"}
    said = [text(await act(hub, "a", order)) for _ in range(3)]
    assert "its workers change over" in said[0]
    assert "other weights" in said[1]
    assert said[2] == "Not done: your key does not allow it: it takes the scope admin."
    assert api.posted[0] == ("/models/a%2Fb/promote", {"version": "3"})


async def test_what_is_no_order_and_who_is_no_session_do_nothing(hub: Hub, api: Orders, session: Session) -> None:
    assert await act(hub, "a", {"do": "format"}) is None
    assert await act(hub, "stranger", {"do": "retry", "id": 3}) is None
    assert api.posted == []
