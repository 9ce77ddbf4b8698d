"""The dashboard in Chromium: how soon a verdict is on the screen, what refreshes carry, and what browsers cost the API.

The API is a made-up one, so that nothing but the dashboard and the browser is measured.
"""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from playwright.sync_api import Browser

from benchmarks import report
from benchmarks.watched import SETTLE_MS, Watched, open_page, watch
from streamapp.errors import DevStackError
from tests.e2e.site import dashboard
from tests.support.browser import chromium
from tests.support.fake_api import FakeApi

#: Verdicts a second of the second page, and while browsers are counted.
CALM = 5.0
#: The goals of docs/architecture.md.
MOST_MS, MOST_BYTES, MOST_PER_S = 300.0, 20_000, 10.0
#: A page on which a click waits longer than this (p99) feels frozen.
MOST_LATE_MS = 100.0
#: The share of the verdicts that is seen at all.
LEAST_SHOWN = 0.99
#: What is asked of the API with all browsers, for each request with one.
MOST_TIMES = 1.2


class Asked(NamedTuple):
    """What some browsers cost the API: how many they are, requests and kB a second, and event streams opened anew."""

    browsers: int
    requests: float
    kb: float
    streams: int


class Counter(logging.Handler):
    """Counts the requests of a server by its access log."""

    def __init__(self) -> None:
        super().__init__()
        self.requests, self.bytes = 0, 0

    def emit(self, record: logging.LogRecord) -> None:
        """One request has been answered."""
        self.requests += 1
        self.bytes += int(getattr(record, "response_size", 0))


@contextmanager
def counting() -> Iterator[Counter]:
    """Count what servers that start in this block answer."""
    log, counter = logging.getLogger("aiohttp.access"), Counter()
    level, propagate = log.level, log.propagate
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(counter)
    try:
        yield counter
    finally:
        log.removeHandler(counter)
        log.setLevel(level)
        log.propagate = propagate


def measure(seconds: float, rate: float, browsers: int) -> dict[str, Any]:
    """One page at `rate` verdicts a second and one at `CALM`, then what one and several browsers ask of the API.

    Raises:
        DevStackError: there is no Chromium.
    """
    if not (shutil.which("chromium") or shutil.which("chromium-browser")):
        raise DevStackError("Chromium is not installed; install it (Debian: apt-get install chromium)")
    with counting() as counter, FakeApi() as api, dashboard(api.url) as (url, _), chromium() as browser:
        pages = [watch(api, browser, url, each, seconds) for each in (rate, CALM)]
        asked = [ask(api, counter, browser, url, count, seconds) for count in (1, browsers)]
        streams = api.streams_opened
    return {"pages": pages, "asked": asked, "streams": streams}


def ask(api: FakeApi, counter: Counter, browser: Browser, url: str, count: int, seconds: float) -> Asked:
    """So many browsers for a while."""
    api.every_s, streams = 1 / CALM, api.streams_opened
    pages = [open_page(browser, url) for _ in range(count)]
    pages[0].wait_for_timeout(SETTLE_MS)
    before = (counter.requests, counter.bytes)
    pages[0].wait_for_timeout(seconds * 1000)
    requests, size = counter.requests - before[0], counter.bytes - before[1]
    for page in pages:
        page.context.close()
    return Asked(count, requests / seconds, size / 1024 / seconds, api.streams_opened - streams)


def show(result: dict[str, Any]) -> bool:
    """Print a result; whether it reaches the goals."""
    pages: list[Watched] = result["pages"]
    one, several = result["asked"]
    seen = [(_rate(page), page.delay_p50, page.delay_p95, MOST_MS, f"{page.shown:.1%}") for page in pages]
    report.table("A verdict is on the screen, ms", ("verdicts", "p50", "p95", "goal p95", "of all"), seen)
    sent = [(_rate(page), page.refreshes_per_s, MOST_PER_S, *_bytes(page), MOST_BYTES) for page in pages]
    report.table("Refreshes", ("verdicts", "per s", "goal", "p95 bytes", "most", "goal"), sent)
    busy = [(_rate(page), page.late_p99, MOST_LATE_MS, page.longest_task) for page in pages]
    report.table("How late a timer rings, ms", ("verdicts", "p99", "goal", "longest task"), busy)
    report.table("What browsers ask of the API", ("browsers", "requests/s", "kB/s", "streams opened"), [one, several])
    return all(good(page) for page in pages) and cheap(one, several) and result["streams"] == 1


def _rate(page: Watched) -> str:
    return f"{page.rate:.0f}/s"


def _bytes(page: Watched) -> tuple[int, int]:
    return int(page.refresh_p95_bytes), int(page.refresh_most_bytes)


def good(page: Watched) -> bool:
    """Whether a page is as fast, as small and as free as it should be."""
    soon = page.delay_p95 <= MOST_MS and page.shown >= LEAST_SHOWN and page.late_p99 <= MOST_LATE_MS
    return soon and page.refresh_most_bytes <= MOST_BYTES and page.refreshes_per_s <= MOST_PER_S


def cheap(one: Asked, several: Asked) -> bool:
    """Whether several browsers cost the API no more than one."""
    return several.requests <= MOST_TIMES * one.requests and several.kb <= MOST_TIMES * one.kb and not several.streams


def main(
    seconds: Annotated[float, typer.Option(help="How long each is watched.")] = 30,
    rate: Annotated[float, typer.Option(help="Verdicts a second.")] = 50,
    browsers: Annotated[int, typer.Option(help="How many browsers are compared with one.")] = 10,
    output: Annotated[Path, typer.Option(help="Where the JSON goes.")] = report.RESULTS / "dashboard.json",
) -> None:
    """Verdicts in Chromium; fails above 300 ms, 20 kB a refresh, where the page freezes, or browsers cost the API."""
    result = measure(seconds, rate, browsers)
    reached = show(result)
    report.write(output, "dashboard", {"seconds": seconds, "rate": rate, "browsers": browsers}, result)
    raise typer.Exit(0 if reached else 1)


if __name__ == "__main__":
    report.command(partial(typer.run, main))
