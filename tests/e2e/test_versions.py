"""Changing over to another version of a model, and labelling beyond the newest images, in a real browser."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from dash_ui.pages import review
from tests.e2e.site import WAIT_MS, Site, shot
from tests.e2e.test_pages import filled

pytestmark = pytest.mark.browser


def test_another_version_is_promoted_and_its_beginning_is_marked_on_the_times(site: Site) -> None:
    filled(site).api.registry.change("resnet50", 4, datetime.now(UTC) - timedelta(minutes=20))
    page = site.open("/models")
    card = page.locator("[data-model=resnet50]")
    champion = card.locator(".versions tr", has=page.locator(".badge"))
    expect(champion.locator("th")).to_contain_text("4")
    expect(page.locator("#models-times .change")).to_have_count(1)
    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.message.replace("\u00a0", " ")), dialog.dismiss()))
    card.get_by_role("button", name="Promote").first.click()
    assert asked == ["Make version 6 of resnet50 (91.0 %) the champion, which serves? Now it is version 4 (88.8 %)."]
    assert site.api.registry.champion("resnet50") == 4, "it was not confirmed"
    page.once("dialog", lambda dialog: dialog.accept())
    card.get_by_role("button", name="Promote").first.click()
    expect(page.locator("#toast")).to_contain_text("Version 6 of resnet50 is the champion now")
    expect(champion.locator("th")).to_contain_text("6")
    expect(page.locator("#models-times .change")).to_have_count(2, timeout=WAIT_MS)
    expect(page.locator("#models-changes li").first).to_contain_text("4 → 6")
    shot(page, "versions")
    page.once("dialog", lambda dialog: dialog.accept())
    card.get_by_role("button", name="Roll back").first.click()
    expect(champion.locator("th")).to_contain_text("5")
    page.get_by_role("link", name="10 min").click()
    expect(page.locator("#models-times .change")).to_have_count(2)


def test_older_images_without_a_label_are_reviewed_too(site: Site) -> None:
    for _ in range(review.SEEN):
        site.api.world.race("upload")
    page = filled(site).open("/review")
    expect(page.locator("#review-all")).to_contain_text(f"{review.SEEN} left here, and older ones")
    page.locator("#review-pages").get_by_role("link", name="Older").click()
    expect(page).to_have_url(re.compile("before="))
    left = sum(not race["label"] for race in site.api.world.races) - review.SEEN
    expect(page.locator("#review-all")).to_contain_text(re.compile(rf"^{left} left"))
    for number in range(2):
        expect(page.locator("#review-all")).to_contain_text(re.compile(rf"^{left - number} left"))
        page.keyboard.press("ArrowRight")
    page.locator("#review-pages").get_by_role("link", name="Newest").click()
    expect(page.locator("#review-all")).to_contain_text(f"{review.SEEN} left here")
