"""Fixtures of the fault tests: one platform for most of them, and the table at the end."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.fleet import ROLES
from tests.support.kafka import kafka_cluster
from tests.support.lab import Form, Lab, Result, lab
from tests.support.maven import KafkaUnavailable
from tests.support.stack import temporary_folder

RESULTS: list[Result] = []
#: Where a default is longer than a test may last. Originals travel in no message, so that every store is needed.
QUICK = {"sweep_after_s": 5.0, "inference_timeout_s": 2.0, "lane_wait_s": 0.5, "retries": 2, "inline_max_bytes": 0}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="faults: with their repetitions and their full length")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts three brokers comes before the platform that stays: two cores do not carry both well."""
    items.sort(key=lambda item: "replicated" not in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def form(request: pytest.FixtureRequest) -> Form:
    return Form(bool(request.config.getoption("--full", default=False)))


@contextmanager
def kept_folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder for workers; their logs are kept in `.streamapp-test/faults` when a test has failed."""
    with temporary_folder() as folder:
        yield folder
        kept = Path(request.config.rootpath) / ".streamapp-test" / "faults"
        kept.mkdir(parents=True, exist_ok=True)
        for log in folder.glob("*.log") if request.session.testsfailed else ():
            shutil.copy(log, kept)


@pytest.fixture(scope="session")
def platform(request: pytest.FixtureRequest, form: Form) -> Iterator[Lab]:
    """The platform on one broker, with a link to it for each role."""
    try:
        with (
            kept_folder(request) as folder,
            kafka_cluster(heap_mib=256, linked=ROLES) as kafka,
            lab(folder, kafka, form, RESULTS, **QUICK) as running,
        ):
            yield running
    except KafkaUnavailable as error:
        pytest.fail(str(error), pytrace=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of faults that were survived."""
    if not RESULTS:
        return
    terminalreporter.section("faults")
    terminalreporter.write_line(f"{'':5}{'fault':46}{'images':>7}{'503':>5}{'dead':>6}  recovered after (s)")
    for result in sorted(RESULTS, key=lambda one: (int(one.fault[1:].split()[0]), one.what)):
        recovered = ", ".join(f"{seconds:.1f}" for seconds in result.recovered_s) or "-"
        counts = f"{result.images:7}{result.refused:5}{result.dead:6}"
        terminalreporter.write_line(
            f"{result.fault:5}{result.what[:45]:46}{counts}  {recovered}  [{result.took_s:.0f} s]"
        )
