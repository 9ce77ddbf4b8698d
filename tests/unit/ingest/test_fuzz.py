"""Whatever bytes are sent, the door, the thumbnail and the models raise nothing but their own refusals.

`pytest tests/unit/ingest/test_fuzz.py --fuzz-seconds 600` looks longer. What fails is shown as small as it can be made.
"""

import struct
import time
import zlib
from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from streamapp.errors import ImageRejected, UndecodableImage
from streamapp.ingest.check import MAX_PIXELS, check_image
from streamapp.runtime.preprocess import decode
from streamapp.web import thumbnails
from tests.unit.ingest import pictures

EXAMPLES = 200
ORIGINALS = (
    pictures.jpeg(),
    pictures.jpeg(progressive=True),
    pictures.oriented_jpeg(6),
    pictures.encoded(pictures.picture(mode="CMYK"), "JPEG"),
    pictures.encoded(pictures.picture(mode="L"), "JPEG"),
    pictures.encoded(pictures.picture(), "MPO", save_all=True, append_images=[pictures.picture()]),
    pictures.png(),
    pictures.animated("PNG"),
    *(pictures.encoded(pictures.picture(mode=mode), "PNG") for mode in ("1", "L", "LA", "P", "RGBA", "I;16")),
    pictures.webp(),
    pictures.webp(lossless=True),
    pictures.animated("WEBP"),
)
CHUNKS = (b"IHDR", b"PLTE", b"IDAT", b"tRNS", b"gAMA", b"iCCP", b"zTXt", b"iTXt", b"eXIf", b"acTL", b"fcTL", b"fdAT")

places = st.integers(0, 2500)
edits = st.one_of(
    st.tuples(st.just("write"), places, st.binary(min_size=1, max_size=8)),
    st.tuples(st.just("cut"), places, st.integers(1, 200)),
    st.tuples(st.just("repeat"), places, st.integers(1, 200)),
    st.tuples(st.just("length"), places, st.just(0)),
)


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """An image with a few bytes written over, cut out or repeated."""
    data = bytearray(draw(st.sampled_from(ORIGINALS)))
    for kind, place, what in draw(st.lists(edits, min_size=1, max_size=6)):
        at = place % max(1, len(data))
        if kind == "write":
            data[at : at + len(what)] = what
        elif kind == "cut":
            del data[at : at + what]
        elif kind == "repeat":
            data[at:at] = data[at : at + what]
        else:
            del data[max(at, 12) :]
    return bytes(data)


@st.composite
def crafted(draw: st.DrawFn) -> bytes:
    """A PNG of any chunks, each with the right checksum, so that its content is looked at."""
    width, height = draw(st.tuples(*[st.sampled_from((0, 1, 2, 63, 5000, 2**31 - 1, 2**32 - 1))] * 2))
    depth, colours = draw(st.sampled_from((1, 2, 4, 8, 16, 3))), draw(st.integers(0, 7))
    header = struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, draw(st.integers(0, 2)))
    parts = [(b"IHDR", header)]
    for name in draw(st.lists(st.sampled_from(CHUNKS), max_size=5)):
        content = draw(st.binary(max_size=40))
        parts.append((name, zlib.compress(content * 50) if name in (b"IDAT", b"fdAT") else content))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in [*parts, (b"IEND", b"")])


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


heads = st.sampled_from(
    (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x40\0\0\0WEBPVP8 ", b"RIFF\x40\0\0\0WEBPVP8X")
)
anything = st.one_of(broken(), crafted(), st.builds(bytes.__add__, heads, st.binary(max_size=300)))


def only_refusals(data: bytes) -> None:
    """Refused in words, or accepted: then there is a thumbnail of it, and the models see it."""
    try:
        checked = check_image(data)
    except ImageRejected as refusal:
        assert str(refusal) and "0x" not in str(refusal)
        try:
            decode(data, 16)  # a replay or another producer may bring it all the same
        except UndecodableImage as error:
            assert str(error)
        return
    assert 0 < checked.width * checked.height <= MAX_PIXELS
    assert decode(data, 16).shape == (16, 16, 3)
    assert thumbnails._make(data).startswith(b"RIFF")


@pytest.fixture
def for_seconds(request: pytest.FixtureRequest) -> Callable[[Callable[[bytes], None]], int]:
    """Runs a test on new examples until the time is over; returns how many runs of `EXAMPLES` that were."""
    seconds = float(request.config.getoption("--fuzz-seconds"))

    def run(body: Callable[[bytes], None]) -> int:
        until, checks = time.monotonic() + seconds, [HealthCheck.too_slow]
        for number in count(1):
            options = settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=checks)
            seed(time.time_ns())(options(given(anything)(body)))()
            if time.monotonic() > until:
                return number
        raise AssertionError("count() has no end")

    return run


def test_only_refusals_are_raised(for_seconds: Callable[[Callable[[bytes], None]], int]) -> None:
    assert for_seconds(only_refusals) >= 1
