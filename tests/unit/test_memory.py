"""Pictures and labels in memory, and batches of them that follow from their step."""

import numpy as np
import pytest
import torch
from PIL import Image

from transferscope.errors import InputError
from transferscope.features import memory
from transferscope.features.images import resize_and_crop
from transferscope.training.augment import Augmentation
from transferscope.training.memory import Batches

STILL = Augmentation(**dict.fromkeys(("jitter", "greyscale", "flip", "crop", "cutout"), False))
COUNT = 10


def batches(augment: Augmentation = STILL, *targets, count: int = COUNT, size: int = 4, **changes) -> Batches:
    """Of pictures whose first pixel tells which they are."""
    pictures = torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1).repeat(1, 3, 8, 8)
    settings = {"batch_size": size, "steps": 20, "seed": 0, "device": "cpu", "prepare": torch.Tensor.float}
    return Batches(pictures, *(targets or [torch.arange(count)]), augment=augment, **settings | changes)


def test_every_epoch_has_every_sample_once_in_a_new_order():
    shown = torch.cat([indices for *_, indices in batches()(0)])[: 3 * COUNT].view(3, COUNT)
    assert (shown.sort(1).values == torch.arange(COUNT)).all()
    assert len({tuple(epoch.tolist()) for epoch in shown}) == 3


def test_fewer_samples_than_a_batch_fill_it():
    images, *_, indices = batches(count=3, size=8).batch(0)
    assert sorted(torch.bincount(indices).tolist()) == [2, 3, 3]
    assert len(images) == 8


def test_targets_and_indices_belong_to_the_pictures():
    for images, target, _, indices in batches()(0):
        assert torch.equal(images[:, 0, 0, 0].long(), target)
        assert torch.equal(target, indices)


def test_a_batch_follows_from_its_step_alone():
    whole = list(batches(Augmentation())(0))
    for expected, found in zip(whole[7:], batches(Augmentation())(7), strict=True):
        assert all(map(torch.equal, expected, found))
    other = batches(Augmentation(), seed=1).batch(0)
    assert not torch.equal(other[0], whole[0][0])
    assert not torch.equal(other[-1], whole[0][-1])


def test_labels_of_pixels_move_with_their_pictures():
    target = torch.arange(64, dtype=torch.uint8).view(1, 8, 8).repeat(COUNT, 1, 1)
    moving = Augmentation(jitter=False, greyscale=False, cutout=False)
    source = batches(moving, target, torch.arange(COUNT), pixels=True)
    source.pictures = target[:, None].repeat(1, 3, 1, 1)
    seen = list(source(0))
    for images, moved, labels, _, indices in seen:
        assert torch.equal(images[:, 0], moved.float())
        assert torch.equal(labels, indices)
    assert torch.cat([flipped for *_, flipped, _ in seen]).float().mean() == pytest.approx(0.5, abs=0.2)


def test_views_repeat_targets_and_not_indices():
    images, target, flipped, indices = batches(Augmentation(), views=2).batch(0)
    assert (len(images), len(target), len(flipped), len(indices)) == (8, 8, 8, 4)
    assert torch.equal(target, indices.repeat(2))


def picture(index: int) -> Image.Image:
    pixels = np.random.default_rng(index).integers(0, 256, (20, 12 + 2 * index, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("threads", [1, 2])
def test_pictures_are_resized_and_cropped_as_elsewhere(threads):
    found = memory.load_pictures(picture, np.array([3, 0]), 8, threads=threads)
    assert (found.dtype, found.shape) == (torch.uint8, (2, 3, 8, 8))
    for one, index in zip(found, (3, 0), strict=True):
        assert np.array_equal(one.permute(1, 2, 0), np.asarray(resize_and_crop(picture(index), 8)))


def test_all_pictures_that_cannot_be_read_are_named():
    def read(index: int) -> Image.Image:
        if index % 2:
            raise InputError(f"picture {index} is broken")
        return picture(index)

    with pytest.raises(InputError, match=r"picture 1"):
        memory.load_pictures(read, np.arange(4), 8)


class Blocks:
    """A reader of many at once, of ``size`` pixels."""

    def __init__(self, size: int):
        self.size, self.asked = size, []

    def __call__(self, index: int) -> Image.Image:
        return Image.fromarray(self.block(np.array([index]))[0])

    def block(self, indices: np.ndarray) -> np.ndarray:
        self.asked.append(len(indices))
        grown = np.arange(self.size, dtype=np.uint8)
        return (
            indices[:, None, None, None].astype(np.uint8)
            + np.stack([grown] * 3, 1)
            + np.zeros((self.size, 1, 1), np.uint8)
        )


def test_blocks_give_what_single_pictures_give(monkeypatch):
    monkeypatch.setattr(memory, "BLOCK", 3)
    read, indices = Blocks(8), np.array([5, 1, 7, 2])
    found = memory.load_pictures(read, indices, 8)
    assert read.asked == [1, 3, 1]
    single = memory.load_pictures(read.__call__, indices, 8)
    assert torch.equal(found, single) and found.is_contiguous()
    # Of another size they are resized one by one.
    assert memory.load_pictures(read, indices, 4).shape == (4, 3, 4, 4)


class Labels:
    """Labels of pixels, one by one or in blocks."""

    def __call__(self, index: int) -> np.ndarray:
        return index + np.arange(8, dtype=np.uint8)[:, None] + np.zeros((8, 8), np.uint8)

    def block(self, indices: np.ndarray) -> np.ndarray:
        return np.stack([self(index) for index in indices.astype(np.uint8)])


def test_labels_of_pixels_are_those_of_the_cropped_picture():
    indices = np.array([4, 2])
    whole = memory.load_labels(Labels(), indices, 8)
    assert (whole.dtype, whole.shape) == (torch.uint8, (2, 8, 8))
    assert torch.equal(whole, memory.load_labels(Labels().__call__, indices, 8))
    # The nearest of an image, at half the size and cropped as its picture.
    half = memory.load_labels(lambda index: np.repeat(Labels()(index), 3, 1)[:, 4:20], indices, 4)
    assert half[:, :, 0].tolist() == [[5, 7, 9, 11], [3, 5, 7, 9]]


@pytest.mark.parametrize("size", [(30, 20), (20, 30), (25, 25), (21, 40)])
def test_labels_lie_where_the_picture_does(size):
    """A picture of large blocks, and labels of the same: away from edges both tell the same."""
    blocks = np.random.default_rng(0).integers(0, 4, (size[1] // 5 + 1, size[0] // 5 + 1))
    labels = np.kron(blocks, np.ones((20, 20), int))[: 4 * size[1], : 4 * size[0]].astype(np.uint8)
    image = Image.fromarray(np.repeat(80 * labels[..., None], 3, -1))
    target = memory.load_labels(lambda _: labels, np.array([0]), 16)[0].numpy()
    shown = np.asarray(resize_and_crop(image, 16))[..., 0] / 80
    assert np.mean(np.abs(shown - target) < 0.3) > 0.5
    assert np.corrcoef(shown.ravel(), target.ravel())[0, 1] > 0.85


def test_a_pass_in_a_given_order_is_of_whole_batches_and_asked_for_when_it_begins():
    asked = []

    def order(number: int) -> np.ndarray:
        asked.append(number)
        return np.arange(7, -1, -1) if number == 1 else np.array([9] * 4 + [5] * 4)

    drawn = batches(order=order, steps=6)  # of ten pictures, in passes of two batches of four
    seen = []
    for *_, indices in drawn(0):
        seen.append((asked[-1], indices.tolist()))
    assert seen[:4] == [(0, [9] * 4), (0, [5] * 4), (1, [7, 6, 5, 4]), (1, [3, 2, 1, 0])]
    assert asked == [0, 1, 2]
    asked.clear()
    *_, indices = next(batches(order=order, steps=6)(3))
    assert (indices.tolist(), asked) == ([3, 2, 1, 0], [1])
    few = batches(order=lambda number: np.zeros(16, dtype=int), count=3, size=16)
    assert len(few.batch(0)[0]) == len(few.batch(1)[0]) == 16
