"""Posts alerts to a URL, signed as Standard Webhooks has it (https://www.standardwebhooks.com), with a few retries."""

import asyncio
import hashlib
import hmac
import logging
import time
from base64 import b64decode, b64encode
from collections import deque
from typing import NamedTuple

import aiohttp
import orjson

from streamapp.storage.alerts import Alert

log = logging.getLogger(__name__)

#: Notices that wait at most; of more, the oldest are given up.
MOST_WAITING = 100
#: A secret that begins so is base64 after that, as the Standard Webhooks have it.
BASE64 = "whsec_"
TIMEOUT = aiohttp.ClientTimeout(total=10, sock_connect=5)
#: Pauses before each new try, in seconds: one first try, and these.
PAUSES_S = (1.0, 4.0, 15.0, 60.0)
#: Statuses below 500 after which a new try may help.
TRY_AGAIN = (408, 425, 429)


class Notice(NamedTuple):
    """What is posted: a JSON body, with an id that is the same on every try."""

    id: str
    body: bytes

    @classmethod
    def of(cls, alert: Alert) -> "Notice":
        """That an alert has fired or is over."""
        content = {"type": f"alert.{alert.state}", "data": alert.model_dump(mode="json")}
        return cls(f"alert-{alert.id}-{alert.state}", orjson.dumps(content))


def key_of(secret: str) -> bytes:
    """The key that a secret stands for; raises ValueError when what follows `whsec_` is no base64."""
    return b64decode(secret.removeprefix(BASE64), validate=True) if secret.startswith(BASE64) else secret.encode()


def signature(secret: str, notice_id: str, timestamp: int, body: bytes) -> str:
    """HMAC-SHA256 of id, time and body, with the `key_of` the secret."""
    signed = f"{notice_id}.{timestamp}.".encode() + body
    return "v1," + b64encode(hmac.new(key_of(secret), signed, hashlib.sha256).digest()).decode()


class Webhook:
    """Takes notices without waiting, and posts them one after the other in `run`."""

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._secret = secret
        self._waiting: deque[Notice] = deque(maxlen=MOST_WAITING)
        self._news = asyncio.Event()
        self.failed = 0

    def send(self, alert: Alert) -> None:
        """Post it soon."""
        if len(self._waiting) == MOST_WAITING:
            self._gave_up(self._waiting[0], "too many are waiting")
        self._waiting.append(Notice.of(alert))
        self._news.set()

    async def run(self) -> None:
        """Post what waits, until cancelled."""
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            while True:
                await self._news.wait()
                self._news.clear()
                while self._waiting:
                    await self._deliver(session, self._waiting.popleft())

    async def _deliver(self, session: aiohttp.ClientSession, notice: Notice) -> None:
        """Post a notice, and again while that may help."""
        why, final = await self._post(session, notice)
        for pause_s in PAUSES_S:
            if final:
                break
            await asyncio.sleep(pause_s)
            why, final = await self._post(session, notice)
        if why:
            self._gave_up(notice, why)

    async def _post(self, session: aiohttp.ClientSession, notice: Notice) -> tuple[str, bool]:
        """One try: why it has failed, empty if it has not, and whether that is final. A redirect is a failure."""
        timestamp = int(time.time())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": notice.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(self._secret, notice.id, timestamp, notice.body),
        }
        try:
            async with session.post(self._url, data=notice.body, headers=headers, allow_redirects=False) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:  # ValueError: a URL that is none
            return type(error).__name__, False
        return ("", True) if status < 300 else (f"status {status}", status < 500 and status not in TRY_AGAIN)

    def _gave_up(self, notice: Notice, why: str) -> None:
        """The URL is not logged: some are secrets."""
        self.failed += 1
        log.warning("the webhook did not take %s: %s", notice.id, why)
