"""Augmentation in batches: marginals, holes, targets that move with their images."""

import math

import pytest
import torch

from transferscope.training.augment import Augmentation

COUNT, SIDE = 20_000, 16
NONE = dict.fromkeys(("jitter", "greyscale", "flip", "crop", "cutout", "resized_crop", "blur"), False)


def only(name: str) -> Augmentation:
    return Augmentation(**NONE | {name: True})


def noise(count: int = COUNT, side: int = SIDE) -> torch.Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(1))


def draw(augment: Augmentation, images: torch.Tensor, target=None, *, seed: int = 0, views: int = 1):
    return augment(images, torch.Generator().manual_seed(seed), target, views=views)


def changed(images: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    return (images != others).flatten(1).any(1)


@pytest.mark.parametrize(("name", "share"), [("jitter", 0.8), ("greyscale", 0.25), ("flip", 0.5)])
def test_as_many_images_are_changed_as_the_authors_change(name, share):
    images = noise()
    found, _, flipped = draw(only(name), images)
    assert changed(found, images).float().mean() == pytest.approx(share, abs=0.012)
    assert flipped.any() == (name == "flip")


def test_jitter_is_of_each_channel():
    images = torch.stack([torch.zeros(COUNT, 2), torch.ones(COUNT, 2)], 2)[..., None]
    images = images.expand(-1, -1, -1, 2)[:, [0, 1, 0]].contiguous()
    found, _, _ = draw(only("jitter"), images)
    found = found[changed(found, images)]
    shift, scale = found[:, :, 0, 0], found[:, :, 1, 0] - found[:, :, 0, 0]
    assert shift.std() == pytest.approx(0.25, abs=0.005)
    assert scale.log2().std() == pytest.approx(0.25, abs=0.005)
    assert torch.corrcoef(torch.cat([shift, scale], 1).T).fill_diagonal_(0).abs().max() < 0.05


def test_grey_is_the_mean_of_the_channels():
    images = noise(200)
    found, _, _ = draw(only("greyscale"), images)
    grey = changed(found, images)
    assert torch.equal(found[grey], images[grey].mean(1, keepdim=True).expand(-1, 3, -1, -1))


def test_a_crop_is_a_shift_within_the_margin_filled_with_zeros():
    images = noise()
    margin = SIDE // 8
    padded = torch.nn.functional.pad(images, [margin] * 4)
    found, _, _ = draw(only("crop"), images)
    counts = {}
    for row in range(2 * margin + 1):
        for column in range(2 * margin + 1):
            there = padded[..., row : row + SIDE, column : column + SIDE]
            counts[row, column] = (found == there).flatten(1).all(1).sum().item()
    assert sum(counts.values()) == COUNT
    places = (2 * margin + 1) ** 2
    every = places + places // 4
    still = counts.pop((margin, margin))
    assert still / COUNT == pytest.approx((1 + places // 4) / every, abs=0.012)
    assert min(counts.values()) / COUNT == pytest.approx(1 / every, abs=0.006)


def test_a_square_of_a_quarter_of_the_side_is_cut_out():
    images = noise()
    found, _, _ = draw(only("cutout"), images)
    holes = (found == 0).all(1)
    assert (holes.sum((1, 2)) == (SIDE // 4) ** 2).all()
    assert (holes.any(1).sum(1) == SIDE // 4).all()
    assert (holes.any(2).sum(1) == SIDE // 4).all()
    assert holes.any(0).all()
    assert torch.equal(found[~holes[:, None].expand_as(found)], images[~holes[:, None].expand_as(found)])


def test_labels_of_pixels_move_with_their_image():
    target = torch.arange(1, SIDE * SIDE + 1).view(SIDE, SIDE).expand(300, -1, -1)
    images = target[:, None].expand(-1, 3, -1, -1).float()
    augment = Augmentation(**NONE | {"flip": True, "crop": True})
    found, moved, _ = draw(augment, images, target)
    assert torch.equal(found[:, 0], moved.float())
    assert (moved == 0).any()


def test_views_share_the_flip_alone():
    images = noise(500)
    found, _, flipped = draw(Augmentation(), images, views=2)
    assert len(found) == len(flipped) == 1000
    assert torch.equal(flipped[:500], flipped[500:])
    assert changed(found[:500], found[500:]).all()
    found, _, _ = draw(only("flip"), images, views=2)
    assert torch.equal(found[:500], found[500:])


def test_draws_follow_from_the_seed():
    images = noise(50)
    assert torch.equal(draw(Augmentation(), images)[0], draw(Augmentation(), images)[0])
    assert not torch.equal(draw(Augmentation(), images)[0], draw(Augmentation(), images, seed=1)[0])


def test_nothing_is_changed_that_is_switched_off():
    images = noise(50)
    assert torch.equal(draw(Augmentation(**NONE), images)[0], images)


def test_a_resized_crop_is_a_rectangle_enlarged():
    side = 32
    place = torch.arange(side).float()
    images = torch.stack([place[:, None].expand(-1, side), place.expand(side, -1)]).expand(3000, -1, -1, -1)
    target = images[:, 0].round().long() * side + images[:, 1].round().long()
    found, moved, _ = draw(only("resized_crop"), images, target)
    inner = found[:, :, 4:-4, 4:-4]  # beside the edges, where a pixel's place cannot be told
    height = (inner[:, 0, -1, 0] - inner[:, 0, 0, 0]) / 23
    width = (inner[:, 1, 0, -1] - inner[:, 1, 0, 0]) / 23
    area, aspect = height * width, (width / height).log()
    assert area.min() > 0.199 and area.max() < 1.001
    assert aspect.abs().max() < math.log(4 / 3) + 1e-3
    assert (area[area < 0.7] < 0.45).float().mean() == pytest.approx(0.5, abs=0.03)
    assert aspect[area < 0.7].std() == pytest.approx(2 * math.log(4 / 3) / 12**0.5, abs=0.01)
    assert (moved // side - found[:, 0]).abs().max() < 0.51
    assert (moved % side - found[:, 1]).abs().max() < 0.51
    middle = inner.mean((2, 3))
    assert middle.std(0).min() > 2.5
    assert middle.mean(0) == pytest.approx([15.5, 15.5], abs=0.3)


def test_half_of_the_images_are_blurred_by_a_gaussian():
    images = torch.zeros(COUNT, 1, SIDE, SIDE)
    images[:, :, 8, 8] = 1
    found, _, _ = draw(only("blur"), images)
    assert (found[:, 0, 8, 9] > 0).float().mean() == pytest.approx(0.5, abs=0.012)
    assert torch.allclose(found.sum((1, 2, 3)), torch.ones(COUNT))
    blurred = found[found[:, 0, 8, 8] < 0.999]
    sigma = (-1 / (2 * (blurred[:, 0, 8, 9] / blurred[:, 0, 8, 8]).log())).sqrt()
    assert sigma.max() == pytest.approx(2, abs=0.01)
    assert sigma[sigma > 0.5].mean() == pytest.approx(1.25, abs=0.02)
    assert torch.allclose(blurred, blurred.transpose(2, 3))
    assert torch.allclose(blurred[:, :, 9, 9], blurred[:, :, 8, 9] ** 2 / blurred[:, :, 8, 8])
    assert torch.allclose(draw(only("blur"), torch.ones(9, 3, SIDE, SIDE))[0], torch.ones(9, 3, SIDE, SIDE))
