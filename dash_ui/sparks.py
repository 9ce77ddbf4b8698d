"""Sparklines: how a figure moved in the last two minutes; data in, SVG out, in the colour of its row (`--model`)."""

from collections.abc import Sequence
from itertools import groupby

from dash_ui.tree import Element

WIDTH, HEIGHT = 100, 20
#: More points than this would only cost bytes.
POINTS = 24


def sparkline(values: Sequence[float | None], label: str = "") -> list[Element]:
    """A line through the values, oldest first, broken where one is missing; nothing before there are two.

    `assets/tree.js` makes the SVG around it: a page has many of them, and each byte is sent every second.
    """
    thinned = thin(values, POINTS)
    known = [value for value in thinned if value is not None]
    if len(known) < 2:
        return []
    low, high = min(known), max(known)
    # A figure that hardly moves is a flat line in the middle, not noise blown up.
    spread = max(high - low, abs(high) * 0.1, 1e-9)
    low -= (spread - (high - low)) / 2
    step = WIDTH / (len(thinned) - 1)
    points = [
        None if value is None else f"{number * step:.0f} {(HEIGHT - 2) * (1 - (value - low) / spread) + 1:.0f}"
        for number, value in enumerate(thinned)
    ]
    pieces = ["L".join(map(str, piece)) for there, piece in groupby(points, lambda point: point is not None) if there]
    return [Element("spark", {"d": "".join(f"M{piece}" for piece in pieces)} | ({"title": label} if label else {}))]


def thin(values: Sequence[float | None], most: int) -> list[float | None]:
    """At most so many of the values, evenly taken; the newest is always one of them."""
    step = -(-len(values) // most) if values else 1
    return list(values[::-1][::step])[::-1]
