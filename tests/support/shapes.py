"""A tiny data set of coloured shapes, one class each, that can be learned in one epoch."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

#: Class, colour, and how many sides; 0 is a disc.
SHAPES = {
    "airplane": ((220, 60, 60), 3), "automobile": ((60, 200, 60), 4), "bird": ((70, 70, 230), 5),
    "cat": ((220, 220, 50), 6), "deer": ((200, 60, 200), 0), "dog": ((60, 210, 210), 3),
    "frog": ((240, 140, 30), 4), "horse": ((150, 150, 150), 5), "ship": ((110, 60, 20), 6), "truck": ((30, 30, 30), 0),
}  # fmt: skip
SIDE = 32


def write_shapes(folder: Path, train: int, test: int, seed: int = 0) -> Path:
    """Write `train` and `test` pictures of each class as `<split>/<class>/<number>.png`; returns the folder."""
    random = np.random.default_rng(seed)
    for split, count in (("train", train), ("test", test)):
        for label, (colour, sides) in SHAPES.items():
            place = folder / split / label
            place.mkdir(parents=True)
            for number in range(count):
                _shape(random, colour, sides).save(place / f"{number:04d}.png")
    return folder


def _shape(random: np.random.Generator, colour: tuple[int, int, int], sides: int) -> Image.Image:
    """One shape of that colour, somewhere on a noisy light ground."""
    ground = random.integers(200, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    picture = Image.fromarray(ground)
    x, y, radius = random.uniform(10, 22), random.uniform(10, 22), random.uniform(6, 10)
    draw = ImageDraw.Draw(picture)
    if sides:
        draw.regular_polygon((x, y, radius), sides, random.uniform(0, 360), fill=colour)
    else:
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    return picture
