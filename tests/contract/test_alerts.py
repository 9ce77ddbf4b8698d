"""Alerts in a real PostgreSQL, and the watch on it: one open alert of a thing, however many look."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from streamapp.alerts.watch import Watch
from streamapp.errors import StoreUnavailable
from streamapp.records import now
from streamapp.settings import Settings
from streamapp.storage.alerts import Alert, AlertStore
from streamapp.storage.postgres import Database
from tests.contract.examples import image
from tests.unit.web.messages import verdict


@pytest.fixture
async def store(db: Database) -> AlertStore:
    async with db.connection() as connection:
        await connection.execute("TRUNCATE alerts, images RESTART IDENTITY")
    return AlertStore(db)


async def test_there_is_one_open_alert_of_a_thing(store: AlertStore) -> None:
    first = await store.fire("lag", "x", "x is behind", 20, 10)
    assert first and (first.state, first.value, first.limit, first.text) == ("firing", 20, 10, "x is behind")
    assert await store.fire("lag", "x", "again", 30, 10) is None
    assert await store.fire("lag", "y", "y is behind", 30, 10) is not None
    assert [alert.subject for alert in await store.open()] == ["x", "y"]
    over = await store.resolve("lag", "x", 3)
    assert over and (over.state, over.resolved_value, over.id) == ("resolved", 3, first.id)
    assert over.resolved_at and over.resolved_at >= over.fired_at
    assert await store.resolve("lag", "x", 3) is None
    again = await store.fire("lag", "x", "anew", 30, 10)
    assert again and again.id > first.id


async def test_pages_and_newest_changes(store: AlertStore) -> None:
    fired = [await store.fire("lag" if number % 2 else "errors", str(number), "…", 1, 1) for number in range(6)]
    ids = [alert.id for alert in fired if alert]
    await store.resolve("errors", "2", None)
    assert [alert.id for alert in await store.page(None, None, 4)] == ids[::-1][:4]
    assert [alert.id for alert in await store.page(None, None, 4, before=ids[2])] == [ids[1], ids[0]]
    assert [alert.id for alert in await store.page("resolved", None, 9)] == [ids[2]]
    assert [alert.id for alert in await store.page("firing", "errors", 9)] == [ids[4], ids[0]]
    assert [alert.id for alert in await store.newest_changes(2)] == [ids[2], ids[5]]


async def test_the_silence_of_cameras(store: AlertStore, db: Database) -> None:
    moment = now()
    for camera, ages in (("door", (500, 20, 70)), ("yard", (4000,)), ("gate", (100_000,)), (None, (1,))):
        for age in ages:
            await db.insert_pending(image(camera_id=camera, timestamp=moment - timedelta(seconds=age)), 1, 1, 1)
    found = await store.camera_silence(24 * 3600, 1000)
    assert found.keys() == {"door", "yard"}
    assert (found["door"], found["yard"]) == (pytest.approx(20, abs=15), pytest.approx(4000, abs=15))
    assert (await store.camera_silence(24 * 3600, 1)).keys() == {"door"}
    assert (await store.camera_silence(50, 1000)).keys() == {"door"}


# -- the watch ---------------------------------------------------------------------------------------------------------


class Desk:
    """A watch whose figures and clock are the test's, and whom it told."""

    def __init__(self, store: AlertStore, **settings: Any) -> None:
        self.now = 0.0
        self.lags: dict[str, int] | None = {}
        self.models: list[dict[str, Any]] = []
        self.known = True
        self.events: list[tuple[str, str]] = []
        self.notices: list[tuple[str, str]] = []
        whole = Settings(**{"alert_hold_s": 10, "alert_window_s": 60, "alert_min_images": 5, **settings})
        self.watch = Watch(
            whole,
            store,
            self,
            lags=self._lags,
            figures_known=lambda: self.known,
            notify=lambda alert: self.notices.append((alert.subject, alert.state)),
            clock=lambda: self.now,
        )

    async def _lags(self) -> dict[str, int] | None:
        return self.lags

    def figures(self, window: str) -> dict[str, Any]:
        assert window == "1m"
        return {"models": self.models}

    def send_alert(self, alert: Alert) -> None:
        self.events.append((alert.subject, alert.state))

    async def look(self, *moments: float) -> None:
        for self.now in moments:
            await self.watch.look()


async def test_a_group_that_falls_behind_is_said_once_and_once_more_when_it_has_caught_up(store: AlertStore) -> None:
    desk = Desk(store)
    desk.lags = {"streamapp-stats": 5000, "streamapp-recorder": 10}
    await desk.look(0, 5, 10, 15, 20)
    assert desk.events == desk.notices == [("streamapp-stats", "firing")]
    desk.lags = {"streamapp-stats": 900}
    await desk.look(25, 40)
    desk.lags = None
    await desk.look(45, 60)
    assert [alert.key for alert in await store.open()] == [("lag", "streamapp-stats")]
    desk.lags = {"streamapp-stats": 0}
    await desk.look(65, 75)
    assert desk.events == desk.notices == [("streamapp-stats", "firing"), ("streamapp-stats", "resolved")]
    (alert,) = await store.page(None, None, 10)
    assert (alert.rule, alert.value, alert.resolved_value, alert.state) == ("lag", 5000, 0, "resolved")
    assert alert.text == "streamapp-stats is 5,000 messages behind (limit 1,000)"


async def test_two_that_watch_write_and_post_once_and_each_tells_its_readers(store: AlertStore) -> None:
    desks = Desk(store), Desk(store)
    for moment in (0, 10, 20):
        for desk in desks:
            desk.lags = {"streamapp-stats": 5000}
            await desk.look(moment)
    assert [desk.events for desk in desks] == [[("streamapp-stats", "firing")]] * 2
    assert desks[0].notices + desks[1].notices == [("streamapp-stats", "firing")]
    late = Desk(store)
    late.lags = {"streamapp-stats": 5000}
    await late.look(0, 10, 20)
    assert (late.events, late.notices) == ([], []), "what there was before is no news"


async def test_models_that_disagree_and_the_camera_that_they_disagree_about(store: AlertStore) -> None:
    desk = Desk(store)
    desk.lags = {}
    await desk.look(40)
    for number in range(40):
        camera = "door" if number % 2 else "yard"
        desk.watch.verdict(verdict(uuid4(), camera_id=camera, agreement=0.5 if camera == "door" else 1.0))
    await desk.look(45, 55)
    assert await store.open() == [], "before a whole window of verdicts was seen, nothing follows from these"
    await desk.look(60, 70)
    assert [alert.key for alert in await store.open()] == [("disagreement", "all"), ("camera-disagreement", "door")]
    await desk.look(110, 130)
    assert [alert.key for alert in await store.open()] == [("disagreement", "all")], "too few images to say more"


async def test_a_process_that_has_just_begun_ends_no_alert(store: AlertStore) -> None:
    await store.fire("camera-disagreement", "door", "…", 0.9, 0.5)
    await store.fire("latency", "mobilenet", "…", 9000, 2000)
    desk = Desk(store)
    desk.known = False
    for _ in range(20):
        desk.watch.verdict(verdict(uuid4(), camera_id="door", agreement=1.0))
    await desk.look(0, 10, 50)
    assert len(await store.open()) == 2
    desk.known = True
    await desk.look(60, 75)
    assert await store.open() == []


async def test_a_slow_model_and_one_that_fails(store: AlertStore) -> None:
    desk = Desk(store)
    desk.models = [
        {"model_name": "resnet50", "count": 50, "errors": 0, "stages": {"total": {"p95": 3000.0}}},
        {"model_name": "mobilenet", "count": 50, "errors": 10, "stages": {"total": {"p95": 30.0}}},
    ]
    await desk.look(0, 10)
    assert [alert.key for alert in await store.open()] == [("latency", "resnet50"), ("errors", "mobilenet")]


async def test_a_camera_that_falls_silent(store: AlertStore, db: Database) -> None:
    desk = Desk(store)
    await db.insert_pending(image(camera_id="door", timestamp=now() - timedelta(seconds=90)), 1, 1, 1)
    await desk.look(0, 10)
    assert desk.events == [("door", "firing")]
    await db.insert_pending(image(camera_id="door", timestamp=now()), 1, 1, 1)
    await desk.look(20, 30)
    assert desk.events == [("door", "firing"), ("door", "resolved")]


async def test_without_the_database_nothing_changes_and_the_watch_goes_on(
    store: AlertStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(store)
    desk.lags = {"streamapp-stats": 5000}
    await desk.look(0)
    whole = store.fire

    async def away(*_: Any) -> None:
        raise StoreUnavailable("PostgreSQL is away", "postgres")

    monkeypatch.setattr(store, "fire", away)
    with pytest.raises(StoreUnavailable):
        await desk.look(10)
    monkeypatch.setattr(store, "fire", whole)
    await desk.look(15)
    assert desk.events == desk.notices == [("streamapp-stats", "firing")]
