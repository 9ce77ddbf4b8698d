"""TCP connections that a test can cut, freeze, slow down or reset, while others go on using the same server."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

CHUNK = 64 * 1024
#: Chunks under way in one direction of one connection; with more the sender waits, as on a real line.
UNDER_WAY = 64


class Proxy:
    """Passes bytes on to the server behind a URL, by another port of this host. `await` its `start`."""

    def __init__(self, url: str, port: int = 0) -> None:
        self._parts = urlsplit(url)
        assert self._parts.hostname and self._parts.port
        self._target = self._parts.hostname, self._parts.port
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._open = asyncio.Event()
        self._open.set()
        self._delay_s = 0.0
        self.port = port
        self.accepted = 0

    @property
    def url(self) -> str:
        """The server's URL, with the proxy's port."""
        credentials, at, _ = self._parts.netloc.rpartition("@")
        return self._parts._replace(netloc=f"{credentials}{at}127.0.0.1:{self.port}").geturl()

    async def start(self) -> None:
        """Let everyone in, on the same port each time."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """End every connection and refuse new ones, as a server that was killed."""
        assert self._server
        self._server.close()
        await self.reset()
        await self._server.wait_closed()

    async def reset(self) -> None:
        """End every connection; new ones are taken."""
        ending = list(self._tasks)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    def freeze(self) -> None:
        """Take connections and let nothing pass in either direction, as a host that hangs."""
        self._open.clear()

    def thaw(self) -> None:
        """Let everything pass again, and what was held back first."""
        self._open.set()

    def slow(self, delay_s: float) -> None:
        """Everything takes `delay_s` longer in each direction."""
        self._delay_s = delay_s

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with suppress(asyncio.CancelledError):
            await self._connect(reader, writer)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = None
        try:
            to_server, upstream = await asyncio.open_connection(*self._target)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on(reader, upstream))
                both.create_task(self._pass_on(to_server, writer))
        except* OSError:
            pass  # one side has ended it, so the other one's is ended too
        finally:
            for side in (writer, upstream):
                if side:
                    side.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(UNDER_WAY)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._arrive(line, writer))
            data = b"first"
            while data:
                data = await reader.read(CHUNK)
                await line.put((asyncio.get_running_loop().time() + self._delay_s, data))

    async def _arrive(self, line: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter) -> None:
        """Write what is on the line when its time has come; an empty chunk is the end."""
        while True:
            due, data = await line.get()
            if (early_s := due - asyncio.get_running_loop().time()) > 0:
                await asyncio.sleep(early_s)
            await self._open.wait()
            if not data:
                writer.close()
                return
            writer.write(data)
            await writer.drain()


class Link:
    """Proxies that run in a thread of their own, so that they serve whatever the test's own loop does."""

    def __init__(self, loop: asyncio.AbstractEventLoop, urls: Sequence[str], ports: Sequence[int]) -> None:
        self._loop = loop
        self._proxies = self._run(lambda: [Proxy(url, port) for url, port in zip(urls, ports, strict=True)])
        self.start()

    @property
    def urls(self) -> list[str]:
        """The servers' URLs, with the proxies' ports."""
        return [proxy.url for proxy in self._proxies]

    def start(self) -> None:
        """Let everyone in again."""
        self._each(Proxy.start)

    def cut(self) -> None:
        """End every connection and refuse new ones."""
        self._each(Proxy.cut)

    def reset(self) -> None:
        """End every connection; new ones are taken."""
        self._each(Proxy.reset)

    def freeze(self) -> None:
        """A black hole: nothing passes, and nobody is told."""
        self._each(Proxy.freeze)

    def thaw(self) -> None:
        """Let everything pass again."""
        self._each(Proxy.thaw)

    def slow(self, delay_s: float) -> None:
        """Add `delay_s` to each way."""
        self._each(lambda proxy: proxy.slow(delay_s))

    def _each(self, do: Callable[[Proxy], Any]) -> None:
        for proxy in self._proxies:
            self._run(lambda proxy=proxy: do(proxy))

    def _run(self, call: Callable[[], Any]) -> Any:
        async def called() -> Any:
            result = call()
            return await result if asyncio.iscoroutine(result) else result

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result(10)


#: Opens a link to servers, on these ports of our own (0: any free one).
OpenLink = Callable[[Sequence[str], Sequence[int]], Link]


@contextmanager
def links() -> Iterator[OpenLink]:
    """A thread for links; all are cut at the end."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="links", daemon=True)
    thread.start()
    opened: list[Link] = []

    def open_link(urls: Sequence[str], ports: Sequence[int]) -> Link:
        opened.append(Link(loop, urls, ports))
        return opened[-1]

    try:
        yield open_link
    finally:
        for link in opened:
            link.cut()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
