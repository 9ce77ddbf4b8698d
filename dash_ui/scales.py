"""A logarithmic axis of milliseconds: where a value lies on it, and which values are written at it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from dash_ui.texts import number
from dash_ui.tree import Element

#: Times that are shorter lie at the edge: nothing that is measured here is known more exactly.
LEAST = 0.01
#: Where more ticks than this would have to be written, powers of ten are.
MOST = 8


def decades(values: Sequence[float]) -> list[float]:
    """Ticks 1, 2, 5, 10 … of a logarithmic axis that hold all values, which are positive."""
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    ticks = [factor * 10.0**power for power in range(low, high + 1) for factor in (1, 2, 5)]
    first = max(tick for tick in ticks if tick <= min(values) * (1 + 1e-9))
    last = min((tick for tick in ticks if tick > max(max(values), first)), default=10.0 ** (high + 1))
    return [tick for tick in ticks if first <= tick <= last]


@dataclass(frozen=True)
class Axis:
    """From the first tick, at `left`, to the last one, at `right`."""

    ticks: tuple[float, ...]
    left: float
    right: float

    @classmethod
    def over(cls, values: Iterable[float], left: float, right: float) -> "Axis":
        """The axis that holds these milliseconds."""
        return cls(tuple(decades([max(value, LEAST) for value in values])), left, right)

    def x(self, value: float) -> float:
        """Where a value lies."""
        share = log10(max(value, self.ticks[0]) / self.ticks[0]) / log10(self.ticks[-1] / self.ticks[0])
        return round(self.left + (self.right - self.left) * share, 1)

    def written(self) -> list[float]:
        """The ticks that are written: all, or powers of ten where they would be too many."""
        tens = [tick for tick in self.ticks if abs(log10(tick) - round(log10(tick))) < 1e-9]
        return list(self.ticks) if len(self.ticks) <= MOST else tens

    def grid(self, top: float, bottom: float) -> list[Element]:
        """A line for each written tick, and its value below."""
        return [part for tick in self.written() for part in self._tick(tick, top, bottom)]

    def _tick(self, tick: float, top: float, bottom: float) -> tuple[Element, Element]:
        x = self.x(tick)
        words = f"{number(tick, 0 if tick >= 1 else 1 if tick >= 0.1 else 2)} ms"
        line = Element("line", {"x1": x, "y1": top, "x2": x, "y2": bottom})
        return line, Element("text", {"x": x, "y": bottom + 18, "textAnchor": "middle"}, [words])
