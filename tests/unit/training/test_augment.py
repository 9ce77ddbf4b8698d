"""Random changes to training pictures."""

import numpy as np
import pytest

from training.augment import KINDS, Step, augment, crop, erase, flip, jitter

PICTURES = np.random.default_rng(1).integers(0, 256, (64, 16, 16, 3), dtype=np.uint8)


@pytest.mark.parametrize("step", [flip, crop, jitter, erase])
def test_a_step_keeps_shape_and_type_changes_something_and_not_its_argument(step: Step) -> None:
    before = PICTURES.copy()
    first, again, other = (step(PICTURES, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert (first.shape, first.dtype) == (PICTURES.shape, np.uint8)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, PICTURES)
    assert np.array_equal(before, PICTURES)


def test_flip_mirrors_some_and_leaves_the_others() -> None:
    flipped = flip(PICTURES, np.random.default_rng(0))
    mirrored = [np.array_equal(new, old[:, ::-1]) for new, old in zip(flipped, PICTURES, strict=True)]
    same = [np.array_equal(new, old) for new, old in zip(flipped, PICTURES, strict=True)]
    assert all(a != b for a, b in zip(mirrored, same, strict=True))
    assert 16 < sum(mirrored) < 48


def test_crop_moves_by_an_eighth_at_most() -> None:
    gradient = np.broadcast_to(np.arange(16, dtype=np.uint8)[:, None, None], (32, 16, 16, 3))
    moved = crop(gradient, np.random.default_rng(0))
    shifts = moved[:, 8, 8, 0].astype(int) - 8
    assert set(shifts) == {-2, -1, 0, 1, 2}


def test_jitter_keeps_a_grey_picture_grey() -> None:
    grey = np.full((32, 8, 8, 3), 128, np.uint8)
    changed = jitter(grey, np.random.default_rng(0))
    assert (changed == changed[:, :1, :1, :1]).all()
    assert changed.min() >= 128 * 0.8 - 1
    assert changed.max() <= 128 * 1.2 + 1


def test_erase_leaves_most_pictures_and_most_of_each() -> None:
    changed = (erase(PICTURES, np.random.default_rng(0)) != PICTURES).any(axis=3).mean(axis=(1, 2))
    assert 4 < np.count_nonzero(changed) < 32
    assert changed.max() <= 0.4**2 + 0.02


def test_the_kinds_are_none_light_and_full() -> None:
    assert list(KINDS) == ["none", "light", "full"]
    assert np.array_equal(augment(PICTURES, np.random.default_rng(0), "none"), PICTURES)
