"""Who gives a label: whoever the body says, unless callers must say who they are."""

import pytest
from aiohttp.test_utils import make_mocked_request

from streamapp.access.callers import ANYBODY, Caller
from streamapp.web.auth import CALLER
from streamapp.web.labels import By, said_by


@pytest.mark.parametrize(
    ("caller", "expected"), [(ANYBODY, "ann"), (Caller("reviewers", frozenset({"label"})), "reviewers")]
)
def test_a_caller_with_a_key_cannot_be_somebody_else(caller: Caller, expected: str) -> None:
    request = make_mocked_request("POST", "/api/v1/labels")
    request[CALLER] = caller
    assert said_by(request, By(by="ann")) == expected
