"""What a worker prints: every event of ours, and a library's repeated warnings now and then."""

import logging
import sys
from logging.config import dictConfig

import pytest

from streamapp import logs


def line(name: str, level: int, template: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord(name, level, "", 0, template, arguments, None)


def test_a_library_s_repeated_warning_is_said_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now, spared = [100.0], logs.Sparing()
    monkeypatch.setattr(logs.time, "monotonic", lambda: now[0])
    away = [line("aiokafka.client", logging.ERROR, "Unable connect to node with id %s", number) for number in range(3)]
    assert [spared.filter(record) for record in away] == [True, False, False]
    assert spared.filter(line("aiokafka.client", logging.ERROR, "Unable to update metadata from %s", [1]))
    now[0] += logs.REPEATED_S
    assert [spared.filter(record) for record in away] == [True, False, False]


def test_requests_that_are_no_http_do_not_fill_the_log() -> None:
    spared = logs.Sparing()
    lines = [line("aiohttp.server", logging.ERROR, "Error handling request from %s", "127.0.0.1") for _ in range(3)]
    assert [spared.filter(one) for one in lines] == [True, False, False]


def test_what_asyncpg_tries_again_is_one_line_with_its_cause(capsys: pytest.CaptureFixture[str]) -> None:
    pool = logging.Logger("asyncpg.pool")
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(logs.Sparing())
    pool.addHandler(handler)
    try:
        raise ConnectionRefusedError(111, "refused")
    except ConnectionRefusedError:
        pool.warning("retrying", exc_info=True)
        pool.error("broken", exc_info=True)
    first, *rest = capsys.readouterr().out.splitlines()
    assert first == "retrying: ConnectionRefusedError(111, 'refused')"
    assert rest[:2] == ["broken", "Traceback (most recent call last):"]


def test_nothing_else_is_held_back() -> None:
    spared = logs.Sparing()
    for name, level in (("streamapp.recorder", logging.WARNING), ("aiokafka.consumer", logging.INFO)):
        assert all(spared.filter(line(name, level, "the same")) for _ in range(3))


@pytest.mark.parametrize(("level", "said"), [("info", 1), ("debug", 3)])
def test_the_configuration_holds_them_back_unless_all_is_wanted(
    level: str, said: int, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    before, level_before = list(root.handlers), root.level
    try:
        dictConfig(logs.configuration(level))
        for number in range(3):
            logging.getLogger("aiokafka.client").error("Unable connect to node with id %s", number)
        assert capsys.readouterr().out.count("ERROR Unable connect to node with id") == said
    finally:
        root.handlers, root.level = before, level_before
