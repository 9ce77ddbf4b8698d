"""From bytes to the model's square: every format, mode and orientation; UndecodableImage for all the rest."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from streamapp.errors import UndecodableImage
from streamapp.runtime import preprocess
from streamapp.runtime.preprocess import decode

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def corners() -> Image.Image:
    """80×40: red, green above blue, white."""
    image = Image.new("RGB", (80, 40), "white")
    image.paste(RED, (0, 0, 40, 20))
    image.paste(GREEN, (40, 0, 80, 20))
    image.paste(BLUE, (0, 20, 40, 40))
    return image


def names(pixels: np.ndarray) -> str:
    """The colours of the four corners, row by row."""
    colours = {RED: "r", GREEN: "g", BLUE: "b", (255, 255, 255): "w"}
    found = ""
    for y, x in ((2, 2), (2, -3), (-3, 2), (-3, -3)):
        distance = {name: np.abs(pixels[y, x].astype(int) - colour).sum() for colour, name in colours.items()}
        found += min(distance, key=lambda name: distance[name])
    return found


@pytest.mark.parametrize(("format", "options"), [("PNG", {}), ("JPEG", {"quality": 95}), ("WEBP", {"lossless": True})])
def test_every_format_gives_the_whole_picture(format: str, options: dict[str, Any]) -> None:
    pixels = decode(encoded(corners(), format, **options), 16)
    assert (pixels.shape, pixels.dtype) == ((16, 16, 3), np.uint8)
    assert pixels.flags.c_contiguous and pixels.flags.writeable
    assert names(pixels) == "rgbw"


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [(1, "rgbw"), (2, "grwb"), (3, "wbgr"), (4, "bwrg"), (5, "rbgw"), (6, "brwg"), (7, "wgbr"), (8, "gwrb")],
)
def test_the_picture_is_turned_upright(orientation: int, expected: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(corners(), "JPEG", quality=95, exif=exif)
    assert names(decode(data, 16)) == expected


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_broken_exif_is_no_reason_to_refuse() -> None:
    data = encoded(corners(), "JPEG", quality=95, exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff broken")
    assert names(decode(data, 16)) == "rgbw"


def test_transparency_is_over_white() -> None:
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    assert (decode(encoded(image), 8) == 255).all()
    image.putalpha(128)
    assert (abs(decode(encoded(image), 8).astype(int) - 127) <= 1).all()


def test_a_palette_with_transparency() -> None:
    image = Image.new("P", (40, 40), 0)
    image.putpalette([200, 0, 0, 0, 0, 200])
    assert (decode(encoded(image), 8) == (200, 0, 0)).all()
    assert (decode(encoded(image, transparency=0), 8) == 255).all()
    assert (decode(encoded(image, transparency=bytes([0, 255])), 8) == 255).all()


@pytest.mark.parametrize("mode", ["L", "LA", "1"])
def test_grey_images(mode: str) -> None:
    grey = Image.new("L", (40, 40), 255).convert(mode)
    assert (decode(encoded(grey), 8) == 255).all()


def test_transparent_grey_by_colour_key() -> None:
    assert (decode(encoded(Image.new("L", (40, 40), 7), transparency=7), 8) == 255).all()
    assert (decode(encoded(Image.new("RGB", (40, 40), RED), transparency=RED), 8) == 255).all()


def test_sixteen_bits_keep_their_brightness() -> None:
    grey = Image.fromarray(np.full((40, 40), 0x8000, np.uint16))
    assert (decode(encoded(grey), 8) == 0x80).all()


def test_print_colours() -> None:
    red = Image.new("CMYK", (40, 40), (0, 255, 255, 0))
    pixels = decode(encoded(red, "JPEG", quality=95), 8)
    assert abs(pixels.astype(int) - RED).max() <= 3


def test_reducing_looks_at_every_pixel() -> None:
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 255
    pixels = decode(encoded(Image.fromarray(checks.astype(np.uint8))), 8)
    assert abs(pixels.astype(int) - 127).max() <= 2


def test_the_quick_decoding_of_large_jpegs_changes_next_to_nothing() -> None:
    y, x = np.mgrid[0:480, 0:640]
    waves = np.stack([np.sin(x / 40), np.cos(y / 30), np.sin((x + y) / 50)], axis=-1)
    image = Image.fromarray(((waves + 1) * 127).astype(np.uint8))
    data = encoded(image, "JPEG", quality=95)
    whole = Image.open(BytesIO(data)).resize((32, 32), Image.Resampling.BICUBIC)
    assert abs(decode(data, 32).astype(int) - np.asarray(whole)).max() <= 4


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))


@pytest.mark.parametrize(("width", "height"), [(640, 480), (33, 500), (40, 20)])
def test_a_picture_with_more_detail_is_seen_like_the_pictures_of_the_training(width: int, height: int) -> None:
    large = noise(width, height)
    small = large.resize((min(width, 32), min(height, 32)), Image.Resampling.BICUBIC, reducing_gap=2)
    assert (decode(encoded(large), 64, 32) == decode(encoded(small), 64)).all()
    assert (decode(encoded(large), 64, 32) != decode(encoded(large), 64)).any()


@pytest.mark.parametrize(("side", "detail"), [(32, 32), (16, 32), (640, None), (640, 64), (640, 200)])
def test_what_has_no_more_detail_is_left_as_it_is(side: int, detail: int | None) -> None:
    data = encoded(noise(side, side))
    assert (decode(data, 64, detail) == decode(data, 64)).all()


def test_a_large_jpeg_is_decoded_no_finer_than_its_detail_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[tuple[int, int]] = []
    eight_bit = preprocess._eight_bit

    def seen(image: Image.Image) -> Image.Image:
        decoded.append(image.size)
        return eight_bit(image)

    monkeypatch.setattr(preprocess, "_eight_bit", seen)
    data = encoded(noise(800, 640), "JPEG")
    for detail in (None, 32):
        decode(data, 224, detail)
    assert decoded == [(800, 640), (100, 80)]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("part", [0, 10, 40, 200])
def test_a_cut_file_is_refused(format: str, part: int) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8))
    with pytest.raises(UndecodableImage, match="cannot be decoded"):
        decode(encoded(noise, format)[:part], 8)


@pytest.mark.parametrize("format", ["GIF", "BMP", "TIFF"])
def test_other_formats_are_refused(format: str) -> None:
    with pytest.raises(UndecodableImage):
        decode(encoded(corners(), format), 8)


def test_too_many_pixels_are_refused_by_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preprocess, "MAX_PIXELS", 80 * 40 - 1)
    with pytest.raises(UndecodableImage, match="megapixels"):
        decode(encoded(corners()), 8)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_damaged_bytes_raise_nothing_else(format: str) -> None:
    random = np.random.default_rng(7)
    data = np.frombuffer(encoded(corners(), format), np.uint8)
    refused = 0
    for _ in range(300):
        damaged = data.copy()
        damaged[random.integers(0, len(data), 4)] = random.integers(0, 256, 4)
        try:
            assert decode(damaged.tobytes(), 8).shape == (8, 8, 3)
        except UndecodableImage:
            refused += 1
    assert refused > 0
