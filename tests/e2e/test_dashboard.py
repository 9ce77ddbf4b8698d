"""The dashboard in a real browser (Debian's Chromium), in front of the fake API."""

import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.e2e.site import WAIT_MS, Site, dashboard, shot
from tests.support.fake_api import FakeApi
from tests.support.fake_races import FakeModel, jpeg

pytestmark = pytest.mark.browser

MAX_IDLE_MB = 150


def newest(page: Page) -> str:
    return page.locator("[data-race]").get_attribute("data-race") or ""


def lane(page: Page, model: str) -> Locator:
    return page.locator(f".lane[data-model={model}]")


def test_the_race_is_shown_with_a_lane_per_model(site: Site) -> None:
    page = site.open()
    for model in ("efficientnet", "mobilenet", "resnet50"):
        expect(lane(page, model).locator(".at-answer")).to_have_text(re.compile("[a-z]+"))
        expect(lane(page, model).locator(".stage-inference")).to_be_visible()
        expect(lane(page, model).locator(".at-inference")).to_have_text(re.compile(r"\d\.\d ms"))
    expect(page.locator(".badge.fast")).to_have_count(1)
    expect(page.locator(".badge.sure")).to_have_count(1)
    expect(page.locator(".outcome")).to_contain_text("Consensus")
    expect(page.locator(".stats tbody tr")).to_have_count(3)
    expect(page.locator(".frame")).to_have_count(12, timeout=WAIT_MS)
    loaded = "[...document.querySelectorAll('.frame img, .race-image img')].every(image => image.naturalWidth > 0)"
    page.wait_for_function(loaded)
    shot(page, "light")


def test_verdicts_are_pushed_and_drawn_in_place(site: Site) -> None:
    page = site.open()
    expect(page.locator(".frame")).to_have_count(12, timeout=WAIT_MS)
    page.evaluate("document.querySelector('.race-image img').kept = document.querySelector('.stats').kept = true")
    asked = len([url for url in site.requests if "_dash-update-component" in url])
    seen = {newest(page)}
    for _ in range(3):
        page.wait_for_function("old => document.querySelector('[data-race]').dataset.race !== old", arg=newest(page))
        seen.add(newest(page))
    assert len(seen) == 4
    assert page.evaluate("[document.querySelector('.race-image img').kept, document.querySelector('.stats').kept]") == [
        True,
        True,
    ]
    assert len([url for url in site.requests if "_dash-update-component" in url]) == asked, "polled, not pushed"


def test_a_fourth_model_appears_by_itself(site: Site) -> None:
    page = site.open()
    expect(lane(page, "resnet50")).to_be_visible()
    colour = "e => getComputedStyle(e).getPropertyValue('--model')"
    before = lane(page, "resnet50").evaluate(colour)
    site.api.world.models.append(FakeModel("aardvark", 1.1, 0.6, trained=False))
    expect(lane(page, "aardvark")).to_be_visible(timeout=WAIT_MS)
    expect(lane(page, "aardvark")).to_contain_text("untrained")
    expect(page.locator("tr[data-model=aardvark]")).to_contain_text("untrained", timeout=WAIT_MS)
    expect(page.locator(".note")).to_contain_text("aardvark is untrained")
    assert lane(page, "resnet50").evaluate(colour) == before
    assert lane(page, "aardvark").evaluate(colour) != before
    shot(page, "four-models")


def test_an_image_is_pinned_and_followed_live_again(site: Site) -> None:
    page = site.open()
    expect(page.locator(".frame")).to_have_count(12, timeout=WAIT_MS)
    site.api.every_s = 0  # so that the frame under the mouse is the one meant
    page.wait_for_timeout(1000)
    frame = page.locator(".frame").nth(3)
    href = frame.get_attribute("href") or ""
    image_id = href.removeprefix("/?pin=")
    frame.focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-race]")).to_have_attribute("data-race", image_id)
    expect(page.locator("#race-title")).to_have_text("Pinned image")
    assert page.url.endswith(href), "what is shown cannot be linked"
    site.api.every_s = 0.4
    expect(page.locator(".frame").nth(3)).not_to_have_class("frame pinned")
    expect(page.locator(".frame.pinned")).to_be_focused()
    assert newest(page) == image_id
    shot(page, "pinned")
    page.get_by_role("link", name="Follow live").click()
    expect(page.locator("[data-race]")).not_to_have_attribute("data-race", image_id)
    expect(page.locator("#follow")).to_have_count(0)
    page.go_back()
    expect(page.locator("[data-race]")).to_have_attribute("data-race", image_id)


def test_a_page_is_paused_and_catches_up(site: Site) -> None:
    page = site.open()
    expect(page.locator("[data-race]")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#race-title")).to_have_text("Paused")
    shown = newest(page)
    expect(page.locator("#race-tools")).to_contain_text(re.compile("[2-9] new images"))
    assert newest(page) == shown
    page.get_by_role("button", name="Catch up").click()
    expect(page.locator("[data-race]")).not_to_have_attribute("data-race", shown)
    expect(page.locator("#race-title")).to_have_text("Newest image")


def test_the_window_of_the_table_is_chosen(site: Site) -> None:
    page = site.open()
    expect(page.locator(".stats")).to_have_attribute("data-window", "1m")
    page.get_by_role("link", name="15 min").click()
    expect(page.locator(".stats")).to_have_attribute("data-window", "15m")


def test_uploads_are_accepted_or_refused_in_words(site: Site, tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(jpeg("chelsea", 0, 256))
    (tmp_path / "notes.jpg").write_text("hello")
    (tmp_path / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(10 * 1024 * 1024))
    page = site.open()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload").click()
    chooser.value.set_files(sorted(tmp_path.iterdir()))
    line = page.locator(".upload")
    expect(line.filter(has_text="cat.jpg")).to_contain_text("accepted", timeout=WAIT_MS)
    expect(line.filter(has_text="notes.jpg")).to_contain_text("not a JPEG, PNG or WebP image")
    expect(line.filter(has_text="huge.png")).to_contain_text("at most 10 MB")
    expect(page.locator(".upload-summary")).to_contain_text("3 of 3 sent · 2 refused")
    assert line.locator("img").first.evaluate("image => image.src").startswith("blob:")
    shot(page, "uploads")
    page.get_by_role("link", name="show its race").click()
    expect(page.locator("#race-meta")).to_contain_text("upload")
    expect(lane(page, "resnet50")).to_be_visible()
    page.get_by_role("button", name="Dismiss").click()
    expect(line).to_have_count(0)


def test_files_that_are_under_way_stay_when_more_are_chosen(site: Site, tmp_path: Path) -> None:
    for number, name in enumerate(("first.jpg", "second.jpg")):
        (tmp_path / name).write_bytes(jpeg("coffee", number, 64))
    page = site.open()
    held: list[Route] = []

    def upload(name: str) -> None:
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Upload").click()
        chooser.value.set_files(tmp_path / name)

    line = page.locator(".upload")
    page.route("**/upload", lambda route: route.continue_() if held else held.append(route))
    upload("first.jpg")
    expect(line.filter(has_text="first.jpg")).to_contain_text("sending")
    upload("second.jpg")
    expect(line.filter(has_text="second.jpg")).to_contain_text("accepted", timeout=WAIT_MS)
    page.get_by_role("button", name="Dismiss").click()
    expect(line).to_have_count(1)
    held[0].continue_()
    expect(line.filter(has_text="first.jpg")).to_contain_text("accepted", timeout=WAIT_MS)


DROP = """bytes => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], "dropped.jpg", {type: "image/jpeg"}));
    const options = {dataTransfer: data, bubbles: true, cancelable: true};
    const fire = type => document.body.dispatchEvent(new DragEvent(type, options));
    fire("dragover");
    window.invited = getComputedStyle(document.getElementById("drop")).display !== "none";
    fire("drop");
}"""


def test_a_dropped_image_shows_its_own_race(site: Site) -> None:
    page = site.open()
    page.evaluate(DROP, list(jpeg("coffee", 1, 64)))
    assert page.evaluate("window.invited")
    expect(page.locator("#drop")).to_be_hidden()
    expect(page.locator("#race-title")).to_have_text("Pinned image", timeout=WAIT_MS)
    expect(page.locator("#race-meta")).to_contain_text("upload")
    expect(page.locator(".lane[data-state=answered]")).to_have_count(3)


def test_the_api_goes_away_and_comes_back(site: Site) -> None:
    page = site.open()
    expect(page.locator("[data-race]")).to_be_visible()
    site.api.go_away()
    expect(page.locator("#banner")).to_contain_text(f"The API at {site.api.url} does not answer", timeout=WAIT_MS)
    expect(page.locator(".link")).to_have_text("API down")
    expect(page.locator(".stats tbody tr")).to_have_count(3)
    last = newest(page)
    assert last, "the last race is gone"
    shot(page, "down")
    site.api.come_back()
    expect(page.locator(".link")).to_have_text("live", timeout=WAIT_MS)
    expect(page.locator("#banner")).to_be_empty()
    expect(page.locator("[data-race]")).not_to_have_attribute("data-race", last)


def test_the_dashboard_itself_goes_away_and_comes_back(browser: Browser) -> None:
    with FakeApi() as api:
        with dashboard(api.url) as (url, process):
            page = Site(api, url, process, browser).open()
            expect(page.locator("[data-race]")).to_be_visible()
        expect(page.locator("#lost")).to_be_visible(timeout=WAIT_MS)
        last = newest(page)
        assert last, "the last race is gone"
        with dashboard(api.url, urlsplit(url).port or 0):
            expect(page.locator("#lost")).to_be_hidden(timeout=2 * WAIT_MS)
            expect(page.locator("[data-race]")).not_to_have_attribute("data-race", last)
        page.context.close()


def test_before_the_first_image_the_page_says_how_to_send_one(browser: Browser) -> None:
    with FakeApi(every_s=0) as api, dashboard(api.url) as (url, process):
        page = Site(api, url, process, browser).open()
        expect(page.locator(".empty")).to_contain_text("streamapp produce cifar10")
        shot(page, "empty")
        page.context.close()


def test_without_the_api_from_the_start_the_page_says_so(browser: Browser) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with dashboard(f"http://127.0.0.1:{port}") as (url, _):
        page = browser.new_context().new_page()
        page.goto(url)
        expect(page.locator("#banner")).to_contain_text("There is no data yet", timeout=WAIT_MS)
        page.context.close()


def test_three_pages_share_one_stream_of_events(site: Site) -> None:
    pages = [site.open() for _ in range(2)]
    pages.append(pages[0].context.new_page())  # a second tab shares its neighbour's connection
    pages[2].goto(site.url)
    for page in pages:
        expect(page.locator("[data-race]")).to_be_visible(timeout=WAIT_MS)
    assert site.api.streams_opened == 1


CLIPPED = """[...document.querySelectorAll('.lane *, h1, h2, .button, .badge, .outcome *, .pages a')]
    .filter(e => e.clientWidth > 1 && e.scrollWidth > e.clientWidth + 1).map(e => e.className + ': ' + e.textContent)"""

# The text of one cell of a lane over that of another.
OVERLAPPING = """[...document.querySelectorAll('.lane')].flatMap(lane => {
    const boxes = [...lane.children].flatMap(cell => {
        const range = document.createRange();
        range.selectNodeContents(cell);
        return [...range.getClientRects()].filter(box => box.width > 1).map(box => [cell, box]);
    });
    return boxes.flatMap(([cell, a]) => boxes.filter(([other, b]) => cell !== other
        && a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)
        .map(([other]) => cell.className + ' over ' + other.className + ': ' + lane.textContent));
})"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out_at_any_width(site: Site, scheme: str) -> None:
    for model in site.api.world.models:
        model.trained = False
    site.api.world.models.append(FakeModel("mobilenet-int8", 1.2, 0.9, trained=False))
    page = site.open(scheme=scheme)
    expect(page.locator(".frame")).to_have_count(12, timeout=WAIT_MS)
    for width in (390, 820, 1440, 2560):
        page.set_viewport_size({"width": width, "height": 1000})
        for _ in range(5):  # races differ in badges and answers
            page.wait_for_function(
                "old => document.querySelector('[data-race]').dataset.race !== old", arg=newest(page)
            )
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate(CLIPPED) == []
            assert page.evaluate(OVERLAPPING) == []
        shot(page, f"{scheme}-{width}")


def test_the_camera_of_the_browser_sends_frames_until_it_is_stopped(site: Site) -> None:
    site.api.every_s = 0
    page = site.open()
    page.locator("#webcam").click()
    expect(page.locator("#webcam-sent")).to_have_text(re.compile("[2-9]"), timeout=WAIT_MS)
    expect(page.locator("#race-meta")).to_contain_text("webcam · camera browser-")
    expect(page.locator("#webcam-choice option")).not_to_have_count(0)
    assert page.locator("#webcam-video").evaluate("video => video.videoWidth") > 0
    shot(page, "webcam")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#webcam-panel")).to_be_hidden()
    expect(page).to_have_url(f"{site.url}/")
    page.wait_for_timeout(500)
    sent = len(site.api.world.races)
    page.wait_for_timeout(1500)
    assert len(site.api.world.races) == sent, "it goes on after it was stopped"
    page.locator("#webcam").click()
    expect(page).to_have_url(re.compile("camera=browser-"))
    expect(page.locator("#webcam-choice option")).not_to_have_count(0)
    page.locator("#webcam").click()
    expect(page.locator("#webcam-panel")).to_be_hidden()
    expect(page).to_have_url(f"{site.url}/")


def test_the_language_is_the_browsers_until_another_is_chosen(site: Site) -> None:
    page = site.open(locale="es-MX", live="en vivo")
    expect(page.locator("#race-title")).to_have_text("Imagen más reciente")
    assert page.evaluate("document.documentElement.lang") == "es"
    shot(page, "spanish")
    page.get_by_role("button", name="English").click()
    expect(page.locator("#race-title")).to_have_text("Newest image", timeout=WAIT_MS)
    page.reload()
    expect(page.locator("#race-title")).to_have_text("Newest image", timeout=WAIT_MS)


def test_light_and_dark_are_switched(site: Site) -> None:
    page = site.open(scheme="light")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.locator("#scheme").click()
    page.wait_for_function(f"{background} !== {light!r}")
    page.reload()
    expect(page.locator(".link")).to_have_text("live", timeout=WAIT_MS)
    assert page.evaluate(background) != light, "the choice is forgotten"


def test_the_idle_dashboard_is_small(site: Site) -> None:
    site.open()
    assert psutil.Process(site.process.pid).memory_info().rss < MAX_IDLE_MB * 2**20
