"""The embedded servers for real: their start, their protocols, their end, and every way in which it goes wrong."""

import asyncio
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from streamapp import topics
from streamapp.devstack.postgres import wheel_programs
from streamapp.settings import Settings
from tests.support.stack import SERVERS_ONLY, Stack, descendants, gone, launch, running_servers, temporary_folder

ALL = {"kafka", "postgres", "objects", "redis"}
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder() as made:
        yield made


def sql(url: str, query: str) -> str:
    run = subprocess.run(
        [wheel_programs() / "psql", "-X", "-w", "-A", "-t", "-c", query, url],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def until_sql(url: str, query: str, wait_s: float = 15) -> None:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            sql(url, query)
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def test_all_four_answer_with_their_secrets(servers: Stack) -> None:
    assert set(servers.processes()) == ALL
    assert sql(servers.database_url, "select current_user || '@' || current_database()") == "streamapp@streamapp"
    assert Settings.load(servers.environ).broker == servers.broker
    assert (servers.data_dir / "run.json").stat().st_mode & 0o777 == 0o600
    assert (servers.data_dir / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_the_database_asks_for_its_password(servers: Stack) -> None:
    bare = servers.database_url.replace(servers.database_url.split(":")[2].split("@")[0], "wrong")

    with pytest.raises(AssertionError, match="password authentication failed"):
        sql(bare, "select 1")


def test_nothing_listens_outside_this_host(servers: Stack) -> None:
    listening = {
        connection.laddr.ip
        for process in descendants(servers.pid)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }

    assert listening == {"127.0.0.1"}


def test_secrets_are_not_on_the_screen_nor_in_the_list_of_processes(servers: Stack) -> None:
    kept = json.loads((servers.data_dir / "secrets.json").read_text())
    secrets = [kept[name] for name in ("database_password", "object_store_secret", "redis_password")]
    shown = servers.output() + " ".join(word for one in descendants(servers.pid) for word in one.cmdline())

    assert [text for text in secrets if text in shown] == []


def test_idle_servers_rest(servers: Stack) -> None:
    processes = [psutil.Process(servers.pid), *descendants(servers.pid)]
    before = sum(sum(one.cpu_times()[:2]) for one in processes)
    time.sleep(3)
    used = sum(sum(one.cpu_times()[:2]) for one in processes) - before

    assert used / 3 < 0.05, f"{used / 3:.1%} of a core"


async def test_a_second_stack_finds_other_ports_and_both_work(servers: Stack) -> None:
    with running_servers() as other:
        assert other.broker != servers.broker and other.database_url != servers.database_url
        await topics.ensure(Settings.load(other.environ))
        assert sql(other.database_url, "select 1") == "1"


def test_a_second_up_in_the_same_folder_says_that_one_is_running(servers: Stack) -> None:
    second = launch(servers.folder, ["-c", SERVERS_ONLY], {})

    assert second.wait_end(10) == 1
    (line,) = [line for line in servers.output().splitlines() if "is running already" in line]
    assert f"pid {servers.pid}" in line and servers.broker in line
    assert sql(servers.database_url, "select 1") == "1"


def test_a_url_in_the_environment_replaces_a_server(servers: Stack) -> None:
    given = {"STREAMAPP_BROKER": servers.broker, "STREAMAPP_DATABASE_URL": servers.database_url}
    with running_servers(given) as stack:
        assert set(stack.processes()) == {"objects", "redis"}
        assert (stack.broker, stack.database_url) == (servers.broker, servers.database_url)
        assert "STREAMAPP_INLINE_MAX_BYTES" not in stack.environ


async def test_what_was_stored_is_there_after_a_restart(folder: Path) -> None:
    with running_servers(folder=folder) as stack:
        await topics.ensure(Settings.load(stack.environ))
        producer = AIOKafkaProducer(bootstrap_servers=stack.broker.removeprefix("kafka://"))
        async with producer:
            await producer.send_and_wait(topics.LABELS, b"kept", partition=0)
        sql(stack.database_url, "create table kept (n int)")
        stack.stop(signal.SIGTERM)
    with running_servers(folder=folder) as stack:
        assert sql(stack.database_url, "select count(*) from kept") == "0"
        consumer = AIOKafkaConsumer(
            topics.LABELS, bootstrap_servers=stack.broker.removeprefix("kafka://"), auto_offset_reset="earliest"
        )
        async with consumer:
            assert (await asyncio.wait_for(consumer.getone(), 5)).value == b"kept"


def test_a_killed_server_is_started_again_and_keeps_what_it_had(folder: Path) -> None:
    with running_servers(folder=folder) as stack:
        sql(stack.database_url, "create table kept (n int)")
        first = stack.processes()["postgres"]
        os.kill(first, signal.SIGKILL)
        until_sql(stack.database_url, "select * from kept")

        assert stack.processes()["postgres"] != first
        assert "postgres ended (killed by SIGKILL); starting it again in 0.5 s" in stack.output()


def test_after_kill_9_no_process_is_left_and_the_next_start_works(folder: Path) -> None:
    with running_servers(folder=folder) as stack:
        sql(stack.database_url, "create table kept (n int)")
        left = descendants(stack.pid)
        stack.process.kill()
        stack.process.wait()
        assert len(left) > len(ALL)
    with running_servers(folder=folder) as stack:  # at once: it waits for what is left of the first
        assert gone(left, 1)
        sql(stack.database_url, "select * from kept")


def test_after_kill_9_every_process_is_gone_within_10_s_even_a_frozen_one(folder: Path) -> None:
    with running_servers(folder=folder) as stack:
        left = descendants(stack.pid)
        os.kill(stack.processes()["redis"], signal.SIGSTOP)
        stack.process.kill()

        assert gone(left, 10)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_of_it_in_order(folder: Path, number: int) -> None:
    with running_servers(folder=folder) as stack:
        took = stack.stop(number)

        assert took < 5
        assert stack.process.returncode == 0
        assert not (stack.data_dir / "run.json").exists()
        assert "database system is shut down" in stack.output()
        assert "killed" not in stack.output()


def test_a_frozen_server_cannot_hold_it_up(folder: Path) -> None:
    with running_servers(folder=folder) as stack:
        os.kill(stack.processes()["kafka"], signal.SIGSTOP)

        assert stack.stop() < 10
        assert "kafka did not stop within 2.5 s: killed" in stack.output()


def test_a_second_signal_kills_at_once(folder: Path) -> None:
    with running_servers(folder=folder) as stack:
        left = descendants(stack.pid)
        os.kill(stack.processes()["kafka"], signal.SIGSTOP)
        stack.process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        stack.process.send_signal(signal.SIGINT)

        assert stack.wait_end(1.5) == 130
        assert gone(left, 1)


def test_a_signal_during_the_start_stops_it_too(folder: Path) -> None:
    stack = launch(folder, ["-c", SERVERS_ONLY], {})
    deadline = time.monotonic() + 20
    while "postgres" not in stack.processes() and time.monotonic() < deadline:
        time.sleep(0.01)
    stack.stop()

    assert stack.process.returncode == 0


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
    assert "redis (redis://:***@127.0.0.1:1/0) does not answer" in line


@as_root
def test_root_in_a_folder_that_others_cannot_enter(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with running_servers(folder=tmp_path) as stack:
        place = Path(json.loads((stack.data_dir / "secrets.json").read_text())["postgres_dir"])
        sql(stack.database_url, "create table kept (n int)")
        assert f"its files are in {place}" in stack.output()
    try:
        with running_servers(folder=tmp_path) as stack:
            sql(stack.database_url, "select * from kept")
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
