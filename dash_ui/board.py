"""The state that every browser session shows: the newest races, figures and the link to the API. No I/O."""

import time
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from dash_ui.data import Json, Race, Stats
from dash_ui.minute import Minute
from dash_ui.past import Histories

STRIP = 12
KEPT_RACES = 300
#: Images that have left the board are remembered, for an amended verdict is no new image. The API amends one for a
#: quarter of an hour after its last answer, in which so many come at fifty a second; they take some 8 MB.
KEPT_LEFT = 45_000
#: The figures come once a second; sparklines show so many of the last ones.
KEPT_STATS = 120
#: The rate of the verdicts is over so many seconds, and exact up to 200 a second.
RATE_S = 10.0
KEPT_MOMENTS = 2000

LinkState = Literal["connecting", "live", "reconnecting", "down"]


@dataclass(frozen=True)
class Link:
    """How the dashboard stands with the API."""

    state: LinkState = "connecting"
    error: str = ""


@dataclass
class Revisions:
    """Counters that tell a session whether what it shows has changed."""

    races: int = 0
    stats: int = 0
    models: int = 0


def strip_of(races: Iterable[Race], camera: str = "") -> list[Race]:
    """The first of these images, as many as are shown at once; those of one camera only, where one is given."""
    return list(islice((race for race in races if camera in ("", race.camera_id)), STRIP))


class Board:
    """What is known now. Each `take_…` returns nothing and moves a revision on when something changed."""

    def __init__(self) -> None:
        self.link = Link()
        self.revisions = Revisions()
        self.models: list[str] = []
        self.untrained: set[str] = set()
        self.trend: deque[Stats] = deque(maxlen=KEPT_STATS)
        self.minute = Minute()
        self.histories = Histories()
        self.classes: list[str] = []
        self.facts: dict[str, str] = {}
        self.reload_errors: dict[str, str] = {}
        self.last_data: float | None = None
        self.taken = 0
        self._races: OrderedDict[str, Race] = OrderedDict()
        self._left: OrderedDict[str, None] = OrderedDict()
        self._moments: deque[float] = deque(maxlen=KEPT_MOMENTS)

    @property
    def newest(self) -> Race | None:
        """The image whose verdict came last."""
        return next(reversed(self._races.values()), None)

    def races(self) -> tuple[Race, ...]:
        """Every image that is kept, newest first."""
        return tuple(reversed(self._races.values()))

    def latest(self, camera: str = "") -> list[Race]:
        """The newest images, newest first; those of one camera only, where one is given."""
        return strip_of(self.races(), camera)

    @property
    def stats(self) -> Stats | None:
        """The figures of the last minute."""
        return self.trend[-1] if self.trend else None

    def cameras(self) -> dict[str, Race]:
        """The newest image of each camera that is among the kept ones, by name."""
        newest = {race.camera_id: race for race in self._races.values() if race.camera_id}
        return {name: newest[name] for name in sorted(newest)}

    def rate(self) -> float:
        """Verdicts per second in the last ten seconds."""
        since = time.monotonic() - RATE_S
        return sum(moment > since for moment in self._moments) / RATE_S

    def race(self, image_id: str) -> Race | None:
        """An image that is on the board."""
        return self._races.get(image_id)

    def take_verdict(self, race: Race) -> None:
        """A verdict has come, or an amendment of one, which does not make its image the newest."""
        if race.image_id not in self._left:
            self._place(race)
        self._learn_models((answer.model, answer.trained) for answer in race.answers)
        self._learn_models((model, model not in self.untrained) for model in (*race.dead, *race.shed))
        self.last_data = time.monotonic()

    def _place(self, race: Race) -> None:
        if race.image_id not in self._races:
            self.taken += 1
            self._moments.append(time.monotonic())
        self._races[race.image_id] = race
        while len(self._races) > KEPT_RACES:
            self._left[self._races.popitem(last=False)[0]] = None
        while len(self._left) > KEPT_LEFT:
            self._left.popitem(last=False)
        self.revisions.races += 1

    def take_newest(self, races: list[Race]) -> None:
        """The list of the newest images, newest first, after a connection; images without a verdict will come."""
        for race in reversed(races):
            if not race.pending:
                self.take_verdict(race)

    def take_stats(self, stats: Stats) -> None:
        """The figures of the last minute."""
        self._learn_models((model.model, model.trained) for model in stats.models)
        self.trend.append(stats)
        self.revisions.stats += 1
        self.last_data = time.monotonic()

    def take_models(self, models: Iterable[Json]) -> None:
        """What the model workers serve, and why some do not serve what they should."""
        models = list(models)
        self._learn_models((str(model["model"]), bool(model.get("trained", True))) for model in models)
        self.classes = sorted({str(label) for model in models for label in model.get("labels") or ()})
        facts = {str(model["model"]): _facts(model) for model in models}
        errors = {
            str(model["model"]): str(model["reload_error"]["error"]) for model in models if model.get("reload_error")
        }
        if (facts, errors) != (self.facts, self.reload_errors):
            self.facts, self.reload_errors = facts, errors
            self.revisions.models += 1

    def take_link(self, link: Link) -> None:
        """The connection to the API has changed; while there was none, verdicts were missed."""
        if link.state == "live" != self.link.state:
            self.minute.begin(time.time())
        self.link = link

    def data_age_s(self) -> float | None:
        """Seconds since something came from the API; None before the first time."""
        return None if self.last_data is None else time.monotonic() - self.last_data

    def _learn_models(self, models: Iterable[tuple[str, bool]]) -> None:
        """A model keeps its place, and so its colour, from when it is first seen; together they come in name order."""
        known = (list(self.models), set(self.untrained))
        for model, trained in sorted(models):
            if model not in self.models:
                self.models.append(model)
            (self.untrained.discard if trained else self.untrained.add)(model)
        if known != (self.models, self.untrained):
            self.revisions.models += 1


def _facts(model: Json) -> str:
    """Version, precision and runtime in short."""
    return " · ".join(str(model[name]) for name in ("model_version", "precision", "runtime") if model.get(name))
