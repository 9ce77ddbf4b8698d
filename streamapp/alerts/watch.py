"""Looks at the rules now and then, writes down what changes, and tells everybody who listens."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from streamapp.alerts.disagreement import Disagreement
from streamapp.alerts.hold import Changes, Hold
from streamapp.alerts.rules import FIGURES, Measured, RuleName, readings, sentence
from streamapp.errors import StorageError
from streamapp.records import Verdict
from streamapp.settings import Settings
from streamapp.storage.alerts import Alert, AlertStore

log = logging.getLogger(__name__)

#: A camera that has been silent for so long is forgotten, and its alert is over, in seconds.
FORGET_CAMERA_S = 24 * 3600.0
MOST_CAMERAS = 1000
#: Changes of alerts that are looked at for news.
NEWEST = 100


class Live(Protocol):
    """What is read of the live view."""

    def figures(self, window: str) -> Mapping[str, Any]: ...  # noqa: D102

    def send_alert(self, alert: Alert) -> None: ...  # noqa: D102


class Watch:
    """The rules in one process of the API. Several may watch: the database has one open alert of a thing, and whoever
    wrote it down sends the notice; the others find it there and tell their own readers.
    """

    def __init__(
        self,
        settings: Settings,
        store: AlertStore,
        live: Live,
        *,
        lags: Callable[[], Awaitable[dict[str, int] | None]],
        figures_known: Callable[[], bool],
        notify: Callable[[Alert], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._store, self._live, self._clock = settings, store, live, clock
        self._lags, self._figures_known, self._notify = lags, figures_known, notify
        self._hold = Hold(settings.alert_hold_s)
        self._disagreement = Disagreement(settings.alert_window_s, clock())
        self._told: set[tuple[int, str]] | None = None

    def verdict(self, verdict: Verdict) -> None:
        """Take in a verdict."""
        self._disagreement.add(verdict, self._clock())

    async def run(self) -> None:
        """Look at the rules until cancelled. While PostgreSQL is away nothing changes."""
        while True:
            try:
                await self.look()
            except StorageError as error:
                log.warning("alerts wait: %s", error)
            await asyncio.sleep(self._settings.alert_every_s)

    async def look(self) -> None:
        """One round: measure, write down what changes, tell what is new.

        Raises:
            StoreUnavailable: PostgreSQL does not answer.
        """
        firing = {alert.key for alert in await self._store.open()}
        if self._told is None:  # what there was before this process is no news
            self._told = {(alert.id, alert.state) for alert in await self._store.newest_changes(NEWEST)}
        measured = await self._measure()
        found = readings(measured, self._settings)
        await self._write(self._hold.step(found, firing, measured.unknown, self._clock()))
        await self._tell(self._told)

    async def _measure(self) -> Measured:
        settings, present = self._settings, self._clock()
        silence = (
            await self._store.camera_silence(FORGET_CAMERA_S, MOST_CAMERAS) if settings.alert_camera_silent_s else {}
        )
        lags = await self._lags() if settings.alert_lag else {}
        unknown: list[RuleName] = [] if lags is not None else ["lag"]
        if not self._figures_known():
            unknown += ["latency", "errors"]
        if not self._disagreement.whole(present):
            unknown += ["disagreement", "camera-disagreement"]
        return Measured(
            disagreement=self._disagreement.counts(present),
            models=self._live.figures(FIGURES)["models"] if self._figures_known() else (),
            lags=lags or {},
            silent_s=silence,
            unknown=unknown,
        )

    async def _write(self, changes: Changes) -> None:
        for reading in changes.fired:
            assert reading.value is not None, "what nothing is known of does not fire"
            text = sentence(reading)
            if alert := await self._store.fire(*reading.key, text, reading.value, reading.limit):
                log.warning("alert: %s", text)
                self._notify(alert)
        for key, value in changes.resolved.items():
            if alert := await self._store.resolve(*key, value):
                log.info("over: %s", alert.text)
                self._notify(alert)

    async def _tell(self, told: set[tuple[int, str]]) -> None:
        """Send what fired or is over since the round before to the readers of events, whoever wrote it down."""
        newest = await self._store.newest_changes(NEWEST)
        for alert in reversed(newest):
            if (alert.id, alert.state) not in told:
                self._live.send_alert(alert)
        self._told = {(alert.id, alert.state) for alert in newest}
