"""The configuration of a broker of the tests: its listeners, its replicas, its users."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen, run

from streamapp.devstack.ports import PortBook

#: The listener that asks for a user and a password.
LOGIN = "LOGIN"


@dataclass(frozen=True)
class Login:
    """A user of the brokers, and how the password is sent; with a `certificate` (PEM, key and all) over TLS."""

    user: str = "ana"
    password: str = "right one"
    mechanism: str = "PLAIN"
    certificate: Path | None = None

    @property
    def protocol(self) -> str:
        """Kafka's name for the way to speak."""
        return "SASL_SSL" if self.certificate else "SASL_PLAINTEXT"

    def settings(self) -> dict[str, str]:
        """The settings of a client that knows it."""
        return {
            "broker_security": self.protocol,
            "broker_mechanism": self.mechanism,
            "broker_user": self.user,
            "broker_password": self.password,
            "broker_ca": str(self.certificate or ""),
        }


@dataclass
class Broker:
    """One node, broker and controller at once. Its ports and its data outlive a stop.

    `listeners` are the ports it listens on beside the usual one, by name; `advertised` those that it tells clients.
    """

    number: int
    port: int
    controller_port: int
    folder: Path
    listeners: dict[str, int]
    advertised: dict[str, int]
    process: Popen[bytes] | None = field(default=None, repr=False)

    @classmethod
    def on(
        cls, ports: PortBook, first: int, number: int, folder: Path, login: Login | None, linked: Sequence[str]
    ) -> "Broker":
        """A node on free ports."""
        listeners = {name: ports.claim(first) for name in ([LOGIN] if login else []) + list(linked)}
        advertised = {name: ports.claim(first) if name in linked else port for name, port in listeners.items()}
        return cls(number, ports.claim(first), ports.claim(first), folder / str(number), listeners, advertised)

    @property
    def properties(self) -> Path:
        """The `server.properties` file."""
        return self.folder / "server.properties"

    @property
    def log(self) -> Path:
        """What the broker and its storage tool printed."""
        return self.folder / "server.log"


def self_signed(folder: Path) -> Path:
    """A file with a key and a certificate for 127.0.0.1 that vouches for itself."""
    file, key = folder / "both.pem", folder / "key.pem"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
    run([*request, "-keyout", key, "-out", file], check=True, capture_output=True)
    file.write_text(key.read_text() + file.read_text())
    return file


def format_options(login: Login | None) -> list[str]:
    """What the storage tool must know of the users: SCRAM keeps them in the metadata."""
    if login is None or not login.mechanism.startswith("SCRAM"):
        return []
    return ["--add-scram", f'{login.mechanism}=[name="{login.user}",password="{login.password}"]']


def properties(broker: Broker, brokers: list[Broker], login: Login | None) -> str:
    """Configuration of one node. Replication follows the number of brokers; groups form without the usual 3 s wait."""
    replicas, in_sync = min(3, len(brokers)), 2 if len(brokers) > 2 else 1
    settings = {
        "process.roles": "broker,controller",
        "node.id": broker.number,
        "controller.quorum.voters": ",".join(f"{node.number}@127.0.0.1:{node.controller_port}" for node in brokers),
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": broker.folder / "data",
        "auto.create.topics.enable": "false",
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": replicas,
        "offsets.topic.num.partitions": 12,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": 4,
        "group.initial.rebalance.delay.ms": 0,
        **_listeners(broker, login),
        **(_login(login) if login else {}),
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _listeners(broker: Broker, login: Login | None) -> dict[str, str]:
    own = {"PLAINTEXT": broker.port, **broker.listeners}
    told = {"PLAINTEXT": broker.port, **broker.advertised}
    protocols = {name: login.protocol if login and name == LOGIN else "PLAINTEXT" for name in own}
    return {
        "listeners": _addresses({**own, "CONTROLLER": broker.controller_port}),
        "advertised.listeners": _addresses(told),
        "listener.security.protocol.map": ",".join(
            f"{name}:{protocol}" for name, protocol in {**protocols, "CONTROLLER": "PLAINTEXT"}.items()
        ),
    }


def _addresses(ports: dict[str, int]) -> str:
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())


def _login(login: Login) -> dict[str, str]:
    """The listener's user. With PLAIN it is written here; with SCRAM the metadata have it."""
    listener, mechanism = f"listener.name.{LOGIN.lower()}", login.mechanism.lower()
    module = "plain.PlainLoginModule" if login.mechanism == "PLAIN" else "scram.ScramLoginModule"
    user = f' user_{login.user}="{login.password}"' if login.mechanism == "PLAIN" else ""
    found = {
        f"{listener}.sasl.enabled.mechanisms": login.mechanism,
        f"{listener}.{mechanism}.sasl.jaas.config": f"org.apache.kafka.common.security.{module} required{user};",
    }
    if login.certificate:
        found |= {
            f"{listener}.ssl.keystore.type": "PEM",
            f"{listener}.ssl.keystore.location": str(login.certificate),
        }
    return found
