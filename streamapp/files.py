"""The files of a folder or of a zip, alike; and which of them are pictures."""

import zipfile
from collections.abc import Callable
from pathlib import Path

from streamapp.errors import SourceError

#: How the names of pictures end, in small letters.
PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp"})


def open_place(place: Path) -> tuple[list[str], Callable[[str], bytes]]:
    """The sorted names of all files in a folder or zip, with slashes, and how to read one of them.

    The reader raises OSError, or BadZipFile where the zip is damaged.

    Raises:
        SourceError: it is neither a folder nor a zip file.
    """
    if place.is_dir():
        names = sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())
        return names, lambda name: (place / name).read_bytes()
    if place.is_file() and zipfile.is_zipfile(place):
        archive = zipfile.ZipFile(place)
        return sorted(archive.namelist()), archive.read
    raise SourceError(f"{place} is neither a folder nor a zip file")
