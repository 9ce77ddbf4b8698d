"""axe (https://github.com/dequelabs/axe-core) looks at every page, in both themes and on a phone."""

from importlib.resources import files

import pytest
from playwright.sync_api import Page, expect

from dash_ui.view import PAGES
from tests.e2e.site import WAIT_MS, Site, shot
from tests.e2e.test_pages import filled

pytestmark = pytest.mark.browser

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
#: What counts as found, with where it is and why.
RUN = """async () => (await axe.run({resultTypes: ["violations"]})).violations
    .filter(each => ["serious", "critical"].includes(each.impact))
    .map(each => each.id + ": " + each.nodes.map(node => node.html.slice(0, 120) + " " + node.failureSummary)
        .join("; "))"""
READY = {
    "live": "[data-race]",
    "images": "#images-rows .ag-row",
    "review": "#review-image [data-race]",
    "models": ".plane circle",
    "system": "#ledger table",
    "compare": "#compare-latency svg",
}


def violations(page: Page) -> list[str]:
    """What is seriously wrong on a page."""
    page.evaluate(AXE)
    return list(page.evaluate(RUN))


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light")])
def test_no_page_has_a_serious_violation(site: Site, width: int, scheme: str) -> None:
    page = filled(site).open(width=width, scheme=scheme)
    for name in PAGES:
        page.goto(site.url + ("/" if name == PAGES[0] else f"/{name}"))
        expect(page.locator(READY[name]).first).to_be_visible(timeout=WAIT_MS)
        assert violations(page) == [], f"on the page {name}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than the screen"
        shot(page, f"{name}-{width}-{scheme}")


def test_the_detail_of_an_image_has_no_serious_violation(site: Site) -> None:
    page = filled(site).open(f"/images?open={filled(site).api.world.races[-1]['image_id']}")
    expect(page.locator("dialog .lane").first).to_be_visible(timeout=WAIT_MS)
    assert violations(page) == []


def test_who_wants_no_motion_sees_none_and_notices_still_go(site: Site) -> None:
    page = filled(site).open("/review")
    page.emulate_media(reduced_motion="reduce")
    expect(page.locator("#review-image [data-race]")).to_be_visible()
    page.keyboard.press("4")
    notice = page.locator("#toast p")
    expect(notice).to_contain_text("Labelled: cat")
    moving = page.evaluate("document.getAnimations().map(each => each.animationName || each.transitionProperty)")
    assert set(moving) == {"leave"}
    assert notice.evaluate("it => getComputedStyle(it).animationTimingFunction") == "steps(1)"
    expect(notice).to_be_hidden()
