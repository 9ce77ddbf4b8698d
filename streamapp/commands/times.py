"""Times as people write them on a command line."""

import re
from datetime import UTC, datetime, timedelta

from streamapp.errors import SettingsError
from streamapp.records import now

_AGE = re.compile(r"(\d{1,6})\s*(s|m|h|d)(?: ago)?")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def is_age(text: str) -> bool:
    """Whether a time is said as seen from now, so that it is another one later."""
    return text == "now" or _AGE.fullmatch(text) is not None


def parse_time(text: str, name: str) -> datetime:
    """`2026-11-22`, `2026-11-22T12:00:00+01:00` (UTC where no zone is given), `now`, or an age such as `90s` or `2d`.

    Raises:
        SettingsError: it is no time; the text names the option `name`.
    """
    if text == "now":
        return now()
    try:
        if age := _AGE.fullmatch(text):
            return now() - timedelta(**{_UNITS[age[2]]: int(age[1])})
        time = datetime.fromisoformat(text)
    except (ValueError, OverflowError):  # the latter of an age from before the year 1
        raise SettingsError(f"{name}: {text!r} is no time such as 2026-11-22T12:00:00, 15m or 2d") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
