"""The image files below a folder."""

from collections.abc import Iterator
from pathlib import Path

from streamapp.errors import SourceError
from streamapp.files import PICTURES
from streamapp.ingest.produce.client import Picture


def image_files(folder: Path) -> list[Path]:
    """Every JPEG, PNG and WebP file below `folder`, by name.

    Raises:
        SourceError: it is not a folder, or holds no such file.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder} is not a folder")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES and path.is_file())
    if not files:
        raise SourceError(f"{folder} holds no .jpg, .png or .webp file")
    return files


def pictures(files: list[Path]) -> Iterator[Picture]:
    """Each file, read when its turn comes.

    Raises:
        SourceError: a file cannot be read.
    """
    for path in files:
        try:
            yield Picture(path.read_bytes(), path.name, "folder")
        except OSError as error:
            raise SourceError(f"{path} cannot be read: {error.strerror}") from error
