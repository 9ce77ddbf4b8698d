"""GraphQL at `/graphql`: what REST says, as one asks for it. Only the API role imports this: it takes a while."""

from aiohttp import web

from streamapp.web.context import ApiContext
from streamapp.web.graphql import page
from streamapp.web.graphql.context import Services
from streamapp.web.graphql.view import View


def add(web_app: web.Application, context: ApiContext) -> None:
    """Add it to a web application that has not started."""
    view = View(Services(context))

    async def end(_: web.Application) -> None:
        await view.close()

    web_app.add_routes([web.get("/graphql", view, allow_head=False), web.post("/graphql", view), *page.routes()])
    web_app.on_shutdown.append(end)
