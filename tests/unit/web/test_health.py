"""What every worker serves: alive, ready or why not, and metrics."""

import asyncio

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from streamapp.metrics import Metrics
from streamapp.web import health
from tests.unit.web.test_metrics import NAMES


def application(reasons: list[str]) -> tuple[web.Application, Metrics]:
    app, metrics = web.Application(), Metrics(CollectorRegistry())
    for _ in range(2):  # Faust calls the hook twice
        health.setup(app, metrics.registry, lambda: reasons)
    return app, metrics


async def test_a_worker_is_alive_and_says_why_it_is_not_ready() -> None:
    reasons = ["stats: tables are recovering", "stats: rebalancing"]
    app, _ = application(reasons)
    async with TestClient(TestServer(app)) as client:
        assert (await client.get("/healthz")).status == 200
        answer = await client.get("/readyz")
        assert (answer.status, answer.content_type) == (503, "application/problem+json")
        assert (await answer.json())["reasons"] == reasons
        assert "Retry-After" in answer.headers
        reasons.clear()
        answer = await client.get("/readyz")
        assert (answer.status, await answer.json()) == (200, {"status": "ready"})


async def test_metrics_carry_our_names_in_the_text_format() -> None:
    app, metrics = application([])
    metrics.predictions.labels("mobilenet").inc()
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/metrics")
        assert answer.status == 200
        assert answer.content_type == "text/plain"
        text = await answer.text()
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}
    assert names >= NAMES
    assert 'streamapp_predictions_total{model="mobilenet"} 1.0' in text


async def test_metrics_speak_openmetrics_when_asked() -> None:
    app, _ = application([])
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
        assert answer.content_type == "application/openmetrics-text"
        assert (await answer.text()).endswith("# EOF\n")


async def test_a_token_that_is_no_text_is_refused() -> None:
    app = web.Application()
    health.setup(app, CollectorRegistry(), list, "t0ken")
    async with TestClient(TestServer(app)) as client:
        reader, writer = await asyncio.open_connection(client.host, client.port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\r\nConnection: close\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 401")
