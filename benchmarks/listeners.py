"""Many readers of the live events in a process of their own, which throw away what they read: `python -m … URL N`."""

import asyncio
import sys
from urllib.parse import urlsplit

from streamapp.ingest.target import credentials


def request(host: str) -> bytes:
    """What asks for the events, with the API key in STREAMAPP_API_TOKEN where that is set."""
    headers = {"Host": host, "Accept": "text/event-stream", **credentials()}
    lines = ["GET /api/v1/events HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode()


class Listener(asyncio.Protocol):
    """One connection; counts its bytes, and does no more, so that what is measured is the API and not its readers."""

    def __init__(self, host: str) -> None:
        self._request = request(host)
        self.bytes = 0
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the events."""
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Count them."""
        self.bytes += len(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The API has dropped this reader."""
        self.lost = True


async def listen(url: str, count: int) -> None:
    """Open the connections, say so, and read until the standard input ends; then say what came."""
    loop, place = asyncio.get_running_loop(), urlsplit(url)
    listeners = [Listener(place.netloc) for _ in range(count)]
    for listener in listeners:
        await loop.create_connection(lambda made=listener: made, place.hostname, place.port)  # type: ignore[misc]
    print("listening", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(sum(listener.bytes for listener in listeners), sum(listener.lost for listener in listeners), flush=True)


if __name__ == "__main__":
    asyncio.run(listen(sys.argv[1], int(sys.argv[2])))
