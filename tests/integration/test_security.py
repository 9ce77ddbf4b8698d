"""Brokers that ask who we are, and that we must trust: real Kafka with SASL and TLS."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import ClientSession

from streamapp import topics
from streamapp.errors import BrokerError
from streamapp.settings import Settings
from streamapp.tail import tail
from tests.support.kafka import KafkaCluster, kafka_cluster
from tests.support.kafka_config import LOGIN, Login, self_signed
from tests.support.platform import Client, eventually
from tests.support.stack import ROOT, clean_environ, running_stack
from tests.support.stats import producing

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def plain() -> Iterator[Settings]:
    """Of a broker with users and passwords, not encrypted."""
    login = Login()
    with kafka_cluster(login=login) as cluster:
        yield allowed(cluster, login)


def allowed(cluster: KafkaCluster, login: Login) -> Settings:
    return Settings.model_validate({"broker": cluster.url_by(LOGIN), "partitions": 3, **login.settings()})


async def use_each_client(settings: Settings) -> None:
    """Each kind of client once: admin, group, producer, reader."""
    await topics.ensure(settings)
    assert await topics.register_group(settings, "streamapp-x", topics.VERDICTS) == {0: 0, 1: 0, 2: 0}
    read, caught_up = list[bytes | None](), asyncio.Event()

    def handle(_: bytes, value: bytes | None) -> None:
        read.append(value)

    handlers = {topics.LABELS: handle}
    async with producing(settings) as producer:
        await producer.send_and_wait(topics.LABELS, b"hello", partition=1)
    reading = asyncio.create_task(tail(settings, handlers, {topics.LABELS}, caught_up))
    async with asyncio.timeout(20):
        await caught_up.wait()
    reading.cancel()
    with suppress(asyncio.CancelledError):
        await reading
    assert read == [b"hello"]


async def test_the_whole_platform_runs_as_a_user_with_a_password(plain: Settings) -> None:
    environ = plain.model_copy(update={"models": "mobilenet"}).environ()
    with running_stack(environ) as stack:
        async with ClientSession() as http:
            client = Client(stack, http)
            await client.upload(1, 2, 3)

            async def recorded() -> bool:
                counts = await client.counts()
                return (counts.outcomes, counts.verdicts) == ({"mobilenet": {"predicted": 3}}, 3)

            await eventually(recorded, 30, "three predictions and their verdicts in PostgreSQL")

            async def shown() -> bool:
                rows = (await client.get("/api/v1/stats"))["models"]
                return [row["total_predictions"] for row in rows] == [3]

            await eventually(shown, 15, "three predictions in the figures")
        assert "Traceback" not in stack.output()


@pytest.mark.parametrize("wrong", [{"broker_password": "wrong one"}, {"broker_user": "eve"}])
async def test_a_wrong_password_is_one_line_that_names_the_setting(plain: Settings, wrong: dict[str, str]) -> None:
    with pytest.raises(BrokerError, match=r"it refuses the user '(ana|eve)' with PLAIN: .*STREAMAPP_BROKER_PASSWORD"):
        await topics.ensure(plain.model_copy(update=wrong))


def test_a_worker_with_a_wrong_password_ends_with_that_line(plain: Settings, tmp_path: Path) -> None:
    settings = plain.model_copy(update={"broker_password": "wrong one", "roles": "recorder", "data_dir": tmp_path})
    environ = clean_environ({**settings.environ(), "PYTHONPATH": str(ROOT)})
    command = [sys.executable, "-m", "streamapp", "worker"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60)
    text = done.stdout + done.stderr
    assert done.returncode == 1, text
    assert "recorder cannot start: the broker at kafka://127.0.0.1:" in text
    assert "refuses the user 'ana' with PLAIN" in text
    assert "Traceback" not in text
    assert "wrong one" not in text


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"broker_security": "PLAINTEXT"}, "perhaps STREAMAPP_BROKER_SECURITY=PLAINTEXT is not its way"),
        ({"broker_mechanism": "SCRAM-SHA-256"}, "with SCRAM-SHA-256: .*see STREAMAPP_BROKER_USER"),
        ({"broker_security": "SASL_SSL"}, "see STREAMAPP_BROKER_CA|STREAMAPP_BROKER_SECURITY=SASL_SSL is not its way"),
    ],
)
async def test_another_way_to_speak_is_said(plain: Settings, changed: dict[str, str], said: str) -> None:
    with pytest.raises(BrokerError, match=said):
        await topics.ensure(plain.model_copy(update=changed))


async def test_scram_over_tls(tmp_path: Path) -> None:
    login = Login(mechanism="SCRAM-SHA-256", certificate=self_signed(tmp_path))
    with kafka_cluster(login=login) as cluster:
        settings = allowed(cluster, login)
        await use_each_client(settings)
        with pytest.raises(BrokerError, match=r"TLS failed: .*certificate.*STREAMAPP_BROKER_CA"):
            await topics.ensure(settings.model_copy(update={"broker_ca": ""}))
        with pytest.raises(BrokerError, match="it refuses the user 'ana' with SCRAM-SHA-256"):
            await topics.ensure(settings.model_copy(update={"broker_password": "wrong one"}))
