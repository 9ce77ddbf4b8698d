"""Numbers and times as a person reads them."""

NOTHING = "–"


def ms(value: float | None) -> str:
    """Milliseconds with one decimal, without their unit."""
    return NOTHING if value is None else f"{value:,.1f}"


def percent(value: float | None, decimals: int = 0) -> str:
    """A share from 0 to 1 in percent."""
    return NOTHING if value is None else f"{value * 100:.{decimals}f} %"


def count(value: int) -> str:
    """A number of things."""
    return f"{value:,}"


def rate(value: float) -> str:
    """Images per second, without the unit."""
    return f"{value:.1f}"


def age(seconds: float) -> str:
    """How long ago something was, in the largest unit that fits."""
    if seconds < 2:
        return "just now"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{int(seconds)} s ago"


def listing(names: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
