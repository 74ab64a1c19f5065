"""Invariance: its scale, and views that follow from seed and sample id alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from transferscope.datasets.base import Samples
from transferscope.errors import InputError
from transferscope.features.images import resize_and_crop, to_uint8
from transferscope.protocols import invariance as module
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


def test_every_change_has_a_chance_of_its_own(monkeypatch):
    monkeypatch.setattr(module, "TRANSFORMS", {"one": TRANSFORMS["crop"], "other": TRANSFORMS["crop"]})
    seen = views(samples(), [0])
    assert not torch.equal(seen[1], seen[2])


def gradient() -> Image.Image:
    """Red grows to the right and green downwards, so that a pixel tells where it comes from."""
    across, down = np.meshgrid(np.arange(0, 256, 4, dtype=np.uint8), np.arange(0, 256, 4, dtype=np.uint8))
    return Image.fromarray(np.stack([across, down, 0 * down], axis=2))


def area(view: np.ndarray) -> float:
    return (np.ptp(view[:, :, 0]) + 4) * (np.ptp(view[:, :, 1]) + 4) / 256**2


def degrees(view: np.ndarray) -> float:
    return np.degrees(np.arctan2(view[34, 32, 0] - view[30, 32, 0], view[32, 34, 0] - view[32, 30, 0]))


def point() -> Image.Image:
    pixels = np.zeros((64, 64, 3), dtype=np.uint8)
    pixels[32, 32] = 255
    return Image.fromarray(pixels)


def width(view: np.ndarray) -> float:
    """The standard deviation of the Gaussian that a point became, by its peak."""
    return np.sqrt(255 / view[32, 32, 0] / (2 * np.pi))


@pytest.mark.parametrize(
    ("change", "picture", "measure", "low", "high"),
    [
        ("crop", gradient(), area, 0.2, 1.0),
        ("colour", Image.new("RGB", (64, 64), (100,) * 3), lambda view: view[0, 0, 0] / 100, 0.6, 1.4),
        (
            "colour",
            Image.new("RGB", (64, 64), (200, 0, 0)),
            lambda view: view[0, 0, 2] / view[0, 0].max(),
            0,
            0.6,
        ),
        ("blur", point(), width, 0.4, 2.0),  # less than 0.4 leaves the point alone
        ("rotation", gradient(), degrees, -30, 30),
    ],
    ids=["crop", "brightness", "hue", "blur", "rotation"],
)
def test_a_change_is_as_strong_as_in_moco_v2(change, picture, measure, low, high):
    torch.manual_seed(0)
    made = TRANSFORMS[change](64)
    found = [measure(np.asarray(made(picture), dtype=float)) for _ in range(300)]
    reach = high - low
    assert low - 0.06 * reach < min(found) < low + 0.06 * reach
    assert high - 0.06 * reach < max(found) < high + 0.06 * reach
