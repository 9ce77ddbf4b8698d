"""What the API knows without a database: figures, models and the newest verdicts, as they come from the topics."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any
from uuid import UUID

from streamapp.records import Prediction, Verdict
from streamapp.storage.alerts import Alert
from streamapp.web.answers import dumps, image_url
from streamapp.web.broadcast import Broadcast, Event, Subscription
from streamapp.web.figures import Figures
from streamapp.web.roster import Roster

log = logging.getLogger(__name__)

WINDOWS = {"1m": 60, "5m": 300, "15m": 900}
#: Until the recorder has stored them, with room for an outage of a minute; 1.7 kB each.
KEPT_VERDICTS = 4_000
#: Predictions that are found by their own id before the recorder has stored them.
KEPT_PREDICTIONS = 6_000
#: Figures are computed at most this often, in seconds; they arrive once a second.
FIGURES_S = 0.5
STATS_EVENT_S = 1.0


class LiveView:
    """Figures, models and verdicts in bounded memory. Used from one event loop only."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._figures = Figures(clock)
        self._verdicts: OrderedDict[UUID, bytes] = OrderedDict()
        self._images: OrderedDict[UUID, UUID] = OrderedDict()  # by prediction id
        self.roster = Roster(clock)
        self._computed: dict[str, tuple[float, dict[str, Any]]] = {}
        self._broadcast = Broadcast()
        self._ticker: asyncio.Task[None] | None = None

    def apply_partial(self, key: bytes, value: bytes | None) -> None:
        """Take in a message of `stats-partials`; one that cannot be read is logged and left out."""
        try:
            self._figures.apply(key.decode(), value)
        except (ValueError, KeyError, TypeError) as error:
            log.warning("a figure that cannot be read was left out: %r: %s", key[:100], error)

    def apply_verdict(self, verdict: Verdict) -> None:
        """Take in a verdict, or the amended one of the same image."""
        encoded = dumps(verdict)
        self._verdicts[verdict.image_id] = encoded
        self._verdicts.move_to_end(verdict.image_id)
        if len(self._verdicts) > KEPT_VERDICTS:
            self._verdicts.popitem(last=False)
        self._images.update((prediction.prediction_id, verdict.image_id) for prediction in verdict.predictions)
        while len(self._images) > KEPT_PREDICTIONS:
            self._images.popitem(last=False)
        thumbnail = dumps({"thumbnail_url": image_url(verdict.image_id, "thumbnail")})
        self._broadcast.keep("verdict", encoded[:-1] + b"," + thumbnail[1:])

    def send_alert(self, alert: Alert) -> None:
        """Tell the readers that an alert has fired or is over."""
        self._broadcast.keep("alert", dumps(alert))

    def verdict(self, image_id: UUID) -> Verdict | None:
        """The newest verdict of an image, if it is among the newest."""
        encoded = self._verdicts.get(image_id)
        return Verdict.decode(encoded) if encoded is not None else None

    def prediction(self, prediction_id: UUID) -> Prediction | None:
        """A prediction of one of the newest verdicts."""
        verdict = self.verdict(self._images[prediction_id]) if prediction_id in self._images else None
        found = [one for one in verdict.predictions if one.prediction_id == prediction_id] if verdict else []
        return found[0] if found else None

    def stats(self, window_s: float) -> list[dict[str, Any]]:
        """Figures per model over a window; models without any prediction yet are there too."""
        states = self.roster.newest()
        entries = self._figures.summary(window_s, [*states])
        for entry in entries:
            if (state := states.get(entry["model_name"])) is not None:
                entry["trained"] = state.trained
        return entries

    def figures(self, window: str) -> dict[str, Any]:
        """The answer of `/stats` for one of `WINDOWS`."""
        computed_at, answer = self._computed.get(window, (0.0, {}))
        present = time.monotonic()
        if not answer or present - computed_at > FIGURES_S:
            seconds = WINDOWS[window]
            answer = {"window": window, "models": self.stats(seconds), "ensemble": self._figures.ensemble(seconds)}
            self._computed[window] = present, answer
        return answer

    def totals(self) -> dict[str, dict[str, int]]:
        """Predictions, errors and frames left out of each model since the beginning."""
        return self._figures.totals()

    def subscribe(self) -> Subscription:
        """A reader of the live events; end it with `end()`."""
        if self._ticker is None or self._ticker.done():
            self._ticker = asyncio.create_task(self._send_stats())
        return self._broadcast.subscribe()

    def missed(self, last_id: str) -> list[Event] | None:
        """Events after the one with this id; None where they are not known. Without a pause after `subscribe`, nothing
        is missing in between and nothing is twice.
        """
        return self._broadcast.missed(last_id)

    @property
    def readers(self) -> int:
        """How many read the live events now."""
        return len(self._broadcast)

    def close(self) -> None:
        """End every reader: the server stops."""
        self._broadcast.close()

    async def _send_stats(self) -> None:
        """The figures of the last minute, once a second while anybody reads."""
        while True:
            await asyncio.sleep(STATS_EVENT_S)
            if not self._broadcast:
                return
            self._broadcast.send(Event("stats", dumps(self.figures("1m"))))
