"""The dashboard in a real browser, in front of the fake API: what the browser tests share."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.support.fake_api import FakeApi

WAIT_MS = 30_000  # for slow machines; everything here takes a second or two
SHOTS = os.environ.get("STREAMAPP_TEST_SHOTS")  # a folder to leave screenshots in


@dataclass
class Site:
    """A running dashboard and the fake API behind it."""

    api: FakeApi
    url: str
    process: subprocess.Popen[str]
    browser: Browser
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def open(
        self,
        path: str = "",
        *,
        width: int = 1440,
        height: int = 1000,
        scheme: str = "light",
        locale: str = "en",
        live: str = "live",
    ) -> Page:
        """A page in a browser of its own, loaded and live."""
        size = ViewportSize(width=width, height=height)
        context = self.browser.new_context(viewport=size, color_scheme=scheme, locale=locale)  # type: ignore[arg-type]
        context.set_default_timeout(WAIT_MS)
        context.on("request", lambda request: self.requests.append(request.url))
        page = context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(self.url + path)
        expect(page.locator(".link")).to_have_text(live, timeout=WAIT_MS)
        return page


@contextmanager
def dashboard(api_url: str, port: int = 0) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The dashboard as its own process: its URL and the process."""
    command = [sys.executable, "-m", "dash_ui", "--port", str(port), "--api-url", api_url]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout is not None
        found = re.search(r"http://[\d.]+:\d+", process.stdout.readline())
        assert found, "the dashboard did not say where it listens"
        try:
            yield found[0], process
        finally:
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=15)
            assert "Traceback" not in said, said


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True, timeout=WAIT_MS)
