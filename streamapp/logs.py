"""How a worker logs: one line an event, for `streamapp up` and container platforms, which add time and name."""

from typing import Any


def configuration(level: str) -> dict[str, Any]:
    """A `logging.config` dictionary: ours from `level` on, the libraries' from warnings on (all of them at `debug`)."""
    libraries = "DEBUG" if level == "debug" else "WARNING"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(levelname)s %(message)s"}},
        "handlers": {"stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "line"}},
        "root": {"level": libraries, "handlers": ["stdout"]},
        "loggers": {
            "streamapp": {"level": level.upper()},
            "streamapp.transport": {"level": libraries},  # Faust's own services, a little changed
        },
    }
