"""Invariance: its scale, and views that follow from seed and sample id alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from transferscope.datasets.base import Samples
from transferscope.errors import InputError
from transferscope.features.images import resize_and_crop, to_uint8
from transferscope.protocols.invariance import TRANSFORMS, Views, invariance


def picture(index: int) -> Image.Image:
    coarse = np.random.default_rng(index).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((80, 60), Image.Resampling.BICUBIC)


def samples(count: int = 4, read=picture) -> Samples:
    ids = [f"picture-{index}" for index in range(count)]
    return Samples(ids, np.zeros(count, dtype=np.int64), np.full(count, "test"), read, ["only"])


def views(samples: Samples, indices: list[int], seed: int = 0) -> Views:
    return Views(samples, indices, resolution=48, seed=seed)


def test_nothing_lost_is_1_and_another_picture_is_0():
    clean = np.random.default_rng(0).normal(2.0, 1.0, (400, 20))
    found, spread = invariance(np.stack([clean, 3 * clean, np.roll(clean, 1, axis=0)], axis=1))
    assert found.shape == (400, 2)
    np.testing.assert_allclose(found[:, 0], 1)
    assert abs(found[:, 1].mean()) < 0.05
    unit = clean / np.linalg.norm(clean, axis=1, keepdims=True)
    cosines = unit @ unit.T
    assert spread == pytest.approx((cosines.sum() - 400) / (400 * 399))


def test_features_that_do_not_differ_are_refused():
    with pytest.raises(InputError, match="the same direction"):
        invariance(np.ones((5, 3, 4)))


def test_the_clean_picture_comes_first_and_then_one_view_a_change():
    seen = views(samples(), [2, 0])
    assert len(seen) == 2 * 5
    for position, index in ((0, 2), (5, 0)):
        assert torch.equal(seen[position], to_uint8(resize_and_crop(picture(index), 48)))
    for position in range(10):
        assert seen[position].shape == (3, 48, 48)
        assert seen[position].dtype == torch.uint8
    for change in range(1, 5):
        # Of both, since a narrow blur may change nothing.
        assert any(not torch.equal(seen[first + change], seen[first]) for first in (0, 5))


def test_a_view_follows_from_seed_and_id_alone():
    whole = views(samples(), [0, 1, 2, 3])
    reordered = views(samples(), [3, 1])
    torch.manual_seed(5)
    for change in range(5):
        assert torch.equal(reordered[change], whole[15 + change])
        assert torch.equal(reordered[5 + change], whole[5 + change])
    other = views(samples(), [0], seed=1)
    renamed = views(replace(samples(), ids=list("abcd")), [0])
    for change in range(1, 5):
        assert not torch.equal(other[change], whole[change])
        assert not torch.equal(renamed[change], whole[change])


def test_a_rotation_brings_no_corner_of_another_colour():
    plain = Image.new("RGB", (80, 60), (200, 120, 40))
    torch.manual_seed(0)
    for _ in range(5):
        rotated = np.asarray(TRANSFORMS["rotation"](48)(plain), dtype=int)
        assert np.abs(rotated - (200, 120, 40)).max() <= 1


def test_a_broken_picture_is_returned_as_its_sentence():
    def broken(index: int) -> Image.Image:
        raise InputError("picture 0 cannot be read")

    assert str(views(samples(read=broken), [0])[3]) == "picture 0 cannot be read"
