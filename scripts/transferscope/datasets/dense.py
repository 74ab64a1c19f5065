"""A dataset with per-pixel labels, as returned by its loader; images and labels are read lazily."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from transferscope.errors import InputError

IGNORED = 255
"""The class of a pixel without a label."""


@dataclass(frozen=True, eq=False)
class DenseSamples:
    """N images with per-pixel labels.

    Attributes:
        ids: [N], unique and stable.
        splits: str [N], each 'train', 'val' or 'test'.
        read: index to RGB picture.
        target: index to the labels of that picture's size: unit normals float32 [H, W, 3] in the camera's
            axes, NaN where there is none; or classes uint8 [H, W], IGNORED where unlabelled.
        class_names: [C], empty for normals.
        codebook: reads the published directions of normals, unit vectors float32 [codes, 3], where the
            dataset comes with some.

    ``read`` and ``target`` must be picklable for DataLoader workers.

    Raises:
        InputError: no samples, duplicate ids, or different numbers of ids and splits.
    """

    ids: list[str]
    splits: np.ndarray
    read: Callable[[int], Image.Image]
    target: Callable[[int], np.ndarray]
    class_names: list[str]
    codebook: Callable[[], np.ndarray] | None = None

    def __post_init__(self) -> None:
        if not self.ids:
            raise InputError("the dataset has no samples; check that its folder holds the pictures")
        if len(self.ids) != len(self.splits) or len(set(self.ids)) != len(self.ids):
            raise InputError("the loader returned duplicate ids, or different numbers of ids and splits")
