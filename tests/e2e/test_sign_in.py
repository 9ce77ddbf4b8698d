"""Signing in to the dashboard in a real browser, in front of a fake API that asks for keys."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.site import WAIT_MS, Site, shot
from tests.e2e.test_accessibility import violations
from tests.e2e.test_pages import filled

pytestmark = pytest.mark.browser

READER, ADMIN = "sk-reader", "sk-admin"


def guarded(site: Site) -> Site:
    """The same, but the API asks who one is."""
    site.api.keys.scopes = {READER: {"read"}, ADMIN: {"admin"}}
    site.api.go_away()  # cuts what was let in before
    site.api.come_back()
    return filled(site)


def ask(site: Site, path: str, width: int = 1440, scheme: str = "light", locale: str = "en") -> Page:
    """A page of a browser that has not signed in."""
    context = site.browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        locale=locale,  # type: ignore[arg-type]
    )
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.on("pageerror", lambda error: site.errors.append(str(error)))
    page.goto(site.url + path)
    expect(page.locator("#key")).to_be_focused()
    return page


def enter(page: Page, key: str) -> None:
    page.keyboard.insert_text(key)
    page.keyboard.press("Enter")


def test_one_signs_in_does_what_the_key_allows_and_signs_out_everywhere(site: Site) -> None:
    page = ask(guarded(site), "/review")
    enter(page, "sk-wrong")
    expect(page.get_by_role("alert")).to_contain_text("mistyped, revoked or too old")
    enter(page, READER)
    expect(page.locator(".link")).to_have_text("live")
    assert page.url.endswith("/review")
    race = page.locator("#review-image [data-race]")
    expect(race).to_be_visible()
    image = page.locator(".race-image img")
    expect(image).to_have_js_property("complete", True)
    assert image.evaluate("image => image.naturalWidth") > 0
    page.keyboard.press("4")
    expect(page.locator("#toast")).to_have_text("Not done: your key does not allow it: it takes the scope label.")
    assert READER not in page.content()
    assert page.evaluate("document.cookie").find("sign_in") < 0
    other = page.context.new_page()
    other.goto(site.url + "/images?label=cat")
    expect(other.locator("#images-rows .ag-row").first).to_be_visible(timeout=WAIT_MS)
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("#key")).to_be_visible()
    expect(other.locator("#key")).to_be_visible(timeout=WAIT_MS)
    assert other.url.endswith("/sign-in?next=%2Fimages%3Flabel%3Dcat")
    enter(page, ADMIN)
    expect(page.locator(".link")).to_have_text("live")
    page.goto(site.url + "/review")
    expect(race).to_be_visible()
    page.keyboard.press("4")
    expect(page.locator("#toast")).to_contain_text("Labelled: cat")
    page.context.close()


def test_a_revoked_key_leads_back_to_the_sign_in_page(site: Site) -> None:
    page = ask(guarded(site), "/images")
    enter(page, READER)
    expect(page.locator("#images-rows .ag-row").first).to_be_visible(timeout=WAIT_MS)
    site.api.keys.revoke(READER)
    site.api.go_away()  # as the API leaves a reader of events whose key is revoked
    site.api.come_back()
    expect(page.locator("#key")).to_be_visible(timeout=WAIT_MS)
    page.context.close()


@pytest.mark.parametrize(("width", "scheme", "locale"), [(1440, "dark", "en"), (360, "light", "es")])
def test_the_sign_in_page_is_for_everybody(site: Site, width: int, scheme: str, locale: str) -> None:
    page = ask(guarded(site), "/", width, scheme, locale)
    enter(page, "two words")
    expect(page.get_by_role("alert")).to_be_visible()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    shot(page, f"sign-in-{width}-{scheme}")
    background = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(background)
    page.locator("[data-scheme]").click()
    assert page.evaluate(background) != before
    page.get_by_role("button", name="English" if locale == "es" else "Español").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in" if locale == "es" else "Iniciar sesión")
    assert page.evaluate(background) != before, "the choice is forgotten"
    expect(page.locator("#key")).to_be_focused()
    enter(page, READER)
    expect(page.locator(".link")).to_have_text(re.compile("live|en vivo"))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    expect(page.locator("header form button")).to_be_in_viewport()
    page.context.close()
