"""The door over HTTP: forged tokens, callers who may do something else, and names that are not this machine's."""

import asyncio
import base64
import hmac
import json
import time
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from tests.unit.access.test_tokens import RSA, SECRET, claims, part, signed
from tests.unit.web.doubles import make_context, running_api

READ, ADMIN = "/api/v1/models", "/api/v1/models/mobilenet/reload"
OLD = int(time.time()) - 3600


async def asked(client: TestClient, token: str, path: str = READ, method: str = "GET") -> tuple[int, str]:
    answer = await client.request(method, path, headers={"Authorization": f"Bearer {token}"})
    assert answer.content_type == ("application/json" if answer.status < 400 else "application/problem+json")
    return answer.status, answer.headers.get("WWW-Authenticate", "")


@pytest.mark.parametrize(
    "token",
    [
        f"{part({'alg': 'none'})}.{part(claims(scope='admin'))}.",
        f"{part({'alg': 'NONE', 'typ': 'JWT'})}.{part(claims(scope='admin'))}.AAAA",
        signed(claims(exp=OLD)),
        signed(claims(aud="another platform")),
        signed(claims(iss="somebody")),
        signed(claims(), secret=SECRET[::-1]),
        signed(claims(), alg="HS512"),
        jwt.encode({"alg": "RS256"}, claims(), RSA),
        signed(claims()) + "A",
        "." * 5000,
    ],
    ids=["none", "NONE", "expired", "audience", "issuer", "secret", "HS512", "RS256", "changed", "dots"],
)
async def test_a_forged_token_opens_nothing(token: str) -> None:
    async with running_api(make_context(jwt_secret=SECRET)) as client:
        assert await asked(client, token) == (401, "Bearer")


async def test_the_public_key_is_no_secret_to_sign_with(tmp_path: Path) -> None:
    place = tmp_path / "keys.json"
    place.write_text(json.dumps(KeySet([RSA]).as_dict(private=False)))
    secrets = [RSA.as_pem(private=False), RSA.as_der(private=False), json.dumps(RSA.as_dict(private=False)).encode()]
    swapped = [_swapped(secret) for secret in secrets]
    stranger = jwt.encode({"alg": "RS256", "kid": "one"}, claims(), RSAKey.generate_key(2048))
    async with running_api(make_context(jwt_algorithm="RS256", jwt_keys=str(place))) as client:
        assert await asked(client, jwt.encode({"alg": "RS256", "kid": "one"}, claims(), RSA)) == (200, "")
        for token in (*swapped, stranger, signed(claims())):
            assert await asked(client, token) == (401, "Bearer")


def _swapped(public: bytes) -> str:
    """What somebody makes who knows the public key, and hopes that it is taken for the secret."""
    said = f"{part({'alg': 'HS256', 'kid': 'one'})}.{part(claims(scope='admin'))}"
    signature = base64.urlsafe_b64encode(hmac.digest(public, said.encode(), "sha256")).rstrip(b"=").decode()
    return f"{said}.{signature}"


@pytest.mark.parametrize(("scope", "status"), [("read write label", 403), ("admin", 404), ("", 403)])
async def test_a_good_token_does_what_its_scope_allows(scope: str, status: int) -> None:
    async with running_api(make_context(jwt_secret=SECRET)) as client:
        assert (await asked(client, signed(claims(scope=scope)), ADMIN, "POST"))[0] == status


async def test_who_asks_too_often_is_told_when_to_come_back() -> None:
    async with running_api(make_context(jwt_secret=SECRET, rate_limit=3)) as client:
        headers = {"Authorization": f"Bearer {signed(claims())}"}
        answers = [await client.get(READ, headers=headers) for _ in range(8)]  # at most one minute ends in between
    refused = [answer for answer in answers if answer.status == 429]
    assert refused
    assert all(1 <= int(answer.headers["Retry-After"]) <= 60 for answer in refused)


@pytest.mark.parametrize(
    "target",
    [
        *("/docs/../api/v1/models", "/docs/%2e%2e/api/v1/models", "/docs/..%2fapi/v1/models", "//docs/x"),
        *("http://127.0.0.1/docs/../api/v1/models", "/docs//api/v1/models", "/openapi.json/../api/v1/models"),
        *("/api/v1/models#/docs/", "/api/v1/models;/docs/", "/api/v1/models/?x=/docs/", "/./api/v1/models"),
        *("/healthz/../api/v1/models", "/graphiql/../graphql?query={models{model}}", "/graphql/?query={models{model}}"),
    ],
)
async def test_no_way_to_write_a_path_leads_round_the_door(target: str) -> None:
    async with running_api(make_context(auth=True)) as client:
        assert await _status(client, target, "127.0.0.1") in (400, 401, 404)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *((host, 200) for host in ("127.0.0.1", "127.0.0.1:8001", "localhost:1", "[::1]:8001", "vision.example.org")),
        *((host, 403) for host in ("evil.example", "evil.example:8001", "localhost.evil.example", "127.0.0.1.nip.io")),
        *((host, 403) for host in ("", "0.0.0.0", "[::1", "127.0.0.1@evil.example", "vision.example.org:444")),
    ],
)
async def test_without_keys_only_the_names_of_this_machine_are_answered(host: str, status: int) -> None:
    """A page that gives its own name our address could read everything: its browser takes us for the page's server."""
    async with running_api(make_context(cors_origins="https://vision.example.org")) as client:
        assert await _status(client, READ, host) == status


async def test_with_keys_the_name_says_nothing() -> None:
    async with running_api(make_context(jwt_secret=SECRET)) as client:
        assert await _status(client, READ, "api.example.org", f"Authorization: Bearer {signed(claims())}\r\n") == 200


async def _status(client: TestClient, target: str, host: str, more: str = "") -> int:
    """The status of a request exactly as it is written here."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    return int(answer.split()[1])
