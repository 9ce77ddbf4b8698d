"""The command lines of workers, dashboard and producer."""

from collections.abc import Iterator

import pytest

import agents
from streamapp.devstack.options import UpOptions
from streamapp.devstack.ports import PortBook
from streamapp.devstack.programs import Programs, base_url
from streamapp.settings import Settings

SERVERS = {"STREAMAPP_BROKER": "kafka://127.0.0.1:19092", "STREAMAPP_INLINE_MAX_BYTES": "0"}


@pytest.fixture
def ports() -> Iterator[PortBook]:
    book = PortBook()
    yield book
    book.close()


def programs(options: UpOptions | None = None, **settings: str) -> Programs:
    loaded = Settings.load({f"STREAMAPP_{name.upper()}": value for name, value in settings.items()})
    return Programs.on(loaded, options or UpOptions(), SERVERS)


def test_one_worker_for_each_model_and_each_service(ports: PortBook) -> None:
    names = [worker.command.name for worker in programs().workers(ports, 8001)]

    assert names == [f"{role}-1" for role in (*agents.specs(), "stats", "recorder", "api")]
    assert len(agents.specs()) >= 3


def test_more_workers_for_each_role_but_the_api(ports: PortBook) -> None:
    made = programs(UpOptions(workers=2), models="resnet50").workers(ports, 8001)

    assert [worker.command.name for worker in made] == [
        *("resnet50-1", "resnet50-2", "stats-1", "stats-2", "recorder-1", "recorder-2", "api-1")
    ]
    assert len({worker.ready_url for worker in made}) == 7


def test_roles_that_are_set_are_the_only_ones(ports: PortBook) -> None:
    chosen = programs(roles="api, stats")

    assert [worker.command.name for worker in chosen.workers(ports, 8001)] == ["api-1", "stats-1"]
    assert chosen.models == []


def test_a_worker_reads_its_role_its_port_and_where_the_servers_are(ports: PortBook) -> None:
    made = {worker.command.name: worker for worker in programs(partitions="3").workers(ports, 8042)}
    model, api = made["resnet50-1"], made["api-1"]
    read = Settings.load(model.command.environ)

    assert (read.roles, read.broker, read.inline_max_bytes, read.partitions) == (
        "resnet50",
        "kafka://127.0.0.1:19092",
        0,
        3,
    )
    assert model.ready_url == f"http://127.0.0.1:{read.web_port}/readyz"
    assert api.ready_url == "http://127.0.0.1:8042/readyz"
    assert Settings.load(api.command.environ).api_port == 8042


def test_only_models_wait_for_conversion(ports: PortBook) -> None:
    waiting = {worker.command.name for worker in programs().workers(ports, 8001) if worker.needs_models}

    assert waiting == {f"{name}-1" for name in agents.specs()}


def test_the_producer_is_told_rate_and_stream() -> None:
    argv = programs(UpOptions(rate=2.5, stream="photos")).producer("http://127.0.0.1:8001").argv

    assert argv[1:] == (
        *("-m", "streamapp", "produce", "demo", "--rate", "2.5", "--stream", "photos"),
        *("--api-url", "http://127.0.0.1:8001"),
    )
    assert "--rate" not in programs().producer("http://127.0.0.1:8001").argv


def test_the_platform_can_do_without_the_producer_alone(ports: PortBook) -> None:
    made = programs()
    others = [made.prepare_models(), made.dashboard(8000, ""), *(one.command for one in made.workers(ports, 8001))]

    assert not made.producer("").essential
    assert all(command.essential for command in others)


def test_it_stops_before_the_workers_and_they_before_the_servers(ports: PortBook) -> None:
    made = programs()
    front = {made.producer("").tier, made.dashboard(8000, "").tier}
    (workers,) = {worker.command.tier for worker in made.workers(ports, 8001)}

    assert min(front) > workers > 0


def test_a_server_on_every_address_is_reached_on_this_host() -> None:
    assert base_url(Settings.load({"STREAMAPP_WEB_HOST": "0.0.0.0"}), 8001) == "http://127.0.0.1:8001"
    assert base_url(Settings.load({"STREAMAPP_WEB_HOST": "127.0.0.2"}), 8001) == "http://127.0.0.2:8001"
    assert base_url(Settings.load({"STREAMAPP_WEB_HOST": "::1"}), 8001) == "http://[::1]:8001"
