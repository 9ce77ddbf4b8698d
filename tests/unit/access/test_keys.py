"""API keys: what is one, what is stored of it, what is shown of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamapp.access import keys


def test_a_key_is_found_again_and_nothing_else_matches() -> None:
    key, other = keys.create(), keys.create()
    assert keys.parse(str(key)) == key
    assert key.matches(key.digest)
    assert not other.matches(key.digest)
    assert key.id != other.id
    assert len(key.digest) == 32


def test_the_secret_is_in_no_text_but_the_key_itself() -> None:
    key = keys.create()
    assert key.secret in str(key)
    assert key.secret not in repr(key)
    assert key.secret not in repr([key])
    assert key.secret.encode() not in key.digest


@pytest.mark.parametrize("change", ["", "x", " ", "\n"])
def test_a_longer_or_shorter_text_is_no_key(change: str) -> None:
    text = str(keys.create())
    assert keys.parse(text + change if change else text[:-1]) is None


@given(st.text())
def test_any_text_is_a_key_or_not_and_never_an_error(text: str) -> None:
    key = keys.parse(text)
    assert key is None or str(key) == text
