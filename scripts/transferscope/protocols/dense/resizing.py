"""Pictures and labels at the sizes at which Ericsson et al. (2021) train and test networks of dense tasks.

As in the authors' code, whose normals follow Goyal et al. (ICCV 2019) and whose segmentation follows Zhou et
al. (CVPR 2017). Departures are listed in docs/protocols.md.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from transferscope.datasets.dense import IGNORED, DenseSamples
from transferscope.errors import InputError
from transferscope.features.images import to_uint8
from transferscope.models.backbones import Metadata


@dataclass(frozen=True)
class Sizes:
    """Sizes in pixels.

    Attributes:
        train_scales: shorter sides, of which each training batch has one.
        test_scales: shorter sides at which a test picture is shown.
        longest_side: what a longer side may be, at the cost of the shorter one.
        multiple: a training batch is padded to multiples of it, a test picture stretched to them.
        label_stride: of training labels, every so many-th pixel has one.
    """

    train_scales: list[int]
    test_scales: list[int]
    longest_side: int
    multiple: int
    label_stride: int

    def fitted(self, size: tuple[int, int], shorter: int) -> tuple[int, int]:
        """Height and width of a picture of ``size`` (height, width) at a shorter side, truncated.

        Whatever the picture's shape, neither is more than the longest side nor less than a pixel.
        """
        scale = min(shorter / min(size), self.longest_side / max(size))
        return max(1, int(size[0] * scale)), max(1, int(size[1] * scale))


def round_up(pixels: int, multiple: int) -> int:
    """The least multiple that is not below ``pixels``."""
    return -(-pixels // multiple) * multiple


Resize = Callable[[Image.Image, tuple[int, int]], Image.Image]


@dataclass(frozen=True, eq=False)
class ResizedPictures:
    """What a network of a dense task is shown.

    Attributes:
        read: sample index to RGB picture.
        target: sample index to labels, uint8 [H, W] or float32 [H, W, 3].
        upright: bool [N], which samples are higher than wide.
        batch_size: pictures in a training batch.
        sizes: see ``Sizes``.
        flip: mirror every other training picture.
        padding: the colour of pixels beside a picture, 0..255.
        resize: of a test picture, ``pillow`` or ``opencv``.
    """

    read: Callable[[int], Image.Image]
    target: Callable[[int], np.ndarray]
    upright: np.ndarray
    batch_size: int
    sizes: Sizes
    flip: bool
    padding: tuple[int, ...]
    resize: Resize

    def arrange(self, order: np.ndarray) -> list[tuple[int, ...]]:
        """Samples in a drawn order to batches of them, in each of which all pictures are upright or none is.

        What is left of an orientation when the order ends is left out until it is drawn anew.
        """
        batches, waiting = [], {True: [], False: []}
        for index in order.tolist():
            group = waiting[bool(self.upright[index])]
            group.append(index)
            if len(group) == self.batch_size:
                batches.append(tuple(group))
                group.clear()
        return batches

    def draw(self, indices: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """A training batch: pictures uint8 [B, 3, H, W] of one drawn scale, and every so many-th label.

        The labels are uint8 [B, H / stride, W / stride] or float32 [B, 3, H / stride, W / stride].
        """
        shorter = random.choice(self.sizes.train_scales)  # ``Stream`` has seeded it
        pictures, targets = [], []
        for index in indices:
            picture, target = self.read(index), self.target(index)
            if self.flip and random.random() < 0.5:
                picture, target = ImageOps.mirror(picture), target[:, ::-1]
            height, width = self.sizes.fitted(target.shape[:2], shorter)
            pictures.append(np.asarray(pillow(picture, (width, height))))
            targets.append(reduced(target, (height, width), self.sizes.label_stride))
        height, width = (
            round_up(max(picture.shape[axis] for picture in pictures), self.sizes.multiple) for axis in (0, 1)
        )
        stride = self.sizes.label_stride
        shape = len(indices), height // stride, width // stride, *targets[0].shape[2:]
        labels = np.full(shape, IGNORED if targets[0].dtype == np.uint8 else np.nan, targets[0].dtype)
        padded = np.tile(np.array(self.padding, np.uint8), (len(indices), height, width, 1))
        for place, (picture, target) in enumerate(zip(pictures, targets, strict=True)):
            padded[place, : picture.shape[0], : picture.shape[1]] = picture
            labels[place, : target.shape[0], : target.shape[1]] = target
        if labels.ndim == 4:
            labels = labels.transpose(0, 3, 1, 2)
        return torch.from_numpy(padded).permute(0, 3, 1, 2), torch.from_numpy(np.ascontiguousarray(labels))

    def views(self, picture: Image.Image) -> Iterator[Tensor]:
        """The pictures, uint8 [3, h, w], at which a network's outputs for a test picture are averaged."""
        for shorter in self.sizes.test_scales:
            fitted = self.sizes.fitted((picture.height, picture.width), shorter)
            height, width = (round_up(side, self.sizes.multiple) for side in fitted)
            yield to_uint8(self.resize(picture, (width, height)))


def resized(
    samples: DenseSamples,
    target: Callable[[int], np.ndarray],
    metadata: Metadata,
    sizes: Sizes,
    *,
    batch_size: int,
    flip: bool,
    resize: Resize,
) -> ResizedPictures:
    """The pictures of ``samples`` with the labels ``target``, padded with the mean colour of a backbone.

    Raises:
        InputError: there is no batch of training pictures of one orientation.
    """
    train = np.flatnonzero(samples.splits == "train")
    upright = np.zeros(len(samples.ids), dtype=bool)
    for index in train:
        height, width = samples.target(index).shape[:2]
        upright[index] = height > width
    padding = tuple(round(255 * value) for value in metadata.mean)  # zero once normalised, but for rounding
    pictures = ResizedPictures(samples.read, target, upright, batch_size, sizes, flip, padding, resize)
    if not pictures.arrange(train):
        raise InputError(
            f"the split 'train' has no {batch_size} pictures that are all upright, or all not; "
            "lower the batch_size of this protocol"
        )
    return pictures


def reduced(target: np.ndarray, size: tuple[int, int], stride: int) -> np.ndarray:
    """Labels [H, W, ...] resized to ``size`` (height, width), of which every ``stride``-th pixel is kept.

    Both are the nearest pixel, as Pillow has it; a kept pixel beyond the resized labels is left out.
    """
    kept = []
    for pixels, resized in zip(target.shape, size, strict=False):
        places = Image.fromarray(np.arange(pixels, dtype=np.int32)[None])
        nearest = np.asarray(places.resize((resized, 1), Image.Resampling.NEAREST))[0]
        kept.append(nearest[stride // 2 :: stride])
    return target[np.ix_(*kept)]


def pillow(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resize to ``size`` (width, height), bilinear, smoothed where it shrinks."""
    return picture.resize(size, Image.Resampling.BILINEAR)


def opencv(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resize to ``size`` (width, height), bilinear between the four nearest pixels."""
    return Image.fromarray(cv2.resize(np.asarray(picture), size))
