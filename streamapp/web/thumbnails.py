"""Thumbnails: small WebP pictures, upright, made in threads."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from uuid import UUID

from PIL import Image, ImageOps

from streamapp.ingest.check import FORMATS

#: Longest side in pixels; smaller images stay as they are.
SIDE = 320
QUALITY = 80
CACHE_TTL_S = 3600.0
THREADS = 2

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="thumbnail")


def cache_key(image_id: UUID) -> str:
    """Where the cache keeps a thumbnail."""
    return f"thumbnail:{image_id}"


async def make(original: bytes) -> bytes:
    """The thumbnail of an original that was checked when it came in."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _make, original)


def _make(original: bytes) -> bytes:
    with Image.open(BytesIO(original), formats=FORMATS) as image:
        image.draft("RGB", (2 * SIDE, 2 * SIDE))  # JPEG: decodes at a fraction of the size
        small = _eight_bits(_upright(image))
        small.thumbnail((SIDE, SIDE))
        file = BytesIO()
        small.save(file, "WEBP", quality=QUALITY)
        return file.getvalue()


def _upright(image: Image.Image) -> Image.Image:
    """The picture as EXIF wants it turned; broken EXIF data turns nothing."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # its parser raises anything; the picture itself has been decoded before
        return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """In a mode that WebP can hold. 16-bit grey is scaled, which Pillow's own conversion would cut off."""
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value / 256).convert("L")
    transparent = image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
    return image.convert("RGBA" if transparent else "RGB")
