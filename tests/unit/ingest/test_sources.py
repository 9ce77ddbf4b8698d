"""Folders, CIFAR-10 and the demonstration: what is sent, in which order, with which label, and what is said."""

import asyncio
import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from streamapp.errors import SourceError
from streamapp.ingest.check import check_image
from streamapp.ingest.produce import cifar10, demo, folder
from tests.unit.ingest.pictures import jpeg, png

ROOT = Path(__file__).parents[3]
CLOSED = ("127.0.0.1", 1)


def real_data() -> Path:
    return Path(os.environ.get("STREAMAPP_TEST_DATA") or ROOT.parent / "shared" / "data")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Two splits, three classes, and things that are no pictures."""
    for name in ("test/cat/1.png", "test/cat/2.png", "test/dog/1.jpg", "train/truck/9.png", "train/bear/1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(png() if name.endswith("png") else jpeg())
    (tmp_path / "README.md").write_text("about")
    (tmp_path / "test/cat/notes.txt").write_text("no picture")
    return tmp_path


def zipped(files: Path) -> Path:
    path = files / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in files.rglob("*.*"):
            if file != path:
                archive.write(file, file.relative_to(files))
    return path


@pytest.mark.parametrize("as_zip", [False, True])
def test_labels_come_from_the_layout_of_zip_and_folder(files: Path, as_zip: bool) -> None:
    data = cifar10.from_files(zipped(files) if as_zip else files)
    sent = list(data.pictures())
    assert [(one.filename, one.label, one.source) for one in sent] == [
        ("1.png", "cat", "cifar10"),
        ("2.png", "cat", "cifar10"),
        ("1.jpg", "dog", "cifar10"),
        ("9.png", "truck", "cifar10"),
    ]
    assert sent[0].data == png() and sent[2].data == jpeg()


def test_one_split_a_limit_and_a_seed(files: Path) -> None:
    assert cifar10.from_files(files, "train").size == 1
    data = cifar10.from_files(files)
    mixed = [[one.filename + str(one.label) for one in data.pictures(seed=seed)] for seed in (1, 1, 2)]
    assert mixed[0] == mixed[1] != mixed[2]
    assert sorted(mixed[0]) == sorted(mixed[2])
    assert len(list(data.pictures(limit=2))) == 2


def test_a_place_without_pictures_says_how_they_are_laid_out(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("")
    for place in (tmp_path, tmp_path / "x.txt", tmp_path / "none"):
        with pytest.raises(SourceError, match=r"<split>/<class>/<file>|neither a folder nor a zip"):
            cifar10.from_files(place)


def test_a_damaged_zip_is_an_error_of_the_source(files: Path) -> None:
    path = zipped(files)
    data = bytearray(path.read_bytes())
    data[data.index(png()) + 60] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(SourceError, match="cannot be read"):
        list(cifar10.from_files(path).pictures())


@pytest.mark.data
@pytest.mark.skipif(not (real_data() / "cifar10-test.zip").exists(), reason="the CIFAR-10 pictures are not there")
def test_the_real_pictures_have_ten_classes() -> None:
    data = cifar10.from_files(real_data() / "cifar10-test.zip", "test")
    assert data.size == 8000
    some = list(data.pictures(limit=200, seed=0))
    assert {one.label for one in some} == set(cifar10.CLASSES)
    assert {(check_image(one.data).width, check_image(one.data).height) for one in some} == {(32, 32)}


def test_arrays_of_keras_become_pictures_without_loss() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    data = cifar10._from_arrays([(pixels[:2], np.array([[3], [9]])), (pixels[2:], np.array([[0]]))])
    sent = list(data.pictures())
    assert [one.label for one in sent] == ["cat", "truck", "airplane"]
    for one, expected in zip(sent, pixels, strict=True):
        assert (np.asarray(Image.open(BytesIO(one.data))) == expected).all()


def test_each_split_of_keras_is_itself_and_another_is_an_error_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def arrays(count: int) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros((count, 32, 32, 3), np.uint8), np.zeros((count, 1), np.uint8)

    monkeypatch.setattr(cifar10, "keras_cache", lambda: Path(__file__))
    monkeypatch.setattr(cifar10, "_load", lambda: (arrays(5), arrays(2)))
    assert [cifar10.from_keras(split).size for split in ("train", "test", "")] == [5, 2, 7]
    monkeypatch.setattr(cifar10, "_load", lambda: pytest.fail("it is loaded"))
    with pytest.raises(SourceError, match="no split 'tset': choose one of train, test"):
        cifar10.from_keras("tset")


def test_without_network_and_cache_it_fails_at_once_and_names_the_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(cifar10, "DOWNLOAD_HOST", CLOSED)
    with pytest.raises(SourceError, match="--data"):
        cifar10.from_keras()


def test_the_loader_of_keras_brings_no_tensorflow() -> None:
    code = (
        "import os, sys; os.environ['KERAS_BACKEND'] = 'openvino'\n"
        "from keras.datasets import cifar10; print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "False"


def test_a_folder_is_read_however_deep_and_by_name(tmp_path: Path) -> None:
    for name in ("b.JPG", "a/deep/c.webp", "a/d.png", "notes.txt", "e.gif"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    sent = list(folder.pictures(folder.image_files(tmp_path)))
    assert [(one.filename, one.data) for one in sent] == [
        ("d.png", b"a/d.png"),
        ("c.webp", b"a/deep/c.webp"),
        ("b.JPG", b"b.JPG"),
    ]
    assert {(one.source, one.label) for one in sent} == {("folder", None)}


def test_a_folder_that_is_missing_empty_or_changed_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is not a folder"):
        folder.image_files(tmp_path / "none")
    with pytest.raises(SourceError, match="holds no"):
        folder.image_files(tmp_path)
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        list(folder.pictures([tmp_path / "gone.jpg"]))


def test_the_photographs_are_real_ones_in_colour() -> None:
    photos = demo.photographs()
    assert {"astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg"} <= {photo.filename for photo in photos}
    for photo in photos:
        check_image(photo.data)
        small = np.asarray(Image.open(BytesIO(photo.data)).convert("RGB").resize((32, 32)), int)
        assert np.ptp(small, axis=2).max() > 20, "grey"
        assert (photo.label, photo.source) == (None, "folder")


async def first(stream: demo.Demo, count: int) -> list[str]:
    pictures = stream.pictures()
    names = [(await anext(pictures)).filename for _ in range(count)]
    await pictures.aclose()
    return names


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither cache nor network, in the child process too."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    closed = f"from streamapp.ingest.produce import cifar10; cifar10.DOWNLOAD_HOST = {CLOSED}\n"
    monkeypatch.setattr(demo, "DOWNLOAD", closed + demo.DOWNLOAD)


@pytest.mark.usefixtures("offline")
async def test_the_demo_without_data_and_network_shows_photographs_and_says_how_to_get_more() -> None:
    said: list[str] = []
    pictures = demo.Demo("auto", None, said.append).pictures()
    names = [(await anext(pictures)).filename]
    async with asyncio.timeout(10):
        while len(said) < 3 or len(names) < 20:
            names.append((await anext(pictures)).filename)
            await asyncio.sleep(0.01)
    await pictures.aclose()
    assert names[:12] == 2 * list(demo.PHOTOGRAPHS)
    assert "cannot be downloaded" in said[1] and "\n" not in said[1]
    assert "photographs" in said[2] and "--data" in said[2]


async def test_the_demo_with_data_shows_it_again_and_again_in_another_order(files: Path) -> None:
    said: list[str] = []
    names = await first(demo.Demo("auto", files, said.append), 12)
    rounds = [names[start : start + 4] for start in (0, 4, 8)]
    assert all(sorted(one) == sorted(rounds[0]) for one in rounds)
    assert len({tuple(one) for one in rounds}) > 1
    assert "CIFAR-10 with labels, 4 pictures" in said[-1]


@pytest.mark.usefixtures("offline")
async def test_a_stream_that_is_asked_for_is_the_stream_or_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="--data"):
        await first(demo.Demo("cifar10", None, print), 1)
    assert await first(demo.Demo("photos", tmp_path, lambda _: None), 1) == ["astronaut.png"]
    with pytest.raises(SourceError, match="auto, cifar10, photos"):
        demo.Demo("cats", None, print)


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file that a download would make; it is not there."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    cache = cifar10.keras_cache()
    cache.parent.mkdir(parents=True)
    return cache


async def test_photographs_bridge_the_download(cache: Path, monkeypatch: pytest.MonkeyPatch, files: Path) -> None:
    code = f"import time; time.sleep(0.3); open({str(cache)!r}, 'w').close()"
    monkeypatch.setattr(demo, "DOWNLOAD", code)
    monkeypatch.setattr(cifar10, "from_keras", lambda: cifar10.from_files(files))
    said: list[str] = []
    pictures = demo.Demo("auto", None, said.append).pictures()
    labels = []
    async with asyncio.timeout(10):
        while not labels or labels[-1] is None:
            labels.append((await anext(pictures)).label)
            await asyncio.sleep(0.02)
    await pictures.aclose()
    assert labels.count(None) > 3
    assert [line.split(":")[0] for line in said] == ["stream", "stream"]


async def test_a_download_that_fails_leaves_the_photographs(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "DOWNLOAD", "raise SystemExit(1)")
    said: list[str] = []
    pictures = demo.Demo("auto", None, said.append).pictures()
    async with asyncio.timeout(10):
        while len(said) < 3:
            assert (await anext(pictures)).source == "folder"
            await asyncio.sleep(0.01)
    await pictures.aclose()
    assert "download of CIFAR-10 failed" in said[1]


async def test_a_download_ends_with_the_stream(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "DOWNLOAD", "import time; time.sleep(60)")
    async with demo.downloading() as process:
        assert process.returncode is None
    assert process.returncode == -9
