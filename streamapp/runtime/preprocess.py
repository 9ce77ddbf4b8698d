"""From the bytes of an image to what every model takes: a small square of RGB bytes. Training uses this function too.

The whole picture is resized to the square: nothing is cut off, so that what is at the edge can still be classified, and
its sides may be stretched. Enlarging and reducing are both bicubic; reducing looks at every pixel (antialiasing).

A model that has learned from small pictures, enlarged to its input, knows nothing of finer detail: a photograph is
reduced to the size of those pictures first, and then enlarged as they were.
"""

from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from streamapp.errors import UndecodableImage

FORMATS = ("JPEG", "PNG", "WEBP")
MAX_PIXELS = 25_000_000
#: A JPEG is decoded at 1/2, 1/4 or 1/8 of its size while that leaves this many times the pixels that are wanted.
SPARE = 2
ORIENTATION = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
WHITE = (255, 255, 255, 255)


def decode(data: bytes, size: int, detail: int | None = None) -> npt.NDArray[np.uint8]:
    """The image as uint8 RGB [size, size, 3]: upright by its EXIF data, transparency over white, any depth as 8 bit.

    With `detail`, sides of more than that many pixels are first reduced to it; what is small already is only enlarged.

    Raises:
        UndecodableImage: not a whole JPEG, PNG or WebP image, or one of more than `MAX_PIXELS`.
    """
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UndecodableImage(f"the image has more than {MAX_PIXELS // 10**6} megapixels")
            turn = TURNS.get(_orientation(image))
            sides = [(size, size)]
            if detail is not None and detail < size:
                sides.insert(0, (min(detail, image.width), min(detail, image.height)))
            image.draft(image.mode, (SPARE * sides[0][0], SPARE * sides[0][1]))  # only JPEG can
            small = _eight_bit(image)
            for wanted in sides:
                small = small.resize(wanted, Image.Resampling.BICUBIC, reducing_gap=SPARE)
    except UndecodableImage:
        raise
    except Exception as error:  # Pillow's plug-ins raise anything (SyntaxError, struct.error, …) on hostile bytes
        raise UndecodableImage(f"the image cannot be decoded: {error or type(error).__name__}") from error
    if turn is not None:
        small = small.transpose(turn)  # after the resize: a square of few pixels is quick to turn
    return np.array(_over_white(small))


def _orientation(image: Image.Image) -> int:
    """How the camera was held, 1 (upright) to 8; a broken EXIF block is no reason to refuse a picture."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # EXIF is optional; whatever its parser raises, the picture may still be whole
        return 1


def _eight_bit(image: Image.Image) -> Image.Image:
    """The image in a mode that can be resized: RGB, RGBA, LA, L or CMYK, with eight bits."""
    if image.mode.startswith("I"):  # grey with 16 bits; Pillow's own conversion would cut them off at 255
        return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
    if image.mode in ("P", "PA", "1") or "transparency" in image.info:
        return image.convert("RGBA")
    return image


def _over_white(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA"):
        image = Image.alpha_composite(Image.new("RGBA", image.size, WHITE), image.convert("RGBA"))
    return image.convert("RGB")
