"""Requests are checked against the models that describe them, and every operation is in the OpenAPI document."""

from typing import Any

import pytest

from streamapp.web.cursors import cursor_text, parse
from streamapp.web.openapi import document
from streamapp.web.rest import operations
from tests.unit.web.doubles import make_context, running_api


async def refused(method: str, path: str, **request: Any) -> tuple[int, dict[str, Any]]:
    async with running_api(make_context()) as client, client.request(method, f"/api/v1/{path}", **request) as answer:
        assert answer.content_type == "application/problem+json"
        return answer.status, await answer.json()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("images?limit=0", "limit"),
        ("images?limit=1.0", "limit"),
        ("images?limit=%201", "limit"),
        ("images?limit=" + "[" * 2000, "limit"),
        ("images?limit=" + "9" * 3000, "limit"),
        ("images?limit=1&limit=2", "limit"),
        ("images?disagreement=null", "disagreement"),
        ("verdicts?complete=1", "complete"),
        ("verdicts?complete=[true]", "complete"),
        ("images?before=yesterday", "before"),
        ("images?befor=x", "befor"),
        ("models?x=1", "x"),
        ("stats?window=2m", "window"),
        ("dead-letters?since=12345678901234567890", "since"),
        ("dead-letters?since=2026-11-22T12:00:00", "since"),
        ("dead-letters?reason=%00", "reason"),
    ],
)
async def test_a_wrong_parameter_is_named(path: str, name: str) -> None:
    status, problem = await refused("GET", path)
    assert (status, problem["type"]) == (400, "urn:streamapp:problem:bad-request")
    assert [(one["in"], one["name"]) for one in problem["errors"]] == [("query", name)]
    assert problem["detail"].startswith(f"{name}: ")


async def test_every_wrong_field_of_a_body_is_named() -> None:
    status, problem = await refused("POST", "dead-letters/retry", json={"dry_run": 1, "after": -1, "modell": "x"})
    assert status == 400
    assert {(one["in"], one["name"]) for one in problem["errors"]} == {
        ("body", "dry_run"),
        ("body", "after"),
        ("body", "modell"),
    }


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 500_000, b'{"reason": "\\ud800"}', b"null", b"{}{}"])
async def test_what_is_no_json_is_a_bad_request(body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert (await refused("POST", "dead-letters/retry", data=body, headers=headers))[0] == 400


async def test_a_form_of_a_browser_is_no_json() -> None:
    assert (await refused("POST", "dead-letters/retry", data=b'{"dry_run":false}'))[0] == 415


def test_a_cursor_is_what_it_was() -> None:
    for text in ("0-" + "0" * 32, "1795348800123456-" + "9f" * 16):
        assert cursor_text(parse(text)) == text


# -- the description -------------------------------------------------------------------------------


def described() -> dict[str, Any]:
    return document(operations(make_context()))


def test_every_operation_is_described_once_with_what_it_takes_and_answers() -> None:
    found = described()
    each = [one for path in found["paths"].values() for one in path.values()]
    assert len(each) == len(operations(make_context()))
    assert len({one["operationId"] for one in each}) == len(each)
    assert all(one["summary"] and one["x-scope"] and one["responses"]["4XX"] for one in each)


def test_where_callers_need_a_key_every_operation_says_with_which_scope() -> None:
    assert "security" not in str(described())
    found = document(operations(make_context()), guarded=True)
    assert found["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    scopes = {path: one["post"]["security"] for path, one in found["paths"].items() if "post" in one}
    assert scopes["/api/v1/images"] == [{"bearer": ["write"]}]
    assert scopes["/api/v1/labels"] == [{"bearer": ["label"]}]
    assert scopes["/api/v1/dead-letters/retry"] == [{"bearer": ["admin"]}]
    assert found["paths"]["/api/v1/stats"]["get"]["security"] == [{"bearer": ["read"]}]


def test_the_parameters_are_those_that_are_checked() -> None:
    parameters = {one["name"]: one for one in described()["paths"]["/api/v1/images"]["get"]["parameters"]}
    assert parameters["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}
    assert parameters["before"]["required"] is False
    assert parameters["before"]["schema"]["type"] == "string"


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    found = described()
    text = str(found)
    for name in found["components"]["schemas"]:
        assert f"'#/components/schemas/{name}'" in text, name
    used = {part.split("'")[0] for part in text.split("#/components/schemas/")[1:]}
    assert used == set(found["components"]["schemas"])


async def test_the_page_and_its_script_come_from_us() -> None:
    async with running_api(make_context()) as client:
        async with client.get("/openapi.json") as answer:
            assert (await answer.json())["openapi"] == "3.1.0"
        async with client.get("/docs") as answer:
            page = await answer.text()
            assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
        assert "://" not in page
        async with client.get("/docs/rapidoc.js") as answer:
            assert (answer.status, answer.content_type) == (200, "text/javascript")
            assert "RapiDoc" in (await answer.text())[:200]
