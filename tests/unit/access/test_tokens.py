"""Tokens: one algorithm, and everything essential in it."""

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import KeySet, OctKey, RSAKey

from streamapp.access.tokens import SUBJECT_CHARACTERS, Tokens
from streamapp.errors import SettingsError, Unauthorized
from streamapp.settings import Settings

SECRET = "a secret of more than thirty-two characters"
RSA = RSAKey.generate_key(2048, {"kid": "one"})


def hs256() -> Tokens:
    tokens = Tokens.of(Settings(jwt_secret=SECRET))
    assert tokens
    return tokens


@pytest.fixture
def rs256(tmp_path: Path) -> Tokens:
    place = tmp_path / "keys.json"
    place.write_text(json.dumps(KeySet([RSA]).as_dict(private=False)))
    tokens = Tokens.of(Settings(jwt_algorithm="RS256", jwt_keys=str(place)))
    assert tokens
    return tokens


def claims(**changes: Any) -> dict[str, Any]:
    usual = {"iss": "streamapp", "aud": "streamapp", "sub": "ada", "exp": int(time.time()) + 60, "scope": "read label"}
    return {name: value for name, value in (usual | changes).items() if value is not None}


def signed(given: dict[str, Any], secret: str = SECRET, alg: str = "HS256") -> str:
    return jwt.encode({"alg": alg}, given, OctKey.import_key(secret), algorithms=[alg])


def part(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def test_what_we_sign_is_believed() -> None:
    caller = hs256().caller(hs256().sign("ada", ["read", "admin"], 60))
    assert caller.name == "token:ada"
    assert caller.scopes == {"read", "admin"}


def test_a_name_that_is_not_believed_is_not_signed() -> None:
    longest = "a" * SUBJECT_CHARACTERS
    assert hs256().caller(hs256().sign(longest, ["read"], 60)).name == f"token:{longest}"
    for name in (longest + "a", "ada\nroot", "ada\x00", ""):
        with pytest.raises(SettingsError, match=f"1 to {SUBJECT_CHARACTERS} characters"):
            hs256().sign(name, ["read"], 60)


def test_a_private_key_elsewhere_signs_what_our_public_ones_believe(rs256: Tokens) -> None:
    caller = rs256.caller(jwt.encode({"alg": "RS256", "kid": "one"}, claims(), RSA))
    assert caller.scopes == {"read", "label"}
    with pytest.raises(SettingsError, match="private key"):
        rs256.sign("ada", ["read"], 60)


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"exp": "soon"},
        {"iss": "somebody"},
        {"iss": None},
        {"aud": "another platform"},
        {"aud": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": ["ada"]},
        {"sub": "ada\nroot"},
        {"sub": "ada\x00"},
        {"sub": "a" * 151},
        {"exp": True},
        {"exp": 1e400},
        {"aud": []},
        {"aud": ["another platform"]},
        {"iss": ["streamapp"]},
        {"nbf": int(time.time()) + 3600},
        {"iat": int(time.time()) + 3600},
    ],
    ids=lambda changed: "-".join(f"{name}={value}"[:20] for name, value in changed.items()),
)
def test_what_is_essential(changed: dict[str, Any]) -> None:
    with pytest.raises(Unauthorized):
        hs256().caller(signed(claims(**changed)))


def test_another_secret_or_algorithm() -> None:
    for token in (
        signed(claims(), secret=SECRET[::-1]),
        signed(claims(), alg="HS512"),
        f"{part({'alg': 'none'})}.{part(claims())}.",
        f"{part({'alg': 'None', 'typ': 'JWT'})}.{part(claims())}.AAAA",
    ):
        with pytest.raises(Unauthorized):
            hs256().caller(token)


def test_a_public_key_is_no_secret_to_sign_with(rs256: Tokens) -> None:
    public = RSA.as_pem(private=False).decode()
    swapped = jwt.encode({"alg": "HS256", "kid": "one"}, claims(), OctKey.import_key(base64.b64encode(public.encode())))
    header, body, _ = swapped.split(".")
    for token in (swapped, f"{header}.{body}.AAAA"):
        with pytest.raises(Unauthorized):
            rs256.caller(token)


@pytest.mark.parametrize("scope", [None, "", "root", 7, ["read"], {"read": True}])
def test_a_scope_that_says_nothing_allows_nothing(scope: Any) -> None:
    assert hs256().caller(signed(claims(scope=scope))).scopes == frozenset()


@given(st.text() | st.lists(st.text(alphabet="abcdefABCDEF0123456789_-="), min_size=3, max_size=3).map(".".join))
def test_any_text_is_refused_and_never_an_error(text: str) -> None:
    with pytest.raises(Unauthorized):
        hs256().caller(text)


@pytest.mark.parametrize(
    "content",
    [None, "no JSON", "{}", '{"keys": []}', '{"keys": [{"kty": "oct", "k": "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo"}]}'],
)
def test_keys_that_are_none(tmp_path: Path, content: str | None) -> None:
    place = tmp_path / "keys.json"
    if content is not None:
        place.write_text(content)
    with pytest.raises(SettingsError, match="STREAMAPP_JWT_KEYS"):
        Tokens.of(Settings(jwt_algorithm="RS256", jwt_keys=str(place)))


def test_keys_that_are_too_short(tmp_path: Path) -> None:
    place = tmp_path / "keys.json"
    with pytest.warns(SecurityWarning, match="2048"):
        short = RSAKey.generate_key(1024, {"kid": "short"})
    place.write_text(json.dumps(KeySet([RSA, short]).as_dict(private=False)))
    with pytest.raises(SettingsError, match="2048 bits"), pytest.warns(SecurityWarning):
        Tokens.of(Settings(jwt_algorithm="RS256", jwt_keys=str(place)))


def test_one_of_several_audiences_is_enough() -> None:
    assert hs256().caller(signed(claims(aud=["another platform", "streamapp"]))).name == "token:ada"


def test_a_token_is_checked_with_the_key_that_it_names(tmp_path: Path) -> None:
    place, other = tmp_path / "keys.json", RSAKey.generate_key(2048, {"kid": "two"})
    place.write_text(json.dumps(KeySet([RSA, other]).as_dict(private=False)))
    tokens = Tokens.of(Settings(jwt_algorithm="RS256", jwt_keys=str(place)))
    assert tokens
    assert tokens.caller(jwt.encode({"alg": "RS256", "kid": "two"}, claims(), other)).name == "token:ada"
    for kid in ("one", "three"):
        with pytest.raises(Unauthorized):
            tokens.caller(jwt.encode({"alg": "RS256", "kid": kid}, claims(), other))


def test_keys_come_by_https_only() -> None:
    with pytest.raises(SettingsError, match="https"):
        Tokens.of(Settings(jwt_algorithm="RS256", jwt_keys="http://keys.example.org/keys.json"))


def test_a_public_key_in_place_of_a_secret_is_refused() -> None:
    with pytest.raises(SettingsError, match="no secret"):
        Tokens.of(Settings(jwt_secret=RSA.as_pem(private=False).decode()))


def test_no_settings_no_tokens() -> None:
    assert Tokens.of(Settings()) is None
