"""The database learns a new password exactly once, also over starts that end too early."""

from pathlib import Path
from typing import Any

import pytest

from streamapp.devstack import embedded
from streamapp.devstack.child import Command
from streamapp.devstack.postgres import Cluster
from streamapp.devstack.secrets import Secrets


class Killed(Exception):
    """The start ends in the middle."""


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[Command]:
    """The jobs that were run, on no database at all."""
    ran: list[Command] = []

    async def job(command: Command, _: Any) -> None:
        ran.append(command)

    async def start(*_: Any) -> None: ...

    monkeypatch.setattr(embedded, "_job", job)
    monkeypatch.setattr(embedded, "_start", start)
    return ran


async def start(data_dir: Path) -> Secrets:
    """Start a database whose files are there; what the secrets say afterwards."""
    cluster = Cluster(data_dir / "postgres", data_dir, None)
    cluster.data.mkdir(parents=True, exist_ok=True)
    secrets = Secrets.load(data_dir / "secrets.json")
    await embedded._start_database(cluster, data_dir, secrets, 5432, None)  # type: ignore[arg-type]  # nothing is said
    return Secrets.load(data_dir / "secrets.json")


async def test_new_secrets_are_told_to_a_database_that_is_there_and_then_no_more(
    tmp_path: Path, jobs: list[Command]
) -> None:
    first, second = await start(tmp_path), await start(tmp_path)

    assert [job.stdin for job in jobs] == [f"ALTER ROLE streamapp PASSWORD '{first.database_password}';\n".encode()]
    assert first == second and not second.fresh


async def test_a_start_that_ends_before_that_leaves_it_to_the_next(
    tmp_path: Path, jobs: list[Command], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(embedded, "_job", killed)
        await start(tmp_path)
    assert not (await start(tmp_path)).fresh
    assert len(jobs) == 1
