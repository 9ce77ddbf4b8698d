"""What the API role serves over HTTP."""

from aiohttp import web

from streamapp.web import auth, browsers, problems, requests, rest
from streamapp.web.context import ApiContext

_SET_UP = web.AppKey("streamapp-api", ApiContext)


def setup(web_app: web.Application, context: ApiContext) -> None:
    """Add the API to a web application that has not started, once however often it is called."""
    if _SET_UP in web_app:
        return
    web_app[_SET_UP] = context
    web_app.middlewares.append(problems.middleware(context.metrics))
    browsers.add(web_app, context.settings)
    web_app.middlewares.append(auth.middleware(context))
    web_app.on_response_prepare.append(requests.add_request_id)
    web_app.on_shutdown.append(_end_streams)
    web_app.on_cleanup.append(_write_marks)
    web_app.add_routes(rest.routes(context))
    from streamapp.web import graphql  # 0.2 s and 9 MB, which the other roles do without

    graphql.add(web_app, context)


async def _end_streams(web_app: web.Application) -> None:
    """End the event streams; the server would wait a minute for them."""
    web_app[_SET_UP].live.close()


async def _write_marks(web_app: web.Application) -> None:
    """Note what was published in the last moments, after the last request (Faust calls this twice)."""
    await web_app[_SET_UP].marks.flush()
