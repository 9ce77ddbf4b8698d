"""The data folder for real: as root and not, damaged, closed, of an older run; what cannot be is one line."""

import os
import pwd
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from streamapp.devstack.postgres import POINTER
from streamapp.devstack.secrets import Secrets
from tests.support.processes import descendants
from tests.support.sql import sql
from tests.support.stack import SERVERS_ONLY, launch, running_servers

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def test_new_secrets_open_an_old_database_and_a_stale_pid_file_does_no_harm(folder: Path) -> None:
    with running_servers(folder=folder) as stack:
        sql(stack.database_url, "create table kept (n int)")
    data = stack.data_dir / "postgres" / "data"
    (stack.data_dir / "secrets.json").unlink()
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n{int(time.time())}\n5432\n\n127.0.0.1\n")
    with running_servers(folder=folder) as stack:
        sql(stack.database_url, "select * from kept")


def test_a_start_that_cannot_be_is_one_line(folder: Path) -> None:
    (folder / ".streamapp").mkdir()
    (folder / ".streamapp" / "secrets.json").write_text("{")
    stack = launch(folder, ["-c", SERVERS_ONLY], {})

    assert stack.wait_end(10) == 1
    (line,) = [line for line in stack.output().splitlines() if line.startswith("streamapp up: ")]
    assert "secrets.json is damaged" in line
    assert "Traceback" not in stack.output()


def test_a_server_that_is_set_and_does_not_answer_ends_it(folder: Path) -> None:
    stack = launch(folder, ["-c", SERVERS_ONLY], {"STREAMAPP_REDIS_URL": "redis://:secret@127.0.0.1:1/0"})

    assert stack.wait_end(30) == 1
    (line,) = [line for line in stack.output().splitlines() if line.startswith("streamapp up: ")]
    assert "redis (redis://127.0.0.1:1/0) does not answer" in line
    assert "secret" not in stack.output()


@as_root
def test_root_in_a_folder_that_others_cannot_enter(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with running_servers(folder=tmp_path) as stack:
        place = Path((stack.data_dir / POINTER).read_text())
        sql(stack.database_url, "create table kept (n int)")
        assert f"its files are in {place}" in stack.output()
    (stack.data_dir / "secrets.json").unlink()  # as a damaged one tells to
    try:
        with running_servers(folder=tmp_path) as stack:
            sql(stack.database_url, "select * from kept")
            assert not Secrets.load(stack.data_dir / "secrets.json").fresh
        assert tmp_path.stat().st_mode & 0o777 == 0o700
    finally:
        shutil.rmtree(place)


@pytest.fixture
def nobody() -> dict[str, Any]:
    """Arguments of Popen that make a process an ordinary user's."""
    entry = pwd.getpwnam("nobody")
    user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    try:
        subprocess.run([sys.executable, "-c", ""], check=True, **user)
    except PermissionError:
        pytest.skip(f"{sys.executable} is not for other users")
    return user


@as_root
def test_an_ordinary_user_can_run_it_too(folder: Path, nobody: dict[str, Any]) -> None:
    os.chown(folder, nobody["user"], nobody["group"])
    with running_servers(folder=folder, **nobody) as stack:
        assert sql(stack.database_url, "select 1") == "1"
        assert {one.uids().real for one in descendants(stack.pid)} == {nobody["user"]}


@as_root
def test_a_folder_that_cannot_be_written_is_one_line(folder: Path, nobody: dict[str, Any]) -> None:
    stack = launch(folder, ["-c", SERVERS_ONLY], {}, **nobody)

    assert stack.wait_end(10) == 1
    assert (
        stack.output().strip().endswith("cannot be used: Permission denied; set STREAMAPP_DATA_DIR to another folder")
    )
