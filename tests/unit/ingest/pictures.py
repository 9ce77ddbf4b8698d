"""Pictures for tests, made here: every format, and the hostile ones."""

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image


def picture(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    """A picture with something on it: a gradient, dark on the left."""
    grey = Image.linear_gradient("L").rotate(90).resize((width, height))
    return grey.convert(mode)


def encoded(image: Image.Image, format: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def jpeg(width: int = 64, height: int = 48, **options: Any) -> bytes:
    return encoded(picture(width, height), "JPEG", **options)


def png(width: int = 64, height: int = 48, **options: Any) -> bytes:
    return encoded(picture(width, height), "PNG", **options)


def webp(width: int = 64, height: int = 48, **options: Any) -> bytes:
    return encoded(picture(width, height), "WEBP", **options)


def animated(format: str) -> bytes:
    return encoded(picture(), format, save_all=True, append_images=[picture().rotate(90)])


def oriented_jpeg(orientation: int, width: int = 64, height: int = 48) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return jpeg(width, height, exif=exif)


def crafted_png(width: int, height: int, pixels: bytes = b"") -> bytes:
    """A PNG whose header says what we like."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(name, data) for name, data in ((b"IHDR", header), (b"IDAT", zlib.compress(pixels)), (b"IEND", b""))
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def progressive_bomb(scans: int) -> bytes:
    """A progressive JPEG that repeats its last scan."""
    whole = jpeg(progressive=True)
    last = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + last * scans + whole[-2:]
