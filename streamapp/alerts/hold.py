"""Hysteresis: a figure must be bad for a while before its alert fires, and good for a while before it is over."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from streamapp.alerts.rules import Reading

Key = tuple[str, str]


class Changes(NamedTuple):
    """What fires now, and what is over, with the last figure where there is one."""

    fired: list[Reading]
    resolved: dict[Key, float | None]


class Hold:
    """Remembers since when each figure wants another state than its alert has. The state itself is not kept here."""

    def __init__(self, hold_s: float) -> None:
        self._hold_s = hold_s
        self._since: dict[Key, float] = {}

    def step(
        self, readings: Iterable[Reading], firing: Collection[Key], unknown: Collection[str], now: float
    ) -> Changes:
        """What changes at the time `now` in seconds, given the alerts that are open.

        What is open and has no figure any more (a model or a camera that is gone) counts as good, unless its rule is
        among the `unknown` ones.
        """
        seen = {reading.key: reading for reading in readings}
        gone = {key for key in firing if key not in seen and key[0] not in unknown}
        restless = {key: reading for key, reading in seen.items() if reading.bad is (key not in firing)}
        self._since = {key: self._since.get(key, now) for key in [*restless, *gone]}
        due = {key for key, since in self._since.items() if now - since >= self._hold_s}
        return Changes(
            fired=[reading for key, reading in restless.items() if key in due and key not in firing],
            resolved={key: seen[key].value if key in seen else None for key in due if key in firing},
        )
