"""What a worker prints: every event of ours, and a library's repeated warnings now and then."""

import contextvars
import logging
import subprocess
import sys

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
def test_the_configuration_holds_them_back_unless_all_is_wanted(level: str, said: int) -> None:
    """In a process of its own, for to configure is to close every handler that there was, other libraries' too."""
    code = (
        "import logging, logging.config, sys; from streamapp import logs\n"
        "logging.config.dictConfig(logs.configuration(sys.argv[1]))\n"
        "for node in range(3): logging.getLogger('aiokafka.client').error('Unable connect to node with id %s', node)"
    )
    done = subprocess.run([sys.executable, "-c", code, level], capture_output=True, text=True, check=True)
    assert done.stdout.count("ERROR Unable connect to node with id") == said


def test_every_line_of_a_request_has_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.Logger("streamapp.storage.cache")
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter(logs.configuration("info")["formatters"]["line"]["format"]))
    handler.addFilter(logs.Named())
    log.addHandler(handler)

    def answer() -> None:
        logs.REQUEST.set(number)
        log.warning("the cache does not answer: %s", "why")
        log.info("request %s: 503", number)

    number = "0123abcd"
    contextvars.copy_context().run(answer)
    log.warning("nobody asked")
    assert capsys.readouterr().out.splitlines() == [
        "WARNING request 0123abcd: the cache does not answer: why",
        "INFO request 0123abcd: 503",
        "WARNING nobody asked",
    ]
