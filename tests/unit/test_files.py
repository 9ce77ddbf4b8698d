"""Folders and zips: what is damaged is said in words."""

import zipfile
from pathlib import Path

import pytest

from streamapp.errors import SourceError
from streamapp.files import open_place

NAME, DATA = "train/cat/1.jpg", bytes(range(256)) * 40


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    place = tmp_path / "pictures.zip"
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(NAME, DATA)
    return place


def test_a_folder_and_a_zip_are_read_alike(packed: Path, tmp_path: Path) -> None:
    file = tmp_path / "folder" / NAME
    file.parent.mkdir(parents=True)
    file.write_bytes(DATA)
    for place in (packed, tmp_path / "folder"):
        names, read = open_place(place)
        assert (names, read(NAME)) == ([NAME], DATA)


def test_a_zip_without_its_directory_is_refused(packed: Path) -> None:
    content = bytearray(packed.read_bytes())
    start = content.index(b"PK\x01\x02")
    content[start : start + 4] = b"lost"
    packed.write_bytes(content)
    with pytest.raises(SourceError, match=r"pictures\.zip is a damaged zip file"):
        open_place(packed)


@pytest.mark.parametrize(
    ("at", "value"), [(6, 1), (60, 255), (8, 99)], ids=["encrypted", "damaged", "packed otherwise"]
)
def test_a_file_that_cannot_be_unpacked_is_an_os_error(packed: Path, at: int, value: int) -> None:
    content = bytearray(packed.read_bytes())
    content[at] = value  # flags, content and method of the first file, in its own head and in the directory
    directory = content.index(b"PK\x01\x02")
    if at < 10:
        content[directory + at + 2] = value
    packed.write_bytes(content)
    _, read = open_place(packed)
    with pytest.raises(OSError, match=r"."):
        read(NAME)
