"""GraphiQL at `/graphiql`: a page to read the schema and try queries, whose scripts are served by us."""

from functools import partial
from importlib.resources import files

from aiohttp import web

from streamapp.web.docs import POLICY

KINDS = {"js": "text/javascript", "css": "text/css"}
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>streamapp GraphQL</title>
<link rel="stylesheet" href="/graphiql/graphiql.css">
<style>html, body, #graphiql { height: 100%; margin: 0 }</style>
<script src="/graphiql/react.js" defer></script>
<script src="/graphiql/react-dom.js" defer></script>
<script src="/graphiql/graphiql.js" defer></script>
<script src="/graphiql/start.js" defer></script>
</head>
<body><div id="graphiql"></div></body>
</html>
"""


def routes() -> list[web.RouteDef]:
    """The page and its files."""
    folder = files("streamapp.web") / "static" / "graphiql"
    found = [web.get("/graphiql", _page)]
    for file in folder.iterdir():
        name, _, ending = file.name.rpartition(".")
        if name and ending in KINDS:
            found.append(web.get(f"/graphiql/{file.name}", partial(_file, file.read_bytes(), KINDS[ending])))
    return found


async def _page(_: web.Request) -> web.StreamResponse:
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    return web.Response(text=PAGE, content_type="text/html", headers=headers)


async def _file(content: bytes, kind: str, _: web.Request) -> web.StreamResponse:
    headers = {"Cache-Control": "public, max-age=3600"}
    return web.Response(body=content, content_type=kind, charset="utf-8", headers=headers)
