"""What a page of the dashboard notices while it is watched: delays of verdicts, refreshes, and how busy it is."""

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Browser, Page

from benchmarks import report
from streamapp.errors import ApiError
from tests.support.fake_api import FakeApi

WATCH = (Path(__file__).parent / "watch.js").read_text()
#: Time for pages to come up before anything is counted, and for the last verdicts to be drawn afterwards.
SETTLE_MS, DRAW_MS = 4000, 1000
#: The made-up API remembers what it sends while a page is watched, and the minute over which its figures are.
REMEMBERED_S = 60.0
NOW = "performance.timeOrigin + performance.now()"


class Watched(NamedTuple):
    """What one page noticed; delays are milliseconds, `shown` is the share of the verdicts that were on the screen."""

    rate: float
    verdicts: int
    shown: float
    delay_p50: float
    delay_p95: float
    refreshes_per_s: float
    refresh_p95_bytes: float
    refresh_most_bytes: float
    late_p99: float
    longest_task: float


def open_page(browser: Browser, url: str) -> Page:
    """The live page in a browser of its own, with the first images."""
    page = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
    page.add_init_script(WATCH)
    page.goto(url)
    page.locator("#strip .frame").first.wait_for()
    return page


def watch(api: FakeApi, browser: Browser, url: str, rate: float, seconds: float) -> Watched:
    """One page for a while, at so many verdicts a second."""
    api.every_s = 1 / rate
    api.world.races = deque(api.world.races, maxlen=round(rate * (seconds + REMEMBERED_S)))
    page = open_page(browser, url)
    page.wait_for_timeout(SETTLE_MS)
    page.evaluate("Object.assign(window.watched, {refreshes: [], late: [], longest: 0})")
    begin = page.evaluate(NOW)
    page.wait_for_timeout(seconds * 1000)
    end = page.evaluate(NOW)
    page.wait_for_timeout(DRAW_MS)
    noticed = page.evaluate("window.watched")
    page.context.close()
    races = list(api.world.races)  # at once: it goes on
    sent = {race["image_id"]: datetime.fromisoformat(race["timestamp"]).timestamp() * 1000 for race in races}
    return figures(noticed, sent, begin, end)


def figures(noticed: Mapping[str, Any], sent: Mapping[str, float], begin: float, end: float) -> Watched:
    """What a page noticed of the verdicts sent between two moments; all are in milliseconds since 1970.

    Raises:
        ApiError: it noticed nothing.
    """
    asked = {image_id: at for image_id, at in sent.items() if begin <= at < end}
    delays = [noticed["shown"][image_id] - at for image_id, at in asked.items() if image_id in noticed["shown"]]
    sizes = [size for at, size in noticed["refreshes"] if begin <= at < end]
    if not delays or not sizes:
        raise ApiError("the page showed no verdict; the machine may be too busy for the browser")
    seconds = (end - begin) / 1000
    return Watched(
        rate=len(asked) / seconds,
        verdicts=len(asked),
        shown=len(delays) / len(asked),
        delay_p50=report.quantile(delays, 0.5),
        delay_p95=report.quantile(delays, 0.95),
        refreshes_per_s=len(sizes) / seconds,
        refresh_p95_bytes=report.quantile(sizes, 0.95),
        refresh_most_bytes=max(sizes),
        late_p99=report.quantile(noticed["late"], 0.99),
        longest_task=noticed["longest"],
    )
