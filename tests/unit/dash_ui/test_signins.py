import pytest

from dash_ui import signins
from dash_ui.signins import SignIn, SignIns


@pytest.fixture
def ended() -> list[str]:
    return []


@pytest.fixture
def all_(ended: list[str]) -> SignIns:
    return SignIns(lambda: ended.append("changed"))


async def test_a_name_says_nothing_and_cannot_be_guessed(all_: SignIns) -> None:
    names = {all_.add("secret") for _ in range(100)}
    assert len(names) == 100
    assert all(len(name) >= 43 and "secret" not in name for name in names)
    assert "secret" not in repr(all_.newest())
    assert all_.find("secret") is None
    assert all_.find("") is None


async def test_one_that_ended_is_found_no_more_and_says_so_to_who_uses_it(all_: SignIns, ended: list[str]) -> None:
    name = all_.add("a")
    signin = all_.find(name)
    assert signin is not None
    told: list[str] = []
    with signin.at_end(lambda: told.append("cut")):
        all_.end(signin)
    assert (told, ended, signin.over.is_set(), all_.find(name)) == (["cut"], ["changed"], True, None)
    assert not all_.some.is_set()


async def test_a_refused_key_ends_every_sign_in_with_it_and_no_other(all_: SignIns) -> None:
    first, second, other = all_.add("a"), all_.add("a"), all_.add("b")
    all_.refuse("a")
    assert (all_.find(first), all_.find(second)) == (None, None)
    assert all_.find(other) is not None


async def test_who_was_here_last_lends_the_key(all_: SignIns) -> None:
    first, _ = all_.add("a"), all_.add("b")
    all_.find(first)
    newest = all_.newest()
    assert newest is not None
    assert newest.key == "a"


async def test_memory_is_bounded_and_what_is_not_used_ends(all_: SignIns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signins, "MOST", 3)
    names = [all_.add("a") for _ in range(4)]
    assert [all_.find(name) is not None for name in names] == [False, True, True, True]
    monkeypatch.setattr(signins, "IDLE_S", -1.0)
    assert all_.find(names[1]) is None


async def test_a_guest_has_no_key() -> None:
    assert SignIn().key is None
