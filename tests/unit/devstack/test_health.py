"""A server that is down, or another one than we think, is not taken for healthy."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest

from streamapp.devstack import health
from streamapp.devstack.postgres import wheel_programs
from streamapp.errors import DevStackError, StoreUnavailable
from streamapp.settings import Settings


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[int]:
    """A server that gives one answer to whatever it is asked; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def free_port() -> int:
    async with answering(b"") as port:
        return port


@pytest.mark.parametrize(
    ("url", "check"),
    [
        ("kafka://127.0.0.1:{}", partial(health.broker, settings=Settings())),
        ("redis://:x@127.0.0.1:{}", health.cache),
        ("http://a:b@127.0.0.1:{}", health.object_store),
        ("postgresql://u:p@127.0.0.1:{}/d", partial(health.database, psql=wheel_programs() / "psql")),
    ],
)
async def test_nobody_there(url: str, check: Callable[..., object]) -> None:
    address = url.format(await free_port())

    with pytest.raises(DevStackError, match=r"it does not answer: .+"):
        await health.until(partial(check, address), "it", 0.2)  # type: ignore[arg-type]


async def test_a_wrong_password_is_not_healthy() -> None:
    async with answering(b"-WRONGPASS invalid username-password pair\r\n") as port:
        with pytest.raises(StoreUnavailable, match="WRONGPASS"):
            await health.cache(f"redis://:x@127.0.0.1:{port}")


@pytest.mark.parametrize(("status", "healthy"), [("200 OK", True), ("403 Forbidden", True), ("502 Bad Gateway", False)])
async def test_an_object_store_may_ask_for_a_signature_and_may_not_fail(status: str, healthy: bool) -> None:
    async with answering(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()) as port:
        try:
            await health.object_store(f"http://a:b@127.0.0.1:{port}")
        except StoreUnavailable as error:
            assert not healthy and "502" in str(error)
        else:
            assert healthy


async def test_a_page_must_be_good() -> None:
    async with answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") as port:
        with pytest.raises(StoreUnavailable, match="404"):
            await health.http(f"http://127.0.0.1:{port}/readyz")


async def test_what_does_not_speak_http_is_not_a_web_server() -> None:
    async with answering(b"+PONG\r\n") as port:
        with pytest.raises(StoreUnavailable, match="does not speak HTTP"):
            await health.http(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize(("check", "url"), [(health.cache, "nonsense"), (health.object_store, "nonsense")])
async def test_a_url_without_sense_is_said_at_once(check: Callable[..., object], url: str) -> None:
    with pytest.raises(DevStackError, match="STREAMAPP_X cannot be asked: "):
        await health.until(partial(check, url), "STREAMAPP_X", 30)  # type: ignore[arg-type]
