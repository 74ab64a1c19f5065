"""Invariance: how much of a picture's feature outlives a change of the picture that leaves its content be.

The changes are the augmentations that contrastive methods train with, in the strength of MoCo-v2 (Chen et al.
2020, arXiv:2003.04297), and rotation, which none of them does.
"""

import hashlib
import math
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset
from torchvision.transforms import v2

from transferscope.datasets.base import Samples
from transferscope.errors import InputError
from transferscope.features.images import resize_and_crop, to_uint8

Change = Callable[[Image.Image], Image.Image]
CROPPED_AREA = (0.2, 1.0)
JITTER = {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1}
BLUR = (0.1, 2.0)  # standard deviation in pixels
DEGREES = 30


def crop(resolution: int) -> Change:
    """A random part of 20 to 100 % of the area, made the whole picture."""
    return v2.RandomResizedCrop(resolution, CROPPED_AREA, interpolation=v2.InterpolationMode.BICUBIC)


def colour(resolution: int) -> Change:
    """Random brightness, contrast, saturation and hue of the clean picture."""
    return _of_clean(resolution, v2.ColorJitter(**JITTER))


def blur(resolution: int) -> Change:
    """The clean picture under a Gaussian of random width."""
    return _of_clean(resolution, v2.GaussianBlur(2 * math.ceil(3 * BLUR[1]) + 1, BLUR))


def rotation(resolution: int) -> Change:
    """The clean picture by up to 30 degrees either way, its corners filled with its mirror image."""
    corner = math.ceil(resolution * (math.sqrt(2) - 1) / 2)
    return _of_clean(
        resolution,
        v2.Pad(corner, padding_mode="reflect"),
        v2.RandomRotation(DEGREES, v2.InterpolationMode.BILINEAR),
        v2.CenterCrop(resolution),
    )


def _of_clean(resolution: int, *changes: Change) -> Change:
    return v2.Compose([lambda image: resize_and_crop(image, resolution), *changes])


CHANGES: dict[str, Callable[[int], Change]] = {
    "crop": crop,
    "colour": colour,
    "blur": blur,
    "rotation": rotation,
}


class Views(Dataset):
    """Of every chosen sample its clean picture, then a view under each of ``CHANGES``: uint8 [3, R, R].

    What is drawn for a view follows from the seed and the sample's id alone.
    """

    def __init__(self, samples: Samples, indices: list[int], *, resolution: int, seed: int):
        self.samples = samples
        self.indices = indices
        self.resolution = resolution
        self.seed = seed

    def __len__(self) -> int:
        return len(self.indices) * (1 + len(CHANGES))

    def __getitem__(self, position: int) -> torch.Tensor | InputError:
        place, view = divmod(position, 1 + len(CHANGES))
        index = self.indices[place]
        try:
            image = self.samples.read(index)
        except InputError as error:
            return error  # as a value: a worker's exception would reach the user as a traceback
        if view == 0:
            return to_uint8(resize_and_crop(image, self.resolution))
        name = list(CHANGES)[view - 1]
        digest = hashlib.sha256(f"{self.seed}:{name}:{self.samples.ids[index]}".encode()).digest()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int.from_bytes(digest[:8], "little"))
            return to_uint8(CHANGES[name](self.resolution)(image))


def invariance(features: np.ndarray) -> tuple[np.ndarray, float]:
    """How much nearer a picture's views are to it than other pictures are.

    (c - s) / (1 - s), where c is the cosine between the features of a picture and of its view, and s the mean
    cosine between two different pictures, the spread of the dataset: 1 where a change does nothing, 0 where
    it makes another picture of it.

    Args:
        features: [N, 1 + K, D], of the clean picture and of its K views; N > 1.

    Returns:
        Invariance [N, K], and s.

    Raises:
        InputError: all pictures have the same feature.
    """
    features = features.astype(np.float64)
    unit = features / np.linalg.norm(features, axis=2, keepdims=True)
    clean, views = unit[:, 0], unit[:, 1:]
    count = len(clean)
    spread = (np.square(clean.sum(axis=0)).sum() - count) / (count * (count - 1))
    if not spread < 1 - 1e-9:
        raise InputError(
            "the features of all pictures have the same direction, so no change of a picture can be held "
            "against their spread; check the checkpoint of this model"
        )
    cosines = np.einsum("nd,nkd->nk", clean, views)
    return (cosines - spread) / (1 - spread), float(spread)
