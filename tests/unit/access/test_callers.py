"""Where a process may listen, and who may do what."""

import pytest

from streamapp.access.callers import ANYBODY, SCOPES, Caller, check, guarded, is_loopback
from streamapp.errors import SettingsError
from streamapp.settings import Settings

SECRET = "a secret of more than thirty-two characters"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.7", False),
        ("localhost.example.org", False),
        ("127.0.0.1.example.org", False),
        ("", False),
    ],
)
def test_what_only_this_machine_reaches(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize("given", [{"auth": True}, {"jwt_secret": SECRET}])
def test_a_guarded_door_may_be_anywhere(given: dict[str, object]) -> None:
    settings = Settings(web_host="0.0.0.0", **given)  # type: ignore[arg-type]
    assert guarded(settings)
    check(settings)


def test_without_a_guard_it_listens_here_only() -> None:
    assert not guarded(Settings())
    check(Settings())
    with pytest.raises(SettingsError, match=r"STREAMAPP_WEB_HOST=0\.0\.0\.0 .* STREAMAPP_AUTH=true .* token create"):
        check(Settings(web_host="0.0.0.0"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"jwt_secret": "short"}, "fewer than 32 characters"),
        ({"jwt_secret": SECRET, "jwt_algorithm": "RS256"}, "STREAMAPP_JWT_KEYS in its place"),
        ({"jwt_keys": "keys.json"}, "STREAMAPP_JWT_ALGORITHM=RS256"),
    ],
)
def test_tokens_that_are_set_up_in_part(given: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        check(Settings(**given))  # type: ignore[arg-type]
    assert given.get("jwt_secret", "nothing") not in str(caught.value)


def test_an_administrator_may_do_everything_and_others_what_they_may() -> None:
    assert all(ANYBODY.may(scope) for scope in SCOPES)
    assert all(Caller("x", frozenset({"admin"})).may(scope) for scope in SCOPES)
    assert [scope for scope in SCOPES if Caller("x", frozenset({"label"})).may(scope)] == ["label"]


def test_secrets_are_in_no_text_about_the_settings() -> None:
    settings = Settings(jwt_secret=SECRET, metrics_token="the metrics' token")
    assert SECRET not in repr(settings)
    assert "the metrics' token" not in repr(settings)
