"""A stand-in for the API, for tests of the dashboard alone: `python -m tests.support.fake_api --port 8001`.

It speaks the HTTP interface (list, statistics, models, events, pictures, upload) over made-up races.
"""

import argparse
import asyncio
import json
import threading
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from aiohttp import web

from tests.support import fake_answers
from tests.support.fake_books import Books, problem
from tests.support.fake_keys import Keys
from tests.support.fake_lists import fits
from tests.support.fake_races import FakeWorld, jpeg
from tests.support.fake_registry import Registry

EVERY_S = 0.4
MAX_BYTES = 10 * 1024 * 1024
MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")


class FakeApi:
    """The fake API on one port, in a thread of its own; it can go away and come back."""

    def __init__(self, port: int = 0, every_s: float = EVERY_S) -> None:
        self.port, self.every_s = port, every_s
        self.world = FakeWorld()
        self.books = Books(self.world)
        self.registry = Registry(self.world)
        self.keys = Keys()
        self.streams_opened = 0
        self._accepted: dict[str, dict[str, Any]] = {}  # images that are not raced yet
        self._readers: set[asyncio.Queue[tuple[str, Any]]] = set()
        self._loop = asyncio.new_event_loop()
        self._runner: web.AppRunner | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # -- from the test's thread --------------------------------------------------------------------
    def __enter__(self) -> "FakeApi":
        self._thread.start()
        self.come_back()
        return self

    def __exit__(self, *exc: object) -> None:
        self.go_away()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def come_back(self) -> None:
        """Listen (again)."""
        asyncio.run_coroutine_threadsafe(self.start(), self._loop).result(10)

    def go_away(self) -> None:
        """Stop answering and cut every connection."""
        asyncio.run_coroutine_threadsafe(self.stop(), self._loop).result(10)

    # -- in the loop -------------------------------------------------------------------------------
    async def start(self) -> None:
        app = web.Application(client_max_size=2 * MAX_BYTES, middlewares=[self.keys.middleware()])
        app.add_routes(
            [
                web.get("/api/v1/images", self._images),
                web.post("/api/v1/images", self._post),
                web.get("/api/v1/images/{id}", self._image),
                web.get("/api/v1/images/{id}/{size:thumbnail|original}", self._picture),
                web.get("/api/v1/stats", self._stats),
                web.get("/api/v1/models", self._models),
                web.get("/api/v1/events", self._events),
                *self.books.routes(),
                *self.registry.routes(),
            ]
        )
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._tasks = [asyncio.create_task(self._emit()), asyncio.create_task(self._emit_stats())]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for queue in self._readers:
            queue.put_nowait(("end", None))
        if self._runner is not None:
            await self._runner.cleanup()

    async def _emit(self) -> None:
        due = self._loop.time()
        while True:
            if self.every_s:
                self._publish("verdict", self.world.race())
            due = max(due, self._loop.time() - 1) + (self.every_s or 0.1)  # what is late is made up for, up to a second
            await asyncio.sleep(due - self._loop.time())

    async def _emit_stats(self) -> None:
        while True:
            self._publish("stats", self.world.stats("1m"))
            await asyncio.sleep(1)

    def _publish(self, event: str, data: Any) -> None:
        for queue in self._readers:
            queue.put_nowait((event, data))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        await response.prepare(request)
        queue: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self._readers.add(queue)
        self.streams_opened += 1
        try:
            await response.write(b": hello\n\n")
            while True:
                event, data = await queue.get()
                if event == "end":
                    return response
                await response.write(f"event: {event}\ndata: {json.dumps(data)}\n\n".encode())
        except ConnectionError:  # the reader has left
            return response
        finally:
            self._readers.discard(queue)

    async def _images(self, request: web.Request) -> web.Response:
        query = request.query
        limit, before = int(query.get("limit", "50")), int(query.get("before", len(self.world.races)))
        listed = [
            (number, race) for number, race in enumerate(self.world.races) if number < before and fits(race, query)
        ][::-1]
        more = str(listed[limit - 1][0]) if len(listed) > limit else None
        return web.json_response({"images": [_as_image(race) for _, race in listed[:limit]], "next": more})

    async def _image(self, request: web.Request) -> web.Response:
        for verdict in self.world.races:
            if verdict["image_id"] == request.match_info["id"]:
                return web.json_response(_as_image(verdict))
        if (image := self._accepted.get(request.match_info["id"])) is not None:
            return web.json_response({"image": _facts(image), "predictions": [], "verdict": None})
        return problem(404, "No such image", "no image has this id")

    async def _picture(self, request: web.Request) -> web.Response:
        photo = self.world.photos.get(request.match_info["id"])
        if photo is None:
            return problem(404, "No such image", "no image has this id")
        size = 256 if request.match_info["size"] == "thumbnail" else 480
        return web.Response(body=jpeg(*photo, size), content_type="image/jpeg")

    async def _stats(self, request: web.Request) -> web.Response:
        return web.json_response(self.world.stats(request.query.get("window", "1m")))

    async def _models(self, _request: web.Request) -> web.Response:
        return web.json_response({"models": [fake_answers.model(model) for model in self.world.models]})

    async def _post(self, request: web.Request) -> web.Response:
        data, name, said = b"", "", {}
        async for field in await request.multipart():
            if field.filename is None:
                said[field.name] = await field.text()
            else:
                data, name = await field.read(), field.filename
        if not data.startswith(MAGIC):
            return problem(
                415, "Unsupported format", "the content is not a JPEG, PNG or WebP image", "unsupported-format"
            )
        image_id = str(uuid4())
        self._race_later(image_id, said.get("source", "upload"), said.get("camera_id"))
        image = {"image_id": image_id, "url": f"/api/v1/images/{image_id}", "filename": name}
        return web.json_response({"images": [image], "rejected": []}, status=202)

    def _race_later(self, image_id: str, source: str, camera: str | None) -> None:
        made = datetime.now(UTC).isoformat()
        self._accepted[image_id] = {"image_id": image_id, "timestamp": made, "source": source, "camera_id": camera}
        loop = asyncio.get_running_loop()
        loop.call_later(0.3, lambda: self._publish("verdict", self.world.race(source, image_id, camera=camera)))


def _as_image(verdict: dict[str, Any]) -> dict[str, Any]:
    return {"image": _facts(verdict), "predictions": verdict["predictions"], "verdict": verdict}


def _facts(image: dict[str, Any]) -> dict[str, Any]:
    return {key: image.get(key) for key in ("image_id", "timestamp", "source", "camera_id", "label")}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--every", type=float, default=EVERY_S)
    options = parser.parse_args()
    with FakeApi(options.port, options.every) as api:
        print(f"fake API: {api.url}", flush=True)
        threading.Event().wait()
