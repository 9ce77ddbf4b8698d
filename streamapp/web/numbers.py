"""Numbers in requests."""

from aiohttp import web


def whole_number(request: web.Request, name: str, default: int, least: int, most: int) -> int:
    """A whole number among the query's parameters.

    Raises:
        HTTPBadRequest: it is none, or out of its bounds.
    """
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and least <= int(text[:20]) <= most):
        raise web.HTTPBadRequest(text=f"{name} must be a number from {least} to {most}")
    return int(text)
