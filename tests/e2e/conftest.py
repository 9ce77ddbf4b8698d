"""A browser for the module, and a dashboard with its fake API for each test."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.site import WAIT_MS, Site, dashboard
from tests.support.browser import chromium
from tests.support.fake_api import FakeApi

# What is waited for comes when the machine has time for it.
expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream") as browser:
        yield browser


@pytest.fixture
def site(browser: Browser) -> Iterator[Site]:
    with FakeApi(every_s=0.4) as api, dashboard(api.url) as (url, process):
        site = Site(api, url, process, browser)
        yield site
        for context in browser.contexts:
            context.close()
        assert site.errors == []
        asked = {urlsplit(url) for url in site.requests}
        assert {url.hostname for url in asked if url.scheme != "blob"} <= {"127.0.0.1"}, "a request left the host"
