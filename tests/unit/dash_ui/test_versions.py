import json
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from dash_ui import versions
from dash_ui.asks import Answer
from dash_ui.client import ApiDown, ApiProblem
from streamapp.web.versions import Changes, Promoted, Versions
from tests.support.fake_api import FakeApi
from tests.unit.dash_ui.pieces import components, having, text


def version(
    number: int, champion: bool = False, accuracy: float | None = None, serving: bool = False
) -> dict[str, Any]:
    rate = None if accuracy is None else {"value": accuracy, "low": accuracy - 0.01, "high": accuracy + 0.01}
    return {
        "version": str(number),
        "aliases": ["champion"] if champion else [],
        "accuracy": rate,
        "served_by": ["tiny"] if serving or champion else [],
        "registered_at": "2026-07-01T12:00:00+00:00",
    }


def answered(every: list[dict[str, Any]]) -> Answer:
    return Answer({"model": "tiny", "registered": "tiny-cnn", "versions": every})


def test_the_champion_has_no_button_and_going_to_an_older_version_is_going_back() -> None:
    every = [version(9, accuracy=0.93), version(10, champion=True, accuracy=0.91), version(11)]
    listed = versions.listing("tiny", "cifar10", answered(every))
    rows = [text(row) for row in having(listed, key="11") + having(listed, key="10") + having(listed, key="9")]
    assert [row.split()[0] for row in rows] == ["11", "10", "9"]
    promote, back = [each for each in components(listed) if getattr(each, "data-act", None)]
    assert (text(promote), text(back)) == ("Promote", "Roll back")
    assert json.loads(getattr(back, "data-act")) == {"do": "promote", "model": "tiny", "version": "9"}
    question = getattr(back, "data-confirm").replace("\u00a0", " ")
    assert question == "Make version 9 of tiny (93.0 %) the champion, which serves? Now it is version 10 (91.0 %)."
    assert "champion" in rows[1]


def test_what_serves_is_said_where_it_is_not_the_champion() -> None:
    listed = versions.listing("tiny", "models:/tiny-cnn/1", answered([version(2, champion=True), version(1)]))
    assert "start with" not in text(listed)
    pinned = [version(2) | {"aliases": ["champion"]}, version(1, serving=True)]
    (badged,) = having(versions.listing("tiny", "models:/tiny-cnn/1", answered(pinned)), class_="serving")
    assert text(badged) == "serves"
    none = text(versions.listing("tiny", "cifar10", answered([version(1) | {"aliases": ["champion"]}])))
    assert "none of these (cifar10)" in none
    assert "STREAMAPP_WEIGHTS=tiny=models:/tiny-cnn@champion" in none


def test_old_versions_are_folded_away() -> None:
    listed = versions.listing("tiny", "cifar10", answered([version(number) for number in range(1, 8)]))
    assert "3 older" in text(listed)
    assert len(having(listed, class_="versions")) == 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (answered([]), "No version is registered"),
        (Answer(error=ApiProblem(404, "Not Found", "there is no such model")), "No version is registered"),
        (Answer(error=ApiProblem(503, "x", "the registry does not answer")), "the registry does not answer"),
        (Answer(error=ApiDown("refused")), "the API does not answer"),
    ],
)
def test_what_is_not_known_is_said(answer: Answer, words: str) -> None:
    assert words in text(versions.listing("tiny", "cifar10", answer))


def test_before_the_answer_there_is_its_place() -> None:
    assert having(versions.listing("tiny", "cifar10", None), class_="skeleton")


def test_the_name_of_a_model_is_no_path() -> None:
    assert versions.ask("a/../b").path == "/api/v1/models/a%2F..%2Fb/versions"


async def test_the_fake_api_of_these_tests_says_what_the_real_one_says() -> None:
    with FakeApi(every_s=0) as api:
        api.registry.change("resnet50", 4, datetime.now(UTC))
        async with aiohttp.ClientSession(f"{api.url}/api/v1/models/") as http:
            async with http.get("resnet50/versions") as answer:
                Versions.model_validate(await answer.json())
            async with http.post("resnet50/promote", json={"version": "3"}) as answer:
                Promoted.model_validate(await answer.json())
            async with http.get("changes", params={"since": "2026-01-01T00:00:00+00:00"}) as answer:
                found = Changes.model_validate(await answer.json()).changes
    assert [(each.before, each.version) for each in found] == [("4", "3"), ("5", "4")]
