"""The webhook: signed, tried again where that may help, never redirected, and nobody waits for it."""

import asyncio
import hashlib
import hmac
import logging
import time
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from streamapp.alerts import webhook
from streamapp.alerts.webhook import Webhook, signature
from tests.unit.web.doubles import until
from tests.unit.web.messages import alert

SECRET = "correct horse"


class Receiver:
    """Answers with these statuses in turn, then with the last one."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.seen: list[tuple[dict[str, str], bytes]] = []
        self.elsewhere = 0

    async def take(self, request: web.Request) -> web.Response:
        self.seen.append((dict(request.headers), await request.read()))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async def other(self, _: web.Request) -> web.Response:
        self.elsewhere += 1
        return web.Response()


@asynccontextmanager
async def posting(receiver: Receiver, secret: str = SECRET) -> AsyncIterator[Webhook]:
    app = web.Application()
    app.add_routes([web.post("/hook", receiver.take), web.route("*", "/elsewhere", receiver.other)])
    async with TestServer(app) as server:
        hook = Webhook(str(server.make_url("/hook")), secret)
        running = asyncio.create_task(hook.run())
        try:
            yield hook
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "PAUSES_S", (0.01, 0.02))


@pytest.mark.parametrize(
    ("secret", "key"), [(SECRET, SECRET.encode()), ("whsec_" + b64encode(b"k" * 24).decode(), b"k" * 24)]
)
async def test_an_alert_is_posted_with_a_signature_that_its_receiver_can_check(secret: str, key: bytes) -> None:
    one, receiver = alert(), Receiver(204)
    async with posting(receiver, secret) as hook:
        hook.send(one)
        await until(lambda: receiver.seen)
    headers, body = receiver.seen[0]
    assert orjson.loads(body) == {"type": "alert.firing", "data": one.model_dump(mode="json")}
    assert headers["webhook-id"] == "alert-1-firing"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    signed = f"alert-1-firing.{headers['webhook-timestamp']}.".encode() + body
    version, _, given = headers["webhook-signature"].partition(",")
    assert version == "v1"
    assert b64decode(given) == hmac.new(key, signed, hashlib.sha256).digest()


def test_the_signature_is_that_of_the_standard() -> None:
    """The example of the specification's own documents."""
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == expected


async def test_what_may_help_is_tried_again_under_the_same_id() -> None:
    receiver = Receiver(500, 429, 200)
    async with posting(receiver) as hook:
        hook.send(alert())
        await until(lambda: len(receiver.seen) == 3)
        await asyncio.sleep(0.1)
    assert len(receiver.seen) == 3
    assert {headers["webhook-id"] for headers, _ in receiver.seen} == {"alert-1-firing"}
    assert hook.failed == 0


@pytest.mark.parametrize(("status", "tries"), [(503, 3), (400, 1), (410, 1), (301, 1), (307, 1)])
async def test_what_cannot_be_delivered_is_given_up_and_said(
    status: int, tries: int, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = Receiver(status)
    async with posting(receiver) as hook:
        with caplog.at_level(logging.WARNING):
            hook.send(alert())
            await until(lambda: hook.failed == 1)
    assert len(receiver.seen) == tries
    assert receiver.elsewhere == 0
    (record,) = caplog.records
    assert record.getMessage() == f"the webhook did not take alert-1-firing: status {status}"


async def test_after_one_that_was_given_up_the_next_is_posted() -> None:
    receiver = Receiver(400, 200)
    async with posting(receiver) as hook:
        hook.send(alert())
        hook.send(alert(id=2))
        await until(lambda: len(receiver.seen) == 2)
    assert receiver.seen[1][0]["webhook-id"] == "alert-2-firing"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://", "http://no such host/"])
async def test_a_url_that_nobody_answers_is_no_exception(url: str) -> None:
    hook = Webhook(url, SECRET)
    running = asyncio.create_task(hook.run())
    hook.send(alert())
    await until(lambda: hook.failed == 1)
    assert not running.done()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


def test_nobody_waits_and_only_so_many_notices_do(caplog: pytest.LogCaptureFixture) -> None:
    hook = Webhook("http://127.0.0.1:1/", SECRET)
    for number in range(webhook.MOST_WAITING + 3):
        hook.send(alert(id=number))
    assert hook.failed == 3
    assert "alert-0-firing: too many are waiting" in caplog.text
