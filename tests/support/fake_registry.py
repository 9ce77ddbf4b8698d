"""The routes of the fake API that are about its registry: versions of models, the champion, and what changed when."""

from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from tests.support.fake_books import API, problem
from tests.support.fake_races import FakeWorld

VERSIONS = 6


class Registry:
    """Every model has some versions, each a little better than the one before; the last but one serves."""

    def __init__(self, world: FakeWorld) -> None:
        self.world = world
        self.champions: dict[str, int] = {}
        self.changes: list[dict[str, Any]] = []
        self.started = datetime.now(UTC)

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        return [
            web.get(f"{API}/models/changes", self.list_changes),
            web.get(f"{API}/models/{{name}}/versions", self.versions),
            web.post(f"{API}/models/{{name}}/promote", self.promote),
        ]

    def champion(self, name: str) -> int:
        """Which version serves."""
        return self.champions.get(name, VERSIONS - 1)

    def change(self, name: str, version: int, at: datetime) -> None:
        """Another version serves from now on."""
        before, self.champions[name] = self.champion(name), version
        self.changes.append({"model": name, "at": at.isoformat(), "version": str(version), "before": str(before)})

    async def list_changes(self, request: web.Request) -> web.Response:
        since = datetime.fromisoformat(request.query["since"])
        found = [each for each in self.changes if datetime.fromisoformat(each["at"]) >= since]
        span = {"since": since.isoformat(), "until": datetime.now(UTC).isoformat()}
        return web.json_response({**span, "changes": found[::-1]})

    async def versions(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        skill = {model.name: model.skill for model in self.world.models}.get(name)
        if skill is None:
            return problem(404, "Not Found", "there is no such model")
        shown = [self._version(name, number, skill) for number in range(VERSIONS, 0, -1)]
        return web.json_response({"model": name, "registered": name, "versions": shown})

    def _version(self, name: str, number: int, skill: float) -> dict[str, Any]:
        value = skill - 0.011 * (VERSIONS - number)
        return {
            "version": str(number),
            "aliases": ["champion"] if number == self.champion(name) else [],
            "accuracy": {"value": value, "low": value - 0.012, "high": value + 0.011, "pictures": 10000},
            "sha256": "",
            "run_id": "",
            "served_by": [name] if number == self.champion(name) else [],
            "registered_at": (self.started - timedelta(days=3 * (VERSIONS - number))).isoformat(),
        }

    async def promote(self, request: web.Request) -> web.Response:
        name, version = request.match_info["name"], str((await request.json())["version"])
        if not version.isdecimal() or not 1 <= int(version) <= VERSIONS:
            return problem(404, "Not Found", f"there is no version {version} of {name}")
        before = str(self.champion(name))
        self.change(name, int(version), datetime.now(UTC))
        said = {"model": name, "registered": name, "version": version, "before": before, "models": [name]}
        return web.json_response({**said, "request_id": "1"}, status=202)
