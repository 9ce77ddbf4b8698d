"""Pages of a list: how many, and after which item."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from aiohttp import web

from streamapp.storage.views import Cursor
from streamapp.web.numbers import whole_number

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


def page(request: web.Request) -> tuple[int, Cursor | None]:
    """The query parameters `limit` and `before`.

    Raises:
        HTTPBadRequest: one of them is wrong.
    """
    limit, before = whole_number(request, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT), request.query.get("before", "")
    return limit, cursor(before) if before else None


def cursor(text: str) -> Cursor:
    """What `cursor_text` wrote.

    Raises:
        HTTPBadRequest: it is none.
    """
    try:
        return Cursor.parse(urlsafe_b64decode(text.encode("ascii")).decode("ascii"))
    except ValueError:  # also wrong base64, wrong characters
        raise web.HTTPBadRequest(text="before must be the `next` of an earlier answer") from None


def cursor_text(position: Cursor) -> str:
    """A cursor for URLs."""
    return urlsafe_b64encode(str(position).encode()).decode()
