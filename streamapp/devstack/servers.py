"""Which servers are needed: ours, or the one whose URL is set in the environment."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from streamapp.devstack import embedded, health, postgres
from streamapp.devstack.ports import PortBook
from streamapp.devstack.secrets import Secrets
from streamapp.settings import PREFIX, Settings

#: With the embedded broker only references travel, an empty fetch is answered at once, and messages are few.
EMBEDDED_BROKER = {"inline_max_bytes": "0", "empty_fetch_pause_ms": "10", "retention_minutes": "20"}


@dataclass(frozen=True)
class Server:
    """A server that is needed.

    Attributes:
        name: its name in the log.
        setting: the setting that has its URL.
        url: that URL, with its password.
        check: raises while the server does not answer.
        start: starts it; None if it is not ours.
    """

    name: str
    setting: str
    url: str
    check: Callable[[], Awaitable[None]]
    start: embedded.Start | None = None


async def _database_answers(url: str) -> None:
    await health.database(url, postgres.wheel_programs() / "psql")


# PostgreSQL is the last to start: on the very first start it makes its files, and the others start meanwhile.
KINDS: tuple[tuple[str, str, Any, Callable[..., Awaitable[None]]], ...] = (
    ("kafka", "broker", embedded.kafka, health.broker),
    ("redis", "redis_url", embedded.redis, health.cache),
    ("objects", "object_store_url", embedded.objects, health.object_store),
    ("postgres", "database_url", embedded.database, _database_answers),
)


def plan(settings: Settings, data_dir: Path, ports: PortBook) -> list[Server]:
    """Every server, in the order of start and check.

    Raises:
        DevStackError: a program is missing, or a folder cannot be used.
    """
    secrets = Secrets.load(data_dir / "secrets.json")
    planned = []
    for name, setting, make, check in KINDS:
        if setting in settings.model_fields_set:
            url, start = str(getattr(settings, setting)), None
        else:
            ours = make(data_dir, secrets, ports)
            url, start = ours.url, ours.start
        known = {"settings": settings} if setting == "broker" else {}
        planned.append(Server(name, setting, url, partial(check, url, **known), start))
    return planned


def environ(servers: list[Server], settings: Settings) -> dict[str, str]:
    """The variables by which other processes find the servers."""
    found = {PREFIX + server.setting.upper(): server.url for server in servers}
    if any(server.setting == "broker" and server.start for server in servers):
        wanted = {name: value for name, value in EMBEDDED_BROKER.items() if name not in settings.model_fields_set}
        found |= {PREFIX + name.upper(): value for name, value in wanted.items()}
    return found
