"""Who gives a label, and what becomes of each one in a list."""

from collections.abc import Collection
from uuid import UUID, uuid4

import pytest
from aiohttp.test_utils import make_mocked_request

from streamapp.access.callers import ANYBODY, Caller
from streamapp.records import LabelMessage
from streamapp.storage.labels import LabelStore
from streamapp.web.auth import CALLER
from streamapp.web.labelling import Labeller
from streamapp.web.labels import By, said_by
from tests.unit.web.doubles import make_context


@pytest.mark.parametrize(
    ("caller", "expected"), [(ANYBODY, "ann"), (Caller("reviewers", frozenset({"label"})), "reviewers")]
)
def test_a_caller_with_a_key_cannot_be_somebody_else(caller: Caller, expected: str) -> None:
    request = make_mocked_request("POST", "/api/v1/labels")
    request[CALLER] = caller
    assert said_by(request, By(by="ann")) == expected


@pytest.fixture
def labeller(monkeypatch: pytest.MonkeyPatch) -> Labeller:
    """One that knows every image, none of which has a label."""

    async def current(_: LabelStore, image_ids: Collection[UUID]) -> dict[UUID, None]:
        return dict.fromkeys(image_ids)

    async def add(_: LabelStore, labels: Collection[LabelMessage]) -> None:
        assert len({label.image_id for label in labels}) == len(labels)

    monkeypatch.setattr(LabelStore, "current", current)
    monkeypatch.setattr(LabelStore, "add", add)
    return Labeller(make_context())


@pytest.mark.parametrize(
    ("labels", "statuses"),
    [
        (["dragon", "cat"], [422, 200]),
        (["cat", "dragon"], [200, 422]),
        (["cat", "dog"], [200, 422]),
        (["cat", "cat"], [200, 422]),
        (["dragon", "cat", "dog"], [422, 200, 422]),
    ],
)
async def test_an_image_gets_one_label_and_what_is_refused_is_none(
    labeller: Labeller, labels: list[str], statuses: list[int]
) -> None:
    image_id = uuid4()
    given = await labeller.give([(image_id, label) for label in labels], "ann")
    assert [one.status for one in given] == statuses
    assert [one.label.label for one in given if one.label] == ["cat"]
