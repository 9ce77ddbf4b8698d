"""The embedded servers for real: their protocols, their secrets, their neighbours, their restart."""

import asyncio
import json
import os
import signal
import time
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from streamapp import topics
from streamapp.settings import Settings
from tests.support.processes import descendants
from tests.support.sql import sql, until_sql
from tests.support.stack import SERVERS_ONLY, Stack, launch, running_servers

ALL = {"kafka", "postgres", "objects", "redis"}


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
