"""Is a server there? Asked in its own protocol, with the credentials of its URL."""

import asyncio
import os
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from types import MappingProxyType
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streamapp.brokers import broker_error, client_options
from streamapp.errors import DevStackError, StoreUnavailable
from streamapp.settings import Settings

TIMEOUT_S = 2.0
POLL_S = 0.1
# What runs on this host is not behind a proxy, and its certificate has another name than this address.
DIRECT = build_opener(ProxyHandler({}), HTTPSHandler(context=ssl._create_unverified_context()))


async def until(check: Callable[[], Awaitable[None]], what: str, wait_s: float) -> None:
    """Ask until the answer is good; `wait_s` is in seconds.

    Raises:
        DevStackError: `wait_s` seconds have passed, or the URL has no sense; the text has the last answer.
    """
    deadline = time.monotonic() + wait_s
    while True:
        try:
            await check()
        except (StoreUnavailable, OSError, TimeoutError) as error:
            if time.monotonic() > deadline:
                raise DevStackError(f"{what} does not answer: {error or type(error).__name__}") from None
            await asyncio.sleep(POLL_S)
        except ValueError as error:
            raise DevStackError(f"{what} cannot be asked: {error}") from None
        else:
            return


async def broker(url: str, settings: Settings) -> None:
    """Kafka's metadata request at `url`, as the user of `settings`. Raises StoreUnavailable or OSError."""
    settings = settings.model_copy(update={"broker": url})
    client = AIOKafkaAdminClient(**client_options(settings), request_timeout_ms=int(TIMEOUT_S * 1000))
    try:
        await client.start()
        await client.describe_cluster()
    except KafkaError as error:
        raise StoreUnavailable(str(await broker_error(settings, error))) from None
    finally:
        await client.close()


async def database(url: str, psql: Path) -> None:
    """One SQL query. Raises StoreUnavailable with psql's last line."""
    parts = urlsplit(url)
    bare = urlunsplit(parts._replace(netloc=_without_password(parts)))
    environ = {**os.environ, "PGCONNECT_TIMEOUT": str(int(TIMEOUT_S))}
    if parts.password:
        environ["PGPASSWORD"] = unquote(parts.password)
    child = await asyncio.create_subprocess_exec(
        *(str(psql), "-X", "-w", "-A", "-t", "-c", "SELECT 1", bare),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environ,
    )
    try:
        output, _ = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
    if child.returncode != 0:
        raise StoreUnavailable(output.decode(errors="replace").strip().rpartition("\n")[2])


async def object_store(url: str) -> None:
    """An HTTP request; S3 protocol servers answer 403 where the signature is missing. Raises StoreUnavailable."""
    parts = urlsplit(url)
    await http(urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "/", "", "")), below=500)


async def cache(url: str) -> None:
    """AUTH and PING in the Redis protocol. Raises StoreUnavailable or OSError."""
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError("that is not redis://host:port")
    tls = parts.scheme == "rediss"
    reader, writer = await asyncio.wait_for(
        asyncio.open_connection(parts.hostname, parts.port or 6379, ssl=tls or None), TIMEOUT_S
    )
    try:
        if parts.password:
            user = [parts.username] if parts.username else []
            await _ask(reader, writer, "AUTH", *user, unquote(parts.password))
        await _ask(reader, writer, "PING")
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def http(url: str, below: int = 300) -> None:
    """GET a page whose status must be under `below`. Raises StoreUnavailable or OSError."""
    await asyncio.to_thread(_get, url, below)


def fetch(url: str, headers: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """The body of a page, in at most `TIMEOUT_S` seconds. Raises OSError (URLError among it) or HTTPException."""
    with DIRECT.open(Request(url, headers=dict(headers)), timeout=TIMEOUT_S) as answer:
        body: bytes = answer.read()
    return body


def _get(url: str, below: int) -> None:
    try:
        fetch(url)
    except HTTPError as error:
        if error.code >= below:
            raise StoreUnavailable(f"{url} answers {error.code}") from None
    except URLError as error:
        raise StoreUnavailable(str(error.reason)) from None
    except HTTPException:
        raise StoreUnavailable(f"{url} does not speak HTTP") from None


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *words: str) -> None:
    """One Redis command whose answer must not be an error."""
    parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
    writer.write(f"*{len(words)}\r\n{''.join(parts)}".encode())
    answer = await asyncio.wait_for(reader.readline(), TIMEOUT_S)
    if not answer.startswith(b"+"):
        raise StoreUnavailable(answer.decode(errors="replace").strip() or "it closed the connection")


def _without_password(parts: SplitResult) -> str:
    user, at, host = parts.netloc.rpartition("@")
    return f"{user.partition(':')[0]}{at}{host}"
