"""Real Apache Kafka in KRaft mode without Docker: brokers as child processes on free ports.

Every call blocks. In asynchronous code use `asyncio.to_thread(cluster.restart)` and the like.
"""

import asyncio
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired, run

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streamapp.devstack.guarding import Guard
from streamapp.devstack.ports import PortBook
from tests.support.kafka_config import Broker, Login, format_options, properties
from tests.support.maven import KafkaUnavailable, kafka_jars, tail
from tests.support.proxy import Link, links

CLUSTER_ID = "c3RyZWFtYXBwLXRlc3RzMQ"  # 16 bytes in base64, as Kafka wants it
#: Below the range from which the kernel takes ports for outgoing connections: a client that keeps trying a stopped
#: broker's port would otherwise, now and then, connect to itself.
FIRST_PORT = 19092
START_WITHIN_S = 90
STOP_WITHIN_S = 30


class KafkaCluster:
    """A running cluster; each broker can be stopped, killed and started again."""

    def __init__(self, brokers: list[Broker], login: Login | None, heap_mib: int, guard: Guard) -> None:
        self._guard = guard
        self._jars = kafka_jars()
        self._login = login
        self._heap_mib = heap_mib
        self.brokers = brokers
        self.links: dict[str, Link] = {}

    @property
    def bootstrap_servers(self) -> str:
        """`host:port` of each broker, separated by commas, as Kafka clients want it."""
        return ",".join(f"127.0.0.1:{broker.port}" for broker in self.brokers)

    @property
    def url(self) -> str:
        """The cluster as a value of `STREAMAPP_BROKER`."""
        return _url(broker.port for broker in self.brokers)

    def url_by(self, listener: str) -> str:
        """The same by way of a link, or of the listener `LOGIN`."""
        return _url(broker.advertised[listener] for broker in self.brokers)

    def format(self) -> None:
        """Write the configuration of each broker and format its data folder."""
        for broker in self.brokers:
            broker.folder.mkdir(parents=True)
            broker.properties.write_text(properties(broker, self.brokers, self._login))
            options = ["-t", CLUSTER_ID, "-c", str(broker.properties), *format_options(self._login)]
            tool = self._java("kafka.tools.StorageTool", "format", *options)
            with broker.log.open("ab") as log:
                if run(tool, stdin=DEVNULL, stdout=log, stderr=log, check=False).returncode:
                    raise KafkaUnavailable(f"Kafka's storage cannot be formatted: {tail(broker.log.read_text())}")

    def start(self, *numbers: int) -> None:
        """Start these brokers (all, when none is named) and wait until every running broker is in the metadata."""
        for broker in self._named(numbers):
            command = self._java("kafka.Kafka", str(broker.properties))
            with broker.log.open("ab") as log:
                broker.process = Popen(command, stdin=DEVNULL, stdout=log, stderr=log, start_new_session=True)
            self._guard.add(broker.process.pid, signal.SIGKILL)
        self._wait()

    def stop(self, *numbers: int) -> None:
        """Stop these brokers in order (SIGTERM); SIGKILL for one that takes too long."""
        self._end(numbers, signal.SIGTERM)

    def kill(self, *numbers: int) -> None:
        """Kill these brokers at once (SIGKILL)."""
        self._end(numbers, signal.SIGKILL)

    def restart(self, *numbers: int) -> None:
        """Stop and start these brokers on the same ports and data."""
        self.stop(*numbers)
        self.start(*numbers)

    def _named(self, numbers: tuple[int, ...]) -> list[Broker]:
        return [broker for broker in self.brokers if not numbers or broker.number in numbers]

    def _end(self, numbers: tuple[int, ...], number: signal.Signals) -> None:
        ending = [(broker, broker.process) for broker in self._named(numbers) if broker.process is not None]
        for _, process in ending:
            process.send_signal(number)
        for broker, process in ending:
            try:
                process.wait(STOP_WITHIN_S)
            except TimeoutExpired:
                process.kill()
                process.wait()
            self._guard.forget(process.pid)
            broker.process = None

    def _wait(self) -> None:
        running = [broker for broker in self.brokers if broker.process is not None]
        deadline = time.monotonic() + START_WITHIN_S
        while _brokers_in_metadata([broker.port for broker in running]) < len(running):
            for broker in running:
                if broker.process is not None and broker.process.poll() is not None:
                    raise KafkaUnavailable(f"broker {broker.number} ended: {tail(broker.log.read_text())}")
            if time.monotonic() > deadline:
                raise KafkaUnavailable(
                    f"Kafka gave no answer in {START_WITHIN_S} s: {tail(running[0].log.read_text())}"
                )
            time.sleep(0.2)

    def _java(self, main: str, *arguments: str) -> list[str]:
        heap = ("-Xms128m", f"-Xmx{self._heap_mib}m")
        options = [*heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=WARN"]
        return ["java", *options, "-cp", f"{self._jars}/*", main, *arguments]


@contextmanager
def kafka_cluster(
    brokers: int = 1, *, heap_mib: int = 384, login: Login | None = None, linked: Sequence[str] = ()
) -> Iterator[KafkaCluster]:
    """A fresh cluster of `brokers` nodes, ready for clients, gone with its data at the end.

    With a `login` there is a listener that asks for it. Each name in `linked` is one more way to the brokers, by
    proxies that can be cut, frozen and slowed down: `cluster.links[name]` for those who use `cluster.url_by(name)`.

    Raises:
        KafkaUnavailable: it cannot be run here.
    """
    ports, guard = PortBook(), Guard()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="streamapp-kafka-")))
        stack.callback(ports.close)
        stack.callback(guard.close)
        nodes = [Broker.on(ports, FIRST_PORT, number, folder, login, linked) for number in range(1, brokers + 1)]
        cluster = KafkaCluster(nodes, login, heap_mib, guard)
        guard.start()
        stack.callback(cluster.stop)
        cluster.format()
        if linked:
            open_link = stack.enter_context(links())
            for name in linked:
                targets = [f"kafka://127.0.0.1:{node.listeners[name]}" for node in nodes]
                cluster.links[name] = open_link(targets, [node.advertised[name] for node in nodes])
        cluster.start()
        yield cluster


def _url(ports: Iterator[int]) -> str:
    return "kafka://" + ";".join(f"127.0.0.1:{port}" for port in ports)


def _brokers_in_metadata(ports: list[int]) -> int:
    """The smallest number of brokers that any of the brokers on `ports` knows; 0 when one gives no answer."""
    with ThreadPoolExecutor(1) as own_thread:  # the caller's thread may run an event loop
        return min(own_thread.map(lambda port: asyncio.run(_known_brokers(port)), ports))


async def _known_brokers(port: int) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=f"127.0.0.1:{port}", request_timeout_ms=5000)
    try:
        await admin.start()
        return len((await admin.describe_cluster())["brokers"])
    except (KafkaError, OSError):
        return 0
    finally:
        await admin.close()
