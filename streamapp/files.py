"""The files of a folder or of a zip, alike; and which of them are pictures."""

import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from streamapp.errors import SourceError

#: How the names of pictures end, in small letters.
PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp"})


def open_place(place: Path) -> tuple[list[str], Callable[[str], bytes]]:
    """The sorted names of all files in a folder or zip, with slashes, and how to read one of them.

    The reader raises OSError where a file cannot be read, whatever is wrong with it.

    Raises:
        SourceError: it is neither a folder nor a zip file, or a zip file that is damaged.
    """
    if place.is_dir():
        names = sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())
        return names, lambda name: (place / name).read_bytes()
    if place.is_file() and zipfile.is_zipfile(place):
        try:
            archive = zipfile.ZipFile(place)
        except zipfile.BadZipFile as error:  # only its end had been looked at
            raise SourceError(f"{place} is a damaged zip file: {error}") from error
        return sorted(archive.namelist()), lambda name: _unzipped(archive, name)
    raise SourceError(f"{place} is neither a folder nor a zip file")


def _unzipped(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    # RuntimeError: it is encrypted, or packed in a way that Python does not know.
    except (zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        raise OSError(str(error)) from error
