"""A platform for the fault tests: real Kafka, real stores, every worker, and lines between them that can be cut."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from streamapp.settings import Settings
from tests.support.fleet import MODELS, ROLES, Fleet, fleet
from tests.support.kafka import KafkaCluster
from tests.support.load import Load, Seeds
from tests.support.oracle import Oracle
from tests.support.proxy import Link, links
from tests.support.stack import Stack, running_servers
from tests.support.trial import Lags, Trial

STORES = ("database_url", "object_store_url", "redis_url")
RATE = 10.0
#: What aiokafka logs when a member has joined.
JOINED = "Successfully synced group"


@dataclass(frozen=True)
class Result:
    """One line of the table at the end."""

    fault: str
    what: str
    images: int = 0
    refused: int = 0
    dead: int = 0
    recovered_s: tuple[float, ...] = ()
    took_s: float = 0.0


@dataclass
class Form:
    """Every fault once, and short; or the whole table with its repetitions."""

    full: bool

    def times(self, count: int) -> range:
        """Repetitions of a fault."""
        return range(count if self.full else 1)

    def seconds(self, full: float, short: float) -> float:
        """How long a fault lasts."""
        return full if self.full else short

    @property
    def within_s(self) -> float:
        """Longest recovery; in the short form with room for a machine that does something else as well."""
        return 30.0 if self.full else 90.0


@dataclass
class Lab:
    """The platform, with what a fault needs to get at it."""

    form: Form
    kafka: KafkaCluster
    servers: Stack
    stores: dict[str, Link]
    fleet: Fleet
    oracle: Oracle
    results: list[Result]
    seeds: Seeds = field(default_factory=Seeds)

    @asynccontextmanager
    async def trial(self, fault: str, what: str, rate: float = RATE, *, cameras: bool = False) -> AsyncIterator[Trial]:
        """A fault under a steady load, with frames of `cameras` in it or without; at the end everything is counted."""
        began = time.monotonic()
        self.fleet.start(*self.fleet.fallen())  # what a test before has left is its failure alone
        await self.fleet.ready()
        load = Load(self.fleet.api, rate, self.seeds, cameras)
        trial = Trial(self.oracle, load, Lags(self.oracle.settings, list(MODELS)), self.form.within_s)
        async with load.running():
            await trial.steady()
            yield trial
        await trial.verify()
        dead = sum(map(len, trial.promise.dead.values()))
        numbers = trial.images, len(load.refusals), dead, tuple(trial.recoveries)
        self.results.append(Result(fault, what, *numbers, time.monotonic() - began))
        assert not self.fleet.fallen(), "workers that ended by themselves"

    def note(self, fault: str, what: str) -> None:
        """A line of the table for what needs no load."""
        self.results.append(Result(fault, what))

    def joins(self) -> int:
        """How often a worker has joined its group so far."""
        return sum(worker.output().count(JOINED) for worker in self.fleet.workers.values())


@contextmanager
def lab(
    folder: Path,
    kafka: KafkaCluster,
    form: Form,
    results: list[Result],
    **settings: object,
) -> Iterator[Lab]:
    """Everything started, one worker of each role; each role has the link to the broker that has its name."""
    with running_servers({"STREAMAPP_BROKER": kafka.url}) as servers, links() as open_link:
        direct = Settings.load(servers.environ).model_copy(update={"broker": kafka.url, **settings})
        stores = {name: open_link([getattr(direct, name)], [0]) for name in STORES}
        linked = direct.model_copy(update={name: link.urls[0] for name, link in stores.items()})
        settings_of = {
            role: linked.model_copy(update={"broker": kafka.url_by(role)}) if role in kafka.links else linked
            for role in ROLES
        }
        on_disk = {"table_store": "rocksdb://?driver=rocksdict"}
        settings_of["stats"] = settings_of["stats"].model_copy(update=on_disk)
        with fleet(settings_of, folder) as workers:
            workers.start(*(f"{role}-1" for role in ROLES))
            yield Lab(form, kafka, servers, stores, workers, Oracle(direct, MODELS), results)
