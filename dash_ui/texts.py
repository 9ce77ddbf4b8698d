"""Numbers, times and names as a person reads them, in the language that is spoken now."""

from collections.abc import Sequence

from babel.lists import format_list
from babel.numbers import format_decimal

from dash_ui.language import known, locale, say

NOTHING = "–"
#: The largest unit that fits says how long ago something was.
AGES = ((86400, "age.days"), (3600, "age.hours"), (60, "age.minutes"))
SIZES = ((2**30, "GB"), (2**20, "MB"), (2**10, "kB"))


def number(value: float | None, decimals: int = 0) -> str:
    """A number with so many decimals."""
    if value is None:
        return NOTHING
    return str(format_decimal(round(value, decimals) + 0.0, _pattern(decimals), locale()))


def ms(value: float | None) -> str:
    """Milliseconds with one decimal, without their unit."""
    return number(value, 1)


def milliseconds(value: float) -> str:
    """Milliseconds with their unit, as precise as they are read."""
    return f"{number(value, 1 if 0 < value < 10 else 0)}\u00a0ms"


def seconds(value: float) -> str:
    """Seconds with their unit."""
    return f"{number(value)}\u00a0s"


def percent(value: float | None, decimals: int = 0) -> str:
    """A share from 0 to 1 in percent; the space does not break."""
    return NOTHING if value is None else f"{number(value * 100, decimals)}\u00a0%"


def count(value: int | None) -> str:
    """A number of things."""
    return number(value)


def rate(value: float | None) -> str:
    """Images per second, without the unit."""
    return number(value, 1)


def size(value: float | None) -> str:
    """Bytes in the largest unit that fits (1 kB = 1024 bytes)."""
    if value is None:
        return NOTHING
    for unit, name in SIZES:
        if value >= unit:
            return f"{number(value / unit, 1)}\u00a0{name}"
    return f"{number(value)}\u00a0B"


def age(seconds: float) -> str:
    """How long ago something was, in the largest unit that fits."""
    if seconds < 2:
        return say("age.now")
    for unit, key in AGES:
        if seconds >= unit:
            return say(key, number=count(int(seconds // unit)))
    return say("age.seconds", number=count(int(seconds)))


def listing(names: Sequence[str]) -> str:
    """Names with commas and an "and"."""
    return format_list(list(names), "standard", locale())


def shorten(text: str, length: int) -> str:
    """A text of at most so many characters, the last one an ellipsis where some are left out."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def class_name(label: str) -> str:
    """What a class of the models is called; one that the catalogue does not know keeps its name."""
    return known(f"class.{label}", label)


def source_name(source: str) -> str:
    """Where images come from, in words."""
    return known(f"source.{source}", source)


def _pattern(decimals: int) -> str:
    return "#,##0" + ("." + "0" * decimals if decimals else "")
