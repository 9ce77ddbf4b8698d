"""The API's own description: `/openapi.json`, and `/docs`, a page to read and try it whose one script is ours too."""

from collections.abc import Sequence
from importlib.resources import files

from aiohttp import web

from streamapp.web.answers import json_answer
from streamapp.web.openapi import document
from streamapp.web.operations import Operation

#: The page's script writes styles into the page and shows pictures that it is given; nothing comes from elsewhere.
POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>streamapp API</title>
<script src="/docs/rapidoc.js" defer></script>
</head>
<body>
<rapi-doc spec-url="/openapi.json" load-fonts="false" theme="light" render-style="read" show-header="false"
 allow-server-selection="false" schema-style="table"
 regular-font="system-ui, sans-serif" mono-font="ui-monospace, monospace">
</rapi-doc>
</body>
</html>
"""


def routes(operations: Sequence[Operation], *, guarded: bool) -> list[web.RouteDef]:
    """The description of these operations, with keys where callers need one, and the page."""
    described = document(operations, guarded=guarded)
    script = (files("streamapp.web") / "static" / "rapidoc.js").read_bytes()

    async def openapi(_: web.Request) -> web.StreamResponse:
        return json_answer(described)

    async def page(_: web.Request) -> web.StreamResponse:
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
        return web.Response(text=PAGE, content_type="text/html", headers=headers)

    async def rapidoc(_: web.Request) -> web.StreamResponse:
        headers = {"Cache-Control": "public, max-age=3600"}
        return web.Response(body=script, content_type="text/javascript", charset="utf-8", headers=headers)

    return [
        web.get("/openapi.json", openapi),
        web.get("/docs", page),
        web.get("/docs/rapidoc.js", rapidoc),
    ]
