"""The routes of the fake API that are about its books: ledger, dead letters, alerts, labels, reloads."""

from datetime import datetime
from typing import Any

from aiohttp import web

from tests.support import fake_answers, fake_past
from tests.support.fake_races import CLASSES, FakeWorld

API = "/api/v1"


def problem(status: int, title: str, detail: str, name: str = "not-found") -> web.Response:
    """Problem details, as the API writes them."""
    body = {"type": f"urn:streamapp:problem:{name}", "title": title, "status": status, "detail": detail}
    return web.json_response(body, status=status, content_type="application/problem+json")


class Books:
    """Handlers over a world; `asked` are the orders that came, `lost` images that the ledger misses."""

    def __init__(self, world: FakeWorld) -> None:
        self.world = world
        self.asked: list[str] = []
        self.lost = 0

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        return [
            web.get(f"{API}/ledger", self.ledger),
            web.get(f"{API}/alerts", self.alerts),
            web.get(f"{API}/alerts/rules", self.rules),
            web.get(f"{API}/system", self.system),
            web.get(f"{API}/stats/history", self.history),
            web.get(f"{API}/stats/comparison", self.comparison),
            web.get(f"{API}/stats/distributions", self.distributions),
            web.get(f"{API}/dead-letters", self.letters),
            web.post(f"{API}/dead-letters/retry", self.retry_all),
            web.post(f"{API}/dead-letters/{{id}}/{{verb}}", self.settle),
            web.post(f"{API}/models/{{name}}/reload", self.reload),
            web.post(f"{API}/images/{{id}}/label", self.label),
            web.delete(f"{API}/images/{{id}}/label", self.withdraw),
            web.post(f"{API}/labels", self.labels),
        ]

    async def ledger(self, _request: web.Request) -> web.Response:
        return web.json_response(fake_answers.ledger(self.world, self.lost))

    async def system(self, _request: web.Request) -> web.Response:
        return web.json_response(fake_answers.system(self.world))

    async def history(self, request: web.Request) -> web.Response:
        begin, bucket = datetime.fromisoformat(request.query["from"]), request.query["bucket"]
        seconds = {"5s": 5, "10s": 10, "1m": 60, "5m": 300, "15m": 900}[bucket]
        return web.json_response(fake_past.history(self.world, begin, seconds))

    async def distributions(self, request: web.Request) -> web.Response:
        return web.json_response(fake_past.distributions(self.world, int(request.query["minutes"])))

    async def comparison(self, request: web.Request) -> web.Response:
        return web.json_response(fake_past.comparison(self.world, int(request.query["minutes"])))

    async def alerts(self, _request: web.Request) -> web.Response:
        return web.json_response({"alerts": self.world.alerts, "next": None})

    async def rules(self, _request: web.Request) -> web.Response:
        return web.json_response(fake_answers.rules())

    async def letters(self, request: web.Request) -> web.Response:
        shown = [letter for letter in self.world.letters if letter["status"] == request.query.get("status", "open")]
        return web.json_response({"dead_letters": shown[::-1], "next": None})

    async def retry_all(self, request: web.Request) -> web.Response:
        order = await request.json()
        through = order.get("through", max((letter["id"] for letter in self.world.letters), default=0))
        meant = [letter for letter in self.world.letters if order["after"] < letter["id"] <= through]
        found = [letter for letter in meant if letter["status"] == "open"]
        for letter in found[:2]:
            letter["status"] = "retried"
        settled = [letter["id"] for letter in found[:2]]
        more = settled[-1] if len(found) > 2 else None
        answer = {"dry_run": False, "settled": settled, "refused": [], "next": more, "through": through}
        return web.json_response(answer, status=202)

    async def settle(self, request: web.Request) -> web.Response:
        verb = request.match_info["verb"]
        for letter in self.world.letters:
            if str(letter["id"]) == request.match_info["id"]:
                letter["status"] = {"retry": "retried", "discard": "discarded"}[verb]
                return web.json_response(letter, status=202)
        return problem(404, "Not Found", "there is no such dead letter")

    async def reload(self, request: web.Request) -> web.Response:
        self.asked.append(f"reload {request.match_info['name']}")
        return web.json_response({"request_id": "1"}, status=202)

    async def labels(self, request: web.Request) -> web.Response:
        wanted = {each["image_id"]: each["label"] for each in (await request.json())["labels"]}
        for race in self.world.races:
            race["label"] = wanted.get(race["image_id"], race["label"])
        results = [{"image_id": image_id, "status": 200} for image_id in wanted]
        return web.json_response({"results": results, "changed": len(results)})

    async def label(self, request: web.Request) -> web.Response:
        body: dict[str, Any] = await request.json()
        if body["label"] not in CLASSES:
            return problem(422, "Unprocessable", "no model knows this class", "unknown-class")
        for race in self.world.races:
            if race["image_id"] == request.match_info["id"]:
                race["label"] = body["label"]
                for prediction in race["predictions"]:
                    prediction["label"] = body["label"]
                return web.json_response({"image_id": race["image_id"], **body, "changed": True})
        return problem(404, "Not Found", "there is no such image")

    async def withdraw(self, request: web.Request) -> web.Response:
        """The label is gone; no image of the pages that label came with one."""
        for race in self.world.races:
            if race["image_id"] == request.match_info["id"]:
                changed, race["label"] = race["label"] is not None, None
                for prediction in race["predictions"]:
                    prediction["label"] = None
                return web.json_response({"image_id": race["image_id"], "changed": changed})
        return problem(404, "Not Found", "there is no such image")
