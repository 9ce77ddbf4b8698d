"""The files of uploads while they are in memory, which has room for so many of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiohttp import web

from streamapp.records import Source

#: All files of one request together; they are in memory until they are accepted.
MAX_REQUEST_BYTES = 100 * 1024 * 1024
#: All requests together; who comes when there is no room may try again.
MOST_HELD_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True)
class UploadedFile:
    """One file of a form; `data` is None where it was too large."""

    filename: str
    data: bytes | None


class Room:
    """The memory that uploads may take, all of them together."""

    def __init__(self) -> None:
        self._free_bytes = MOST_HELD_BYTES

    @contextmanager
    def form(self) -> Iterator["Form"]:
        """An empty form; what it takes is free again at the end of the block."""
        form = Form(self)
        try:
            yield form
        finally:
            self._free_bytes += form.size_bytes

    def take(self, size: int) -> None:
        """Take so many bytes.

        Raises:
            HTTPServiceUnavailable: there is no room for them now.
        """
        if size > self._free_bytes:
            raise web.HTTPServiceUnavailable(text="too many uploads at once; try again in a moment")
        self._free_bytes -= size


@dataclass
class Form:
    """The files of an upload and what its text fields say about all of them."""

    room: Room
    files: list[UploadedFile] = field(default_factory=list)
    source: Source = "upload"
    label: str | None = None
    camera_id: str | None = None
    size_bytes: int = 0

    def grow(self, size: int) -> None:
        """Count so many bytes more.

        Raises:
            HTTPRequestEntityTooLarge: with them the form is too large.
            HTTPServiceUnavailable: there is no room for them now.
        """
        if self.size_bytes + size > MAX_REQUEST_BYTES:
            raise form_too_large()
        self.room.take(size)
        self.size_bytes += size


def form_too_large() -> web.HTTPRequestEntityTooLarge:
    """The refusal of a form with more than `MAX_REQUEST_BYTES`."""
    megabytes = MAX_REQUEST_BYTES // (1024 * 1024)
    return web.HTTPRequestEntityTooLarge(0, 0, text=f"one request may carry {megabytes} MB; send fewer files at once")
