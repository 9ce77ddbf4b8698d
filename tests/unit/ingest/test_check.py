"""The door: what is an image, what is refused and why. It never raises anything but its own refusals."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamapp.errors import (
    EmptyUpload,
    ImageRejected,
    ImageTooLarge,
    TooManyPixels,
    UndecodableImage,
    UnsupportedFormat,
)
from streamapp.ingest.check import MAX_BYTES, MAX_PIXELS, MAX_SCANS, CheckedImage, check_image
from tests.unit.ingest import pictures


@pytest.mark.parametrize(
    ("data", "format", "extension"),
    [(pictures.jpeg(), "jpeg", "jpg"), (pictures.png(), "png", "png"), (pictures.webp(), "webp", "webp")],
)
def test_an_image_is_known_by_its_content(data: bytes, format: str, extension: str) -> None:
    assert check_image(data) == CheckedImage(
        format, f"image/{format}", extension, 64, 48, hashlib.sha256(data).hexdigest()
    )


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "I;16"])
def test_every_kind_of_pixel_is_taken(mode: str) -> None:
    image = pictures.picture(mode="I").convert("I;16") if mode == "I;16" else pictures.picture(mode=mode)
    assert check_image(pictures.encoded(image, "PNG")).width == 64


def test_cmyk_and_the_smallest_image_are_taken() -> None:
    assert check_image(pictures.encoded(pictures.picture(mode="CMYK"), "JPEG")).format == "jpeg"
    assert check_image(pictures.crafted_png(1, 1, b"\0\1\2\3")).width == 1


@pytest.mark.parametrize(("orientation", "size"), [(1, (64, 48)), (3, (64, 48)), (5, (48, 64)), (6, (48, 64))])
def test_the_size_is_that_of_the_upright_picture(orientation: int, size: tuple[int, int]) -> None:
    checked = check_image(pictures.oriented_jpeg(orientation))
    assert (checked.width, checked.height) == size


def test_a_jpeg_with_a_preview_inside_is_no_animation() -> None:
    data = pictures.encoded(pictures.picture(), "MPO", save_all=True, append_images=[pictures.picture()])
    assert check_image(data).format == "jpeg"


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(EmptyUpload):
        check_image(b"")


@pytest.mark.parametrize(
    "data",
    [
        b"GIF89a<script>alert(1)</script>",
        pictures.encoded(pictures.picture(), "GIF"),
        pictures.encoded(pictures.picture(), "BMP"),
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        b"%PDF-1.7",
        b"<!doctype html>",
        b"RIFF\0\0\0\0WAVE",
        b"\0",
    ],
)
def test_other_content_is_unsupported(data: bytes) -> None:
    with pytest.raises(UnsupportedFormat):
        check_image(data)


def test_ten_megabytes_are_the_limit() -> None:
    whole = pictures.jpeg()
    assert check_image(whole + b"\0" * (MAX_BYTES - len(whole))).format == "jpeg"
    with pytest.raises(ImageTooLarge, match="10 MB"):
        check_image(whole + b"\0" * (MAX_BYTES - len(whole) + 1))


@pytest.mark.parametrize(
    "data",
    [
        pictures.crafted_png(20_000, 20_000),
        pictures.crafted_png(10_000, 10_000),
        pictures.crafted_png(5_001, 5_000),
        pictures.crafted_png(2**31 - 1, 2**31 - 1),
        pictures.jpeg(5_001, 5_000),
        pictures.webp(8_000, 3_200),
    ],
    ids=["20000²", "10000²", "one column too many", "2³¹", "jpeg", "webp"],
)
def test_too_many_pixels_are_refused_by_the_header(data: bytes) -> None:
    with pytest.raises(TooManyPixels, match="25 megapixels"):
        check_image(data)


def test_25_megapixels_are_taken() -> None:
    checked = check_image(pictures.jpeg(5_000, 5_000))
    assert checked.width * checked.height == MAX_PIXELS


@pytest.mark.parametrize("whole", [pictures.jpeg(), pictures.png(), pictures.webp()], ids=["jpeg", "png", "webp"])
@pytest.mark.parametrize("part", [0.05, 0.5, 0.9])
def test_a_truncated_image_is_undecodable(whole: bytes, part: float) -> None:
    with pytest.raises(UndecodableImage):
        check_image(whole[: max(13, int(len(whole) * part))])


def test_a_corrupt_chunk_is_undecodable() -> None:
    data = bytearray(pictures.png())
    data[data.index(b"IDAT") + 6] ^= 0xFF
    with pytest.raises(UndecodableImage):
        check_image(bytes(data))


@pytest.mark.parametrize("size", [(0, 0), (0, 5), (5, 0)])
def test_an_image_without_pixels_is_undecodable(size: tuple[int, int]) -> None:
    with pytest.raises(UndecodableImage):
        check_image(pictures.crafted_png(*size))


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_an_animation_is_refused(format: str) -> None:
    with pytest.raises(UndecodableImage, match="animated"):
        check_image(pictures.animated(format))


def test_a_jpeg_that_decodes_for_hours_is_refused() -> None:
    with pytest.raises(UndecodableImage, match="scans"):
        check_image(pictures.progressive_bomb(MAX_SCANS))
    assert check_image(pictures.jpeg(progressive=True)).format == "jpeg"


ORIGINALS = (
    pictures.jpeg(),
    pictures.jpeg(progressive=True),
    pictures.png(),
    pictures.webp(),
    pictures.oriented_jpeg(6),
    pictures.animated("PNG"),
    pictures.animated("WEBP"),
    pictures.encoded(pictures.picture(mode="P"), "PNG"),
)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(ORIGINALS),
    st.lists(st.tuples(st.integers(0, 2000), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6),
    st.integers(0, 2500),
)
def test_whatever_the_bytes_are_only_refusals_are_raised(
    original: bytes, changes: list[tuple[int, bytes]], length: int
) -> None:
    data = bytearray(original)
    for place, written in changes:
        data[place % len(data) : place % len(data) + len(written)] = written
    try:
        assert check_image(bytes(data[: max(length, 12)])).width > 0
    except ImageRejected as refusal:
        assert str(refusal) and "0x" not in str(refusal)


@given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP"]))
def test_random_bytes_are_refused(tail: bytes, head: bytes) -> None:
    with pytest.raises(ImageRejected):
        check_image(head + tail)
