"""Where pictures come from, and which part they belong to."""

import hashlib
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from streamapp.errors import TrainingError
from training.data import Item, find, fingerprint, limited, load, split

LABELS = ("cat", "dog")
CONTENT = b"train/cat/1.png\x003\x00onetrain/dog/2.png\x003\x00two"


def png(value: int, size: int = 8) -> bytes:
    file = BytesIO()
    Image.fromarray(np.full((size, size, 3), value, np.uint8)).save(file, "PNG")
    return file.getvalue()


def items(count: int, part: str = "train") -> list[Item]:
    return [Item(f"{part}/cat/{number:04d}.png", part, "cat", lambda n=number: png(n)) for number in range(count)]


def names(parts: dict[str, list[Item]]) -> dict[str, set[str]]:
    return {name: {item.name for item in chosen} for name, chosen in parts.items()}


def test_every_picture_is_in_one_part_and_always_the_same() -> None:
    parts = names(split(items(200)))
    assert {name: len(chosen) for name, chosen in parts.items()} == {"train": 171, "validation": 9, "test": 20}
    assert len(set.union(*parts.values())) == 200
    assert parts == names(split(items(200)[::-1]))


def test_a_split_by_folders_is_kept() -> None:
    parts = names(split([*items(100), *items(30, "test"), *items(7, "val")]))
    assert parts == {
        name: {i.name for i in chosen}
        for name, chosen in {"train": items(100), "test": items(30, "test"), "validation": items(7, "val")}.items()
    }


def test_training_pictures_never_move_to_the_test_set_when_there_is_one() -> None:
    parts = names(split([*items(100), *items(30, "test")]))
    assert parts["test"] == {item.name for item in items(30, "test")}
    assert len(parts["validation"]) == 5
    assert not parts["validation"] & parts["train"]


def test_a_limit_takes_the_same_mixed_pictures_of_each_part() -> None:
    parts = split([*items(100), *items(30, "test")])
    first, second = limited(parts, 10), limited(parts, 10)
    assert names(first) == names(second)
    assert {name: len(chosen) for name, chosen in first.items()} == {"train": 10, "validation": 5, "test": 10}
    assert limited(parts, 0)["train"] != []
    assert len(limited(parts, 0)["train"]) == 95


def test_a_fingerprint_depends_on_names_and_bytes_but_not_on_the_order() -> None:
    pictures = [("train/cat/1.png", b"one"), ("train/dog/2.png", b"two")]
    mark = fingerprint(pictures)
    assert mark == fingerprint(pictures[::-1]) == hashlib.sha256(CONTENT).hexdigest()
    assert mark != fingerprint([("train/cat/1.png", b"one"), ("train/dog/3.png", b"two")])
    assert mark != fingerprint([("train/cat/1.png", b"one"), ("train/dog/2.png", b"twO")])
    assert mark != fingerprint([("train/cat/1.png", b"onet"), ("train/dog/2.png", b"wo")])


def test_folders_and_zips_give_the_same_pictures(tmp_path: Path) -> None:
    folder, archive = tmp_path / "set", tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for number, name in enumerate(("train/cat/a.png", "train/dog/b.png", "test/dog/c.png", "train/cow/d.png")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(png(number))
            target.writestr(name, png(number))
    one, other = find([folder], LABELS), find([archive], LABELS)
    assert [item.name for item in one] == ["test/dog/c.png", "train/cat/a.png", "train/dog/b.png"]
    assert [(i.name, i.split, i.label, i.read()) for i in one] == [(i.name, i.split, i.label, i.read()) for i in other]


def test_a_set_without_splits_is_split(tmp_path: Path) -> None:
    for number in range(10):
        place = tmp_path / LABELS[number % 2] / f"{number}.png"
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(png(number))
    parts = split(find([tmp_path], LABELS))
    assert {name: len(chosen) for name, chosen in parts.items()} == {"train": 8, "validation": 1, "test": 1}


def test_loading_decodes_to_the_wanted_size_with_the_numbers_of_the_classes() -> None:
    parts = {
        "train": [*items(2), Item("train/dog/x.png", "train", "dog", lambda: png(9))],
        "validation": [],
        "test": [],
    }
    data = load(parts, LABELS, 16)
    assert data.train.pixels.shape == (3, 16, 16, 3)
    assert data.train.labels.tolist() == [0, 0, 1]
    assert data.train.pixels[2].mean() == 9
    assert data.test.pixels.shape == (0, 16, 16, 3)


@pytest.mark.parametrize("place", ["nothing", "empty", "text.zip"])
def test_what_is_no_data_set_is_one_line_that_names_the_option(tmp_path: Path, place: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(TrainingError, match=r"^--data .*") as caught:
        find([tmp_path / place], LABELS)
    assert "\n" not in str(caught.value)


def test_a_broken_picture_is_named() -> None:
    parts = {"train": [Item("train/cat/bad.png", "train", "cat", lambda: png(1)[:40])], "validation": [], "test": []}
    with pytest.raises(TrainingError, match=r"train/cat/bad\.png"):
        load(parts, LABELS, 16)


def test_no_training_pictures_names_the_option() -> None:
    with pytest.raises(TrainingError, match="--data"):
        load({"train": [], "validation": [], "test": items(3, "test")}, LABELS, 16)
