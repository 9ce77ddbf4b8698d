"""Pages of a list: how many, and after which item."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar
from uuid import UUID

from pydantic import Field, GetPydanticSchema
from pydantic_core import core_schema

from streamapp.storage.listing import Span
from streamapp.storage.views import Cursor
from streamapp.web.inputs import Input, Moment

MAX_LIMIT = 200

_PATTERN = r"^[0-9]{1,16}-[0-9a-f]{32}$"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
T = TypeVar("T")


def parse(text: str) -> Cursor:
    """What `cursor_text` wrote, and anything else of this pattern."""
    microseconds, _, image_id = text.partition("-")
    return Cursor(_EPOCH + timedelta(microseconds=int(microseconds)), UUID(image_id))


def cursor_text(position: Cursor) -> str:
    """A cursor for URLs: microseconds since 1970, and the id."""
    return f"{(position.timestamp - _EPOCH) // timedelta(microseconds=1)}-{position.image_id.hex}"


#: The query parameter that says where a page ends which was seen already.
Before = Annotated[
    Cursor,
    GetPydanticSchema(
        lambda _source, _handler: core_schema.no_info_after_validator_function(
            parse, core_schema.str_schema(pattern=_PATTERN)
        )
    ),
]


class Page(Input):
    """Which page of a list."""

    limit: int = Field(50, ge=1, le=MAX_LIMIT)
    before: Before | None = Field(None, description="`next` of the answer before: the page goes on there.")


class Timed(Page):
    """Which page of a list, of which time."""

    since: Moment | None = Field(None, description="At this time or later.")
    until: Moment | None = Field(None, description="Earlier than this.")

    @property
    def span(self) -> Span:
        """As the database has it."""
        return Span.of(self.before, self.since, self.until)


def cut(found: Sequence[T], limit: int, cursor: Callable[[T], Cursor]) -> tuple[list[T], str | None]:
    """A page of what was found, which is one more than `limit` where there is more; and the `next` of its answer."""
    shown = list(found[:limit])
    return shown, cursor_text(cursor(shown[-1])) if len(found) > limit else None
