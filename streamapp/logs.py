"""How a worker logs: one line an event, for `streamapp up` and container platforms, which add time and name."""

import logging
import time
from contextvars import ContextVar
from typing import Any

#: The id of the request that is being answered; empty where none is.
REQUEST: ContextVar[str] = ContextVar("request", default="")
#: A warning of these libraries is said at most once in so many seconds.
REPEATED_S = 10.0
REPEATING = ("aiokafka", "faust.topics", "asyncpg.pool")


class Sparing(logging.Filter):
    """Lets a repeated warning through now and then: of a broker that is away aiokafka says so ten times a second. A
    warning of theirs says its cause in its line: what asyncpg tries again needs no traceback.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this line is printed. Lines are the same if their templates are."""
        if record.levelno < logging.WARNING or not record.name.startswith(REPEATING):
            return True
        line, now = (record.name, str(record.msg)), time.monotonic()
        if now - self._said.get(line, -REPEATED_S) < REPEATED_S:
            return False
        self._said[line] = now
        if record.levelno == logging.WARNING and record.exc_info:
            record.msg, record.args = f"{record.getMessage()}: {record.exc_info[1]!r}", None
            record.exc_info = None
        return True


class Named(logging.Filter):
    """Gives each line the id of the request that it is about, unless it names it itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add it as `record.request`."""
        number = REQUEST.get()
        named = isinstance(record.args, tuple) and any(each is number for each in record.args)
        record.request = f"request {number}: " if number and not named else ""
        return True


def configuration(level: str) -> dict[str, Any]:
    """A `logging.config` dictionary: ours from `level` on, the libraries' from warnings on (all of them at `debug`)."""
    libraries = "DEBUG" if level == "debug" else "WARNING"
    stdout = {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "line"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(levelname)s %(request)s%(message)s"}},
        "filters": {"sparing": {"()": Sparing}, "named": {"()": Named}},
        "handlers": {"stdout": {**stdout, "filters": ["named"] if level == "debug" else ["sparing", "named"]}},
        "root": {"level": libraries, "handlers": ["stdout"]},
        "loggers": {
            "streamapp": {"level": level.upper()},
            "streamapp.transport": {"level": libraries},  # Faust's own services, a little changed
        },
    }
