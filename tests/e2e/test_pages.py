"""Every page but the live one in a real browser: what it shows, and what people do there."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.e2e.site import WAIT_MS, Site, shot
from tests.support import fake_answers

pytestmark = pytest.mark.browser


def filled(site: Site) -> Site:
    """Enough of everything to fill each page; nothing new comes."""
    site.api.every_s = 0
    world = site.api.world
    for number in range(60):
        world.race("cifar10" if number % 3 else "upload")
    world.letters += [fake_answers.letter(number) for number in range(1, 6)]
    world.alerts += [fake_answers.alert(2, firing=True), fake_answers.alert(1, firing=False)]
    return site


ROWS = "#images-rows .ag-center-cols-container .ag-row"


def test_images_are_filtered_paged_and_opened(site: Site) -> None:
    page = filled(site).open("/images")
    rows = page.locator(ROWS)
    expect(rows).to_have_count(24)
    shot(page, "images")
    page.locator("[name=label]").select_option("cat")
    expect(page).to_have_url(re.compile("label=cat"))
    expect(rows).to_have_count(sum(race["label"] == "cat" for race in site.api.world.races))
    page.locator("[name=label]").select_option("")
    page.locator("[name=labelled]").select_option("false")
    expect(page).to_have_url(re.compile("labelled=false$"))
    page.get_by_role("link", name="Clear").click()
    expect(rows).to_have_count(24)
    first = rows.first.get_attribute("row-id")
    page.get_by_role("link", name="Older").click()
    expect(rows.first).not_to_have_attribute("row-id", first or "")
    expect(page.locator("#images-paging")).to_contain_text("Page 2")
    page.get_by_role("link", name="Newer").click()
    expect(rows.first).to_have_attribute("row-id", first or "")
    rows.first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".lane[data-state=answered]")).to_have_count(3)
    dialog.locator("summary").click()
    expect(dialog.locator("pre")).to_contain_text('"inference_ms"')
    shot(page, "image")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert "open=" not in page.url
    page.get_by_role("link", name="Pictures").click()
    expect(page.locator("#images-grid .frame")).to_have_count(24)
    expect(rows.first).to_be_hidden()
    shot(page, "images-pictures")


def test_images_are_searched_by_time_and_text_and_opened_by_key(site: Site) -> None:
    races = filled(site).api.world.races
    middle = datetime.now(UTC) - timedelta(minutes=30)
    for number, race in enumerate(races):
        race["timestamp"] = (middle + timedelta(minutes=5 * (1 if number >= len(races) - 10 else -1))).isoformat()
    page = site.open("/images")
    rows = page.locator(ROWS)
    expect(rows).to_have_count(24)
    local = page.evaluate(
        "s => { const d = new Date(s); return new Date(d - d.getTimezoneOffset() * 60000)"
        ".toISOString().slice(0, 16); }",
        middle.isoformat(),
    )
    since = page.get_by_label("From", exact=True)
    since.fill(local)
    since.press("Enter")
    expect(page).to_have_url(re.compile(f"since={middle:%Y-%m-%dT%H}%3A{middle:%M}%3A00Z"))
    expect(rows).to_have_count(10)
    expect(since).to_have_value(local)
    wanted = races[-3]["image_id"]
    page.get_by_label("Search").fill(wanted[:13].upper())
    page.keyboard.press("Enter")
    expect(rows).to_have_count(1)
    expect(page.get_by_label("Search")).to_be_focused()
    cell = page.locator(f"#images-rows .ag-center-cols-container [row-id='{wanted}'] .ag-cell").first
    cell.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").locator(".lane").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#images-rows .ag-cell:focus")).to_have_count(1)
    page.get_by_label("Search").fill("nothing is called so")
    page.keyboard.press("Enter")
    expect(page.locator("#images-grid")).to_contain_text("No image fits these filters.")


def test_models_are_shown_and_told_to_look_for_a_new_version(site: Site) -> None:
    site.api.world.models[2].reload_error = "no such file"
    page = filled(site).open("/models")
    card = page.locator("[data-model=mobilenet]")
    expect(card).to_contain_text("95 %: 72.8 % to 75.2 %, 10,000 pictures")
    expect(page.locator(".plane circle")).not_to_have_count(0)
    expect(page.locator("[data-model=resnet50] .trouble")).to_contain_text("no such file")
    shot(page, "models")
    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    card.get_by_role("button", name="Look for a new version").click()
    assert "mobilenet" in asked[0]
    assert site.api.books.asked == [], "it was not confirmed"
    page.once("dialog", lambda dialog: dialog.accept())
    card.get_by_role("button", name="Look for a new version").click()
    expect(page.locator("#toast")).to_contain_text("The workers of mobilenet are looking.")
    assert site.api.books.asked == ["reload mobilenet"]


def test_the_ledger_is_green_until_an_image_is_missing(site: Site) -> None:
    page = filled(site).open("/system")
    expect(page.locator("#ledger-tools .state-balanced")).to_have_text("Every image is accounted for")
    expect(page.locator("#flow .name", has_text="resnet50")).to_be_visible()
    expect(page.locator("#alerts li")).to_have_count(2)
    shot(page, "system")
    site.api.books.lost = 2
    expect(page.locator("#ledger-tools .state-broken")).to_be_visible(timeout=WAIT_MS)
    expect(page.locator("#ledger")).to_contain_text("2 images are lost")


def test_dead_letters_are_retried_given_up_and_retried_all(site: Site) -> None:
    page = filled(site).open("/system")
    rows = page.locator("#letters tbody tr")
    expect(rows).to_have_count(5)
    rows.first.get_by_role("button", name="Retry").click()
    expect(page.locator("#toast")).to_contain_text("on its way again")
    expect(rows).to_have_count(4)
    rows.first.get_by_role("button", name="Give up").click()
    expect(rows).to_have_count(3)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Retry all").click()
    expect(page.locator("#toast")).to_contain_text("3 letters are on their way again; 0 could not be sent.")
    page.get_by_role("link", name="discarded").click()
    expect(rows).to_have_count(1)


def test_labelling_by_key_moves_the_accuracy_and_can_be_undone(site: Site) -> None:
    for old in filled(site).api.world.races:
        old["timestamp"] = (datetime.fromisoformat(old["timestamp"]) - timedelta(minutes=10)).isoformat()
    page = site.open("/review")
    race = page.locator("#review-image [data-race]")
    expect(race).to_be_visible()
    expect(page.locator(".accuracy")).to_contain_text("Accuracy over 24 hours", timeout=WAIT_MS)
    before = page.locator(".accuracy").inner_text()
    first = race.get_attribute("data-race") or ""
    shot(page, "review")
    page.keyboard.press("4")
    expect(page.locator("#toast")).to_contain_text("Labelled: cat")
    expect(race).not_to_have_attribute("data-race", first)
    assert next(each["label"] for each in site.api.world.races if each["image_id"] == first) == "cat"
    expect(page.locator(".accuracy")).not_to_have_text(before, timeout=WAIT_MS)
    second = race.get_attribute("data-race") or ""
    page.keyboard.press("ArrowRight")
    expect(race).not_to_have_attribute("data-race", second)
    page.keyboard.press("ArrowLeft")
    expect(race).to_have_attribute("data-race", second)
    page.keyboard.press("ArrowRight")
    expect(race).not_to_have_attribute("data-race", second)
    page.keyboard.press("u")
    expect(race).to_have_attribute("data-race", first)
    assert next(each["label"] for each in site.api.world.races if each["image_id"] == first) is None
    page.keyboard.press("6")
    expect(page.locator("#toast")).to_contain_text("Labelled: dog")
    assert next(each["label"] for each in site.api.world.races if each["image_id"] == first) == "dog"


def test_a_key_that_is_held_passes_over_one_image(site: Site) -> None:
    page = filled(site).open("/review")
    race = page.locator("#review-image [data-race]")
    expect(race).to_be_visible()
    first = race.get_attribute("data-race") or ""
    page.keyboard.down("ArrowRight")
    expect(race).not_to_have_attribute("data-race", first)
    second = race.get_attribute("data-race") or ""
    for _ in range(5):
        page.keyboard.down("ArrowRight")  # of a key that is down, this is its repetition
    page.keyboard.up("ArrowRight")
    page.wait_for_timeout(1000)
    expect(race).to_have_attribute("data-race", second)
    page.keyboard.press("ArrowLeft")
    expect(race).to_have_attribute("data-race", first)


def test_all_that_are_shown_are_labelled_at_once(site: Site) -> None:
    page = filled(site).open("/review")
    shown = page.locator("#review-queue .frame")
    expect(shown).to_have_count(12)
    button = page.locator("#review-all button")
    before = button.get_attribute("data-act") or ""
    page.once("dialog", lambda dialog: dialog.accept())
    button.click()
    expect(page.locator("#toast")).to_contain_text("labelled; 0 could not be.")
    expect(button).not_to_have_attribute("data-act", before)
    assert page.locator("#review-tools").inner_text().split()[0] == str(before.count("-") // 4)


def test_a_page_survives_the_api_and_shows_the_last_data(site: Site) -> None:
    page = filled(site).open("/system")
    expect(page.locator("#letters tbody tr")).to_have_count(5)
    site.api.go_away()
    expect(page.locator("#banner")).to_contain_text("does not answer", timeout=WAIT_MS)
    expect(page.locator("#letters tbody tr")).to_have_count(5)
    site.api.world.letters.pop()
    site.api.come_back()
    expect(page.locator("#letters tbody tr")).to_have_count(4, timeout=WAIT_MS)
    expect(page.locator("#banner")).to_be_empty()


def test_the_past_is_compared_and_saved(site: Site) -> None:
    page = filled(site).open("/compare")
    expect(page.locator("#compare-latency .line")).to_have_count(3)
    expect(page.locator("#compare-agreement tbody tr")).to_have_count(3)
    expect(page.locator("#compare-confusion td", has_text=re.compile(r"\d"))).not_to_have_count(0)
    shot(page, "compare")
    before = page.locator("#compare-latency .line").first.get_attribute("d") or ""
    page.get_by_role("link", name="24 h").click()
    expect(page.locator("#compare-latency .line").first).not_to_have_attribute("d", before)
    with page.expect_download() as table:
        page.get_by_role("link", name="CSV", exact=True).click()
    lines = table.value.path().read_text().splitlines()
    assert lines[0].startswith("start,model,predictions")
    assert len(lines) == 1 + 3 * 96
    with page.expect_download() as picture:
        page.get_by_role("button", name="PNG").first.click()
    assert picture.value.suggested_filename == "streamapp-latency.png"
    assert picture.value.path().read_bytes().startswith(b"\x89PNG")


def test_tables_and_planes_are_saved_as_pictures_and_figures(site: Site) -> None:
    page = filled(site).open("/compare")
    for name in ("plane", "agreement", "calibration", "confusion"):
        expect(page.locator(f"#compare-{name} svg, #compare-{name} table").first).to_be_visible(timeout=WAIT_MS)
        card = page.locator(f"[data-chart={name}]")
        with page.expect_download() as picture:
            card.locator("[data-png]").click()
        assert picture.value.suggested_filename == f"streamapp-{name}.png"
        with Image.open(picture.value.path()) as saved:
            assert len(saved.convert("RGB").getcolors(1 << 24) or []) > 20, "it is not empty"
        with page.expect_download() as table:
            card.get_by_role("link", name="CSV").click()
        assert table.value.suggested_filename == f"streamapp-{name}-10m.csv"
        assert len(table.value.path().read_text().splitlines()) > 3


def test_how_times_are_distributed_is_seen_read_and_saved(site: Site) -> None:
    page = filled(site).open("/compare?window=1m")
    expect(page.locator("#compare-ecdf .line")).to_have_count(3)
    expect(page.locator("#compare-distribution .median")).to_have_count(3 * 6)
    expect(page.locator("#compare-latency svg, #compare-latency .no-figures")).to_be_visible(timeout=WAIT_MS)
    table = page.locator("#compare-distribution details")
    table.locator("summary").click()
    expect(table.get_by_role("row")).to_have_count(1 + 3 * 6)
    expect(table.get_by_role("row").last).to_contain_text("resnet50")
    shot(page, "distribution")
    with page.expect_download() as times:
        page.get_by_role("link", name="CSV of times").click()
    assert len(times.value.path().read_text().splitlines()) == 1 + 3 * 6 * 101
    for name in ("ecdf", "distribution"):
        with page.expect_download() as picture:
            page.locator(f"[data-chart={name}] [data-png]").click()
        assert picture.value.suggested_filename == f"streamapp-{name}.png"


def test_one_goes_from_page_to_page_without_loading_anew(site: Site) -> None:
    page = filled(site).open()
    page.evaluate("window.kept = true")
    for name in ("Compare", "Images", "Review", "Models", "System", "Live"):
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()
        expect(page.locator(f"#page-{name.lower()}")).to_be_visible()
        expect(page.locator(".pages [aria-current]")).to_have_text(name)
    assert page.evaluate("window.kept")


def test_a_path_that_is_no_page_shows_the_first_one(site: Site) -> None:
    page = filled(site).open("/nowhere")
    expect(page.locator("#page-live")).to_be_visible()
    expect(page.locator(".pages [aria-current]")).to_have_text("Live")


def test_the_header_fits_in_the_longer_language_at_any_width(site: Site) -> None:
    page = filled(site).open("/system", locale="es", live="en vivo")
    expect(page.locator("#ledger table")).to_be_visible()
    for width in (360, 761, 1059, 1061, 1239, 1241, 3840):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        expect(page.get_by_role("link", name="Sistema")).to_be_in_viewport()
