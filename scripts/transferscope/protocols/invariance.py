"""Invariance of features to image transforms that preserve the content.

The transforms are the augmentations of contrastive methods with the parameters of MoCo-v2 (Chen et al. 2020,
arXiv:2003.04297), and rotation, which these methods do not use.
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

Transform = Callable[[Image.Image], Image.Image]
CROPPED_AREA = (0.2, 1.0)
JITTER = {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1}
BLUR = (0.1, 2.0)  # standard deviation in pixels
MAX_DEGREES = 30


def crop(resolution: int) -> Transform:
    """Random resized crop of 20 to 100 % of the area."""
    return v2.RandomResizedCrop(resolution, CROPPED_AREA, interpolation=v2.InterpolationMode.BICUBIC)


def colour(resolution: int) -> Transform:
    """Random brightness, contrast, saturation and hue."""
    return _after_resize(resolution, v2.ColorJitter(**JITTER))


def blur(resolution: int) -> Transform:
    """Gaussian blur of random width."""
    return _after_resize(resolution, v2.GaussianBlur(2 * math.ceil(3 * BLUR[1]) + 1, BLUR))


def rotation(resolution: int) -> Transform:
    """Random rotation by up to +-30 degrees; corners are filled by reflection."""
    corner = math.ceil(resolution * (math.sqrt(2) - 1) / 2)
    return _after_resize(
        resolution,
        v2.Pad(corner, padding_mode="reflect"),
        v2.RandomRotation(MAX_DEGREES, v2.InterpolationMode.BILINEAR),
        v2.CenterCrop(resolution),
    )


def _after_resize(resolution: int, *transforms: Transform) -> Transform:
    return v2.Compose([lambda image: resize_and_crop(image, resolution), *transforms])


TRANSFORMS: dict[str, Callable[[int], Transform]] = {
    "crop": crop,
    "colour": colour,
    "blur": blur,
    "rotation": rotation,
}


class Views(Dataset):
    """For each chosen sample its original image, then one view per transform: uint8 [3, R, R].

    The random draws of a view depend only on the seed and the sample's id.
    """

    def __init__(self, samples: Samples, indices: list[int], *, resolution: int, seed: int):
        self.samples = samples
        self.indices = indices
        self.resolution = resolution
        self.seed = seed

    def __len__(self) -> int:
        return len(self.indices) * (1 + len(TRANSFORMS))

    def __getitem__(self, position: int) -> torch.Tensor | InputError:
        place, view = divmod(position, 1 + len(TRANSFORMS))
        index = self.indices[place]
        try:
            image = self.samples.read(index)
        except InputError as error:
            return error  # not raised: DataLoader would wrap a worker's exception in a traceback
        if view == 0:
            return to_uint8(resize_and_crop(image, self.resolution))
        name = list(TRANSFORMS)[view - 1]
        digest = hashlib.sha256(f"{self.seed}:{name}:{self.samples.ids[index]}".encode()).digest()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int.from_bytes(digest[:8], "little"))
            return to_uint8(TRANSFORMS[name](self.resolution)(image))


def invariance(features: np.ndarray) -> tuple[np.ndarray, float]:
    """Similarity of an image to its views, relative to the similarity of different images.

    (c - s) / (1 - s), where c is the cosine similarity between the features of an image and its view, and s
    the mean cosine similarity between different images: 1 for no change of the features, 0 if image and view
    are as dissimilar as different images.

    Args:
        features: [N, 1 + K, D], of the original image and its K views; N > 1.

    Returns:
        Invariance [N, K], and s.

    Raises:
        InputError: all images have the same feature direction.
    """
    features = features.astype(np.float64)
    unit = features / np.linalg.norm(features, axis=2, keepdims=True)
    original, views = unit[:, 0], unit[:, 1:]
    count = len(original)
    spread = (np.square(original.sum(axis=0)).sum() - count) / (count * (count - 1))
    if not spread < 1 - 1e-9:
        raise InputError(
            "the features of all pictures have the same direction, so invariance is undefined; "
            "check the checkpoint of this model"
        )
    cosines = np.einsum("nd,nkd->nk", original, views)
    return (cosines - spread) / (1 - spread), float(spread)
