"""Alerts on real stores and a real broker: a row, an event, an answer of the API, and a signed request."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, web
from aiohttp.test_utils import TestServer

from streamapp.alerts.lags import Lags
from streamapp.alerts.rules import RULES
from streamapp.alerts.service import Alerts
from streamapp.alerts.webhook import signature
from streamapp.records import now
from streamapp.settings import Settings
from streamapp.storage.alerts import AlertStore
from tests.contract.examples import image
from tests.support.api import Api, running
from tests.support.stack import Stack
from tests.support.workers import Worker, free_port, launch
from tests.unit.ingest.pictures import jpeg

SECRET = "a secret of both"
CAMERA = "door of the tests"


@pytest.fixture
async def api(servers: Stack) -> AsyncIterator[Api]:
    async with running(Settings.load(servers.environ)) as api:
        async with api.context.db.connection() as connection:
            await connection.execute("TRUNCATE alerts")
        yield api


async def next_alert(answer: ClientResponse) -> dict[str, Any]:
    async with asyncio.timeout(20):
        name = ""
        while True:
            kind, _, value = (await answer.content.readline()).decode().rstrip("\n").partition(": ")
            name = value if kind == "event" else name
            if kind == "data" and name == "alert":
                found: dict[str, Any] = json.loads(value)
                return found


async def test_a_silent_camera_is_a_row_an_event_an_answer_and_a_signed_request(api: Api) -> None:
    posted = asyncio.Queue[tuple[dict[str, str], bytes]]()

    async def take(request: web.Request) -> web.Response:
        posted.put_nowait((dict(request.headers), await request.read()))
        return web.Response(status=204)

    app = web.Application()
    app.add_routes([web.post("/hook", take)])
    old = image(camera_id=CAMERA, timestamp=now() - timedelta(seconds=600))
    await api.context.db.insert_pending(old, 1, 1, 1)
    async with TestServer(app) as receiver, api.client.get("/api/v1/events") as stream:
        changes = {
            "alert_every_s": 0.05,
            "alert_hold_s": 0.1,
            "alert_lag": 0,
            "alert_camera_silent_s": 300,
            "alert_webhook_url": str(receiver.make_url("/hook")),
            "alert_webhook_secret": SECRET,
        }
        settings = api.context.settings.model_copy(update=changes)
        alerts = Alerts(settings, [], AlertStore(api.context.db), api.context.live, lambda: True)
        watching = asyncio.create_task(alerts.run())
        try:
            fired = await next_alert(stream)
            assert (fired["rule"], fired["subject"], fired["state"]) == ("camera-silent", CAMERA, "firing")
            assert (await api.get("alerts?state=firing&rule=camera-silent"))["alerts"] == [fired]
            headers, body = await asyncio.wait_for(posted.get(), 10)
            assert json.loads(body) == {"type": "alert.firing", "data": fired}
            assert headers["webhook-signature"] == signature(
                SECRET, headers["webhook-id"], int(headers["webhook-timestamp"]), body
            )
            await api.accepted(jpeg(), camera_id=CAMERA)
            over = await next_alert(stream)
            assert (over["id"], over["state"]) == (fired["id"], "resolved")
            assert json.loads((await asyncio.wait_for(posted.get(), 10))[1])["type"] == "alert.resolved"
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
    assert (await api.get("alerts?limit=1"))["alerts"] == [over]


async def test_the_rules_are_said_as_they_are_set(api: Api) -> None:
    said = await api.get("alerts/rules")
    assert [rule["rule"] for rule in said["rules"]] == list(RULES)
    rules, settings = {rule.pop("rule"): rule for rule in said["rules"]}, api.context.settings
    assert rules["lag"] == {"on": settings.alert_lag > 0, "limit": settings.alert_lag, "window_s": None}
    assert rules["errors"] == {"on": True, "limit": settings.alert_error_rate, "window_s": 60}
    assert rules["disagreement"]["window_s"] == settings.alert_window_s
    assert (said["hold_s"], said["min_images"]) == (settings.alert_hold_s, settings.alert_min_images)


@pytest.mark.parametrize("query", ["state=broken", "rule=none", "limit=0", "limit=x", "before=0", "before=' OR 1=1"])
async def test_a_wrong_question_is_refused(api: Api, query: str) -> None:
    async with api.client.get(f"/api/v1/alerts?{query}") as answer:
        assert answer.status in (400, 422)
        assert answer.content_type == "application/problem+json"


async def test_the_lag_of_each_group_is_asked_of_the_broker_again_and_again(api: Api) -> None:
    settings = api.context.settings
    lags = Lags(settings, ["nobody"])
    before = await lags.read()
    assert before is not None and before.keys() == {"streamapp-nobody", "streamapp-stats", "streamapp-recorder"}
    await api.accepted(jpeg())
    after = await lags.read()
    assert after is not None and after["streamapp-nobody"] == before["streamapp-nobody"] + 1
    await lags.close()
    assert await lags.read() == after
    await lags.close()


async def test_a_broker_that_is_away_is_no_lag() -> None:
    lags = Lags(Settings(broker="kafka://127.0.0.1:1"), ["nobody"])
    assert await lags.read() is None
    assert await lags.read() is None


def worker(api: Api, folder: Path, **changes: Any) -> Worker:
    """A worker of the role `api` that looks at the rules all the time."""
    quick = {"roles": "api", "alert_every_s": 0.2, "alert_hold_s": 0.0, "alert_lag": 1, "data_dir": folder, **changes}
    port = free_port()
    settings = api.context.settings.model_copy(update={**quick, "web_port": port, "api_port": port})
    return launch(settings, folder / "api.log", folder)


async def test_a_worker_of_the_api_watches(api: Api, tmp_path: Path) -> None:
    await api.accepted(jpeg())
    running = worker(api, tmp_path)
    try:
        await running.ready()
        async with ClientSession(running.url) as http, http.get("/api/v1/events") as stream:
            await api.accepted(jpeg())
            async with asyncio.timeout(30):
                while not (found := await of_rule(http, "lag")):  # noqa: ASYNC110  # another process writes it
                    await asyncio.sleep(0.1)
            assert "streamapp-recorder" in {alert["subject"] for alert in found}
            assert stream.status == 200
        running.stop()
        assert "alert: streamapp-recorder is" in running.output()
        assert "Traceback" not in running.output()
    finally:
        running.kill()


async def of_rule(http: ClientSession, rule: str) -> list[dict[str, Any]]:
    async with http.get(f"/api/v1/alerts?state=firing&rule={rule}") as answer:
        found: list[dict[str, Any]] = (await answer.json())["alerts"]
        return found


async def test_a_webhook_without_a_secret_is_refused_at_the_start(api: Api, tmp_path: Path) -> None:
    refused = worker(api, tmp_path, alert_webhook_url="https://example.org/hook")
    try:
        assert await asyncio.to_thread(refused.process.wait, 60) == 1
        assert "api cannot start: STREAMAPP_ALERT_WEBHOOK_URL needs STREAMAPP_ALERT_WEBHOOK_SECRET" in refused.output()
        assert "Traceback" not in refused.output()
    finally:
        refused.kill()
