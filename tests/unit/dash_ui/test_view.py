import pytest

from dash_ui import view as view_module
from dash_ui.view import View, link


def test_a_url_is_a_view_and_back() -> None:
    view = View.parse("/?window=5m&pin=17")
    assert (view.page, view.get("pin"), view.pick("window", ("1m", "5m"))) == ("live", "17", "5m")
    assert view.url() == "/?pin=17&window=5m"
    assert view.url(pin=None) == "/?window=5m"
    assert View.parse(view.url()) == view


def test_a_page_has_its_own_path() -> None:
    assert [View.parse(link(name)).page for name in view_module.PAGES] == list(view_module.PAGES)
    assert link("live") == "/"


@pytest.mark.parametrize("url", [None, "", "/nowhere", "http://[", "/?" + "a=1&" * 50, "//evil.example/"])
def test_what_is_no_view_is_the_first_page(url: str | None) -> None:
    assert View.parse(url) == View()


def test_values_that_are_too_long_or_cannot_be_shown_are_left_out() -> None:
    assert View.parse(f"/?a={'x' * 300}&b=%00&c=ok").params == (("c", "ok"),)
    assert View.parse("/?window=9h").pick("window", ("1m", "5m")) == "1m"
