"""Searches of images by a text: what it can be the beginning of, one kind of thing after the other."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, get_args
from uuid import UUID

from streamapp.records import Source
from streamapp.storage.queries import READ

#: How many digits an id has, and before which of them it has a dash.
DIGITS, DASHES = 32, (8, 12, 16, 20)
#: Labels that are searched one by one, which an index has in the order of time. Senders make up as many as they like.
ONE_BY_ONE = 50


class Search(NamedTuple):
    """One kind of thing to look for, as `newest_images` has it.

    A label is one that came along with an image, or one that was given later.
    """

    first_id: UUID | None = None
    last_id: UUID | None = None
    source: str | None = None
    cameras: list[str] | None = None
    came_with: str | None = None
    given: list[str] | None = None
    consensus: list[str] | None = None
    came_with_any: list[str] | None = None


async def searches(connection: Any, text: str | None, label: str | None) -> list[Search]:
    """What to look for so that an index answers each: everything that begins with a text, else images of a label.

    Each is a query of its own; an image that fits several of them is found several times. Without either, there is one
    that looks for nothing in particular; of a text with which nothing begins, there is none.
    """
    if text is not None:
        rows = await connection.fetch(READ["beginning_with"], pattern(text))
        return [*plain(text), *known([(row["kind"], row["value"]) for row in rows])]
    return [Search()] if label is None else [Search(came_with=label), Search(given=[label])]


def plain(text: str) -> Iterator[Search]:
    """The ids and sources that begin with a text."""
    if (digits := _digits(text.lower())) is not None:
        yield Search(first_id=UUID(digits.ljust(DIGITS, "0")), last_id=UUID(digits.ljust(DIGITS, "f")))
    for source in get_args(Source):
        if source.startswith(text.lower()):
            yield Search(source=source)


def known(found: Sequence[tuple[str, str]]) -> Iterator[Search]:
    """Searches for names that are known, each with its kind."""
    names: dict[str, list[str]] = {}
    for kind, name in found:
        names.setdefault(kind, []).append(name)
    if "cameras" in names:
        yield Search(cameras=names["cameras"])
    labels = names.get("came_with", [])
    if len(labels) > ONE_BY_ONE:
        yield Search(came_with_any=labels)
    else:
        yield from (Search(came_with=label) for label in labels)
    if "given" in names:
        yield Search(given=names["given"])
    if "consensus" in names:
        yield Search(consensus=names["consensus"])


def pattern(text: str) -> str:
    """The pattern of LIKE for what begins with a text."""
    return re.sub(r"([\\%_])", r"\\\1", text) + "%"


def _digits(text: str) -> str | None:
    """The digits of an id's beginning, with its dashes or without; None where the text is none."""
    digits = text.replace("-", "")
    if not re.fullmatch(f"[0-9a-f]{{1,{DIGITS}}}", digits):
        return None
    dashed = "".join("-" * (place in DASHES) + digit for place, digit in enumerate(digits))
    ends = "-" * (len(digits) in DASHES)
    return digits if text in (digits, dashed, dashed + ends) else None
