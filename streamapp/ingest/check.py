"""Decide whether some bytes are an image that the platform takes, by their content alone."""

import hashlib
import warnings
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, UnidentifiedImageError

from streamapp.errors import EmptyUpload, ImageTooLarge, TooManyPixels, UndecodableImage, UnsupportedFormat

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 25_000_000
#: A progressive JPEG decodes its whole picture again for every scan; ten are usual, a bomb has thousands.
MAX_SCANS = 100

FORMATS = ("JPEG", "PNG", "WEBP")
EXTENSIONS = {"jpeg": "jpg", "png": "png", "webp": "webp"}

ORIENTATION = 0x0112  # EXIF tag; values of 5 and more swap width and height

# Pillow compares with this before it allocates anything: an error above twice the limit, below that a warning, which
# is made an error here. Filters are global, so this is done once and not around each call (threads).
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
# Pillow complains of each broken EXIF tag of hostile files, on and on.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


@dataclass(frozen=True)
class CheckedImage:
    """What is known about an accepted image. Width and height are in pixels, as a viewer shows it (EXIF applied)."""

    format: str
    content_type: str
    extension: str
    width: int
    height: int
    sha256: str


def check_image(data: bytes) -> CheckedImage:
    """Check format, size and pixels of an upload, then decode it to be sure. Takes CPU time: call it in a thread.

    Raises:
        EmptyUpload: there are no bytes.
        ImageTooLarge: more than `MAX_BYTES`.
        UnsupportedFormat: neither JPEG, PNG nor WebP.
        TooManyPixels: more than `MAX_PIXELS`, by the header; nothing was decoded.
        UndecodableImage: broken, truncated or animated.
    """
    if not data:
        raise EmptyUpload("the file is empty")
    if len(data) > MAX_BYTES:
        raise too_large()
    kind = _format(data)
    if kind is None:
        raise UnsupportedFormat("the content is not a JPEG, PNG or WebP image")
    width, height = _decoded_size(data)
    return CheckedImage(kind, f"image/{kind}", EXTENSIONS[kind], width, height, hashlib.sha256(data).hexdigest())


def too_large() -> ImageTooLarge:
    """The refusal of a file with more than `MAX_BYTES`."""
    return ImageTooLarge(f"the file is larger than {MAX_BYTES // (1024 * 1024)} MB")


def _format(data: bytes) -> str | None:
    """The format by the first bytes; a broken file still has one, and its sender learns that it is broken."""
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    return None


def _decoded_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels of an image that was really decoded."""
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            _check_header(image, data)
            image.verify()  # PNG: checks every chunk's CRC; the object is of no use afterwards
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            size = _upright(image)
            image.draft(image.mode, (1, 1))  # a JPEG is read whole, but an eighth of its width and height is made
            image.load()
            return size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise too_many_pixels() from None
    except (TooManyPixels, UndecodableImage):
        raise
    except UnidentifiedImageError:
        raise UndecodableImage("the image cannot be decoded: its header is broken or cut off") from None
    except Exception as error:  # Pillow's plug-ins raise anything (SyntaxError, struct.error, …) on hostile bytes
        raise UndecodableImage(f"the image cannot be decoded: {error or type(error).__name__}") from error


def too_many_pixels() -> TooManyPixels:
    """The refusal of an image with more than `MAX_PIXELS`."""
    return TooManyPixels(f"the image has more than {MAX_PIXELS // 1_000_000} megapixels")


def _check_header(image: Image.Image, data: bytes) -> None:
    width, height = image.size
    if width < 1 or height < 1:
        raise UndecodableImage(f"the image is {width}×{height} pixels")
    if width * height > MAX_PIXELS:
        raise too_many_pixels()
    # A JPEG with several pictures (MPO: previews, depth maps of phones) is no animation: the first one is the image.
    if image.format in ("PNG", "WEBP") and getattr(image, "is_animated", False):
        raise UndecodableImage("the image is animated; send a still image")
    if image.info.get("progressive") and data.count(b"\xff\xda") > MAX_SCANS:
        raise UndecodableImage(f"the JPEG has more than {MAX_SCANS} scans")


def _upright(image: Image.Image) -> tuple[int, int]:
    """Size as a viewer shows it. Broken EXIF data turns nothing."""
    width, height = image.size
    try:
        turned = int(image.getexif().get(ORIENTATION, 1)) in (5, 6, 7, 8)
    except Exception:  # EXIF is optional; whatever its parser raises, the picture itself has been decoded
        turned = False
    return (height, width) if turned else (width, height)
