"""Read a multipart upload part by part, counting bytes as they come; nothing in it is believed but its content."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Annotated, cast, get_args

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel, Field, WithJsonSchema

from streamapp.ingest.check import MAX_BYTES
from streamapp.records import Source
from streamapp.web.forms import MAX_REQUEST_BYTES, Form, UploadedFile, form_too_large

MAX_FILES = 100
MAX_PARTS = 200
MAX_TEXT = 200
MAX_FILENAME = 255
CHUNK_BYTES = 64 * 1024
#: A request that has not arrived after this many seconds is given up.
READ_DEADLINE_S = 120


class UploadForm(BaseModel):
    """The parts of an upload, as the API's description has them; what they may hold is looked at while they come."""

    file: Annotated[bytes, WithJsonSchema({"type": "string", "format": "binary"})] = Field(
        description="A JPEG, PNG or WebP; the part may be there up to 100 times."
    )
    source: Source = "upload"
    label: str = Field("", max_length=MAX_TEXT, description="The right class, where it is known.")
    camera_id: str = Field("", max_length=MAX_TEXT)


FIELDS = tuple(name for name in UploadForm.model_fields if name != "file")
SOURCES = get_args(Source)


async def read_form(request: web.Request, form: Form) -> None:
    """Read everything that is in the body; text fields may come before or after the files.

    Raises:
        HTTPUnsupportedMediaType: the body is no `multipart/form-data`, or compressed.
        HTTPRequestEntityTooLarge: too many files, or bytes.
        HTTPServiceUnavailable: there are too many uploads now.
        HTTPRequestTimeout: the sender is too slow.
        HTTPBadRequest: the body is malformed, a field is not as it should be, or there is no file.
    """
    _check_headers(request)
    try:
        async with asyncio.timeout(READ_DEADLINE_S):
            async for part in _parts(request):
                await _read_part(part, form)
    except TimeoutError:
        raise web.HTTPRequestTimeout(text=f"the upload did not arrive within {READ_DEADLINE_S} s") from None
    except (ValueError, AssertionError, RuntimeError, HttpProcessingError, web.RequestPayloadError) as error:
        # aiohttp's reader raises all of these on a malformed body
        raise web.HTTPBadRequest(text=f"the multipart body is malformed: {error}") from error
    if not form.files:
        raise web.HTTPBadRequest(text='there is no file in the form; send one as `curl -F "file=@cat.jpg" …`')


def _check_headers(request: web.Request) -> None:
    if request.content_type != "multipart/form-data":
        raise web.HTTPUnsupportedMediaType(text="send the image as multipart/form-data, with a part that is a file")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise web.HTTPUnsupportedMediaType(text="send the body without Content-Encoding")
    if (request.content_length or 0) > MAX_REQUEST_BYTES + CHUNK_BYTES * MAX_PARTS:
        raise form_too_large()


async def _parts(request: web.Request) -> AsyncIterator[BodyPartReader]:
    reader = await request.multipart()
    count = 0
    while (part := await reader.next()) is not None:
        count += 1
        if count > MAX_PARTS:
            raise web.HTTPBadRequest(text=f"the form has more than {MAX_PARTS} parts")
        if not isinstance(part, BodyPartReader):
            raise ValueError("a part is multipart itself")
        yield part


async def _read_part(part: BodyPartReader, form: Form) -> None:
    if part.filename is not None:
        if len(form.files) == MAX_FILES:
            raise web.HTTPRequestEntityTooLarge(0, 0, text=f"at most {MAX_FILES} files in one request")
        form.files.append(UploadedFile(shown_name(part.filename), await _bytes(part, form, MAX_BYTES)))
        return
    data = await _bytes(part, form, MAX_TEXT * 4)
    if part.name in FIELDS:
        _set_field(form, part.name, data)


async def _bytes(part: BodyPartReader, form: Form, limit: int) -> bytes | None:
    """The part's bytes; None where they are more than `limit`: then they are read and thrown away.

    Raises:
        HTTPRequestEntityTooLarge: with this part the whole form is too large.
        HTTPServiceUnavailable: there is no room for it now.
    """
    data, size = bytearray(), 0
    while chunk := await part.read_chunk(CHUNK_BYTES):
        size += len(chunk)
        form.grow(len(chunk))
        if size <= limit:
            data += chunk
    return bytes(data) if size <= limit else None


def _set_field(form: Form, name: str, data: bytes | None) -> None:
    """Set a text field.

    Raises:
        HTTPBadRequest: it is too long, not text, or no known source.
    """
    try:
        text = (data or b"").decode()
    except UnicodeDecodeError:
        raise web.HTTPBadRequest(text=f"{name} is not UTF-8 text") from None
    if data is None or len(text) > MAX_TEXT:
        raise web.HTTPBadRequest(text=f"{name} is longer than {MAX_TEXT} characters")
    if not text.isprintable():
        raise web.HTTPBadRequest(text=f"{name} has characters that cannot be shown")
    if name != "source":
        setattr(form, name, text.strip() or None)
    elif text in SOURCES:
        form.source = cast(Source, text)
    else:
        raise web.HTTPBadRequest(text=f"source must be one of {', '.join(SOURCES)}")


def shown_name(filename: str) -> str:
    """A sender's file name as it is shown in answers: its last part, printable, not too long. It names nothing else."""
    last = re.split(r"[/\\]", filename)[-1]
    return "".join(character for character in last if character.isprintable())[:MAX_FILENAME]
