"""Rendered scenes with factors (Newell and Deng, CVPR 2020): classes and poses of objects, masks and depth.

``rendered.buckets`` describes the file. Beside what every reader does, these read many pictures or targets at
once by their method ``block``.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from transferscope.datasets.base import Samples, required_file
from transferscope.datasets.dense import DenseSamples
from transferscope.datasets.rendered.rows import FILE, POSES, TEST, VAL, Rows, opened
from transferscope.errors import InputError

LEVELS = 25  # of stored depth in a unit of the target: 0.25 m


class Pictures(Rows):
    """Pictures, by index; ``block`` gives uint8 [n, S, S, 3]."""

    def __call__(self, index: int) -> Image.Image:
        return Image.fromarray(super().__call__(index))


class Depths(Rows):
    """Depth in units of 0.25 m along the camera's axis, 10.2 at the most, float32 [S, S] or [n, S, S]."""

    def __call__(self, index: int) -> np.ndarray:
        return super().__call__(index) / np.float32(LEVELS)

    def block(self, indices: np.ndarray) -> np.ndarray:
        return super().block(indices) / np.float32(LEVELS)


def load(root: Path) -> Samples:
    """Read a folder written by ``rendered.buckets.join_buckets``.

    Labels are the classes int64 [N] of scenes of one object, else multi-hot uint8 [N, C].

    Raises:
        InputError: the file is missing or damaged.
    """
    labels, class_names = _labels(root, "label"), _class_names(root)
    if labels.ndim == 2:
        labels = (labels[:, :, None] == np.arange(len(class_names))).any(axis=1).astype(np.uint8)
    return _samples(root, labels, class_names)


def load_pose(root: Path) -> Samples:
    """The same pictures with the pose of their object, one of ``POSES``.

    Raises:
        InputError: the file is missing or damaged, its scenes have several objects, or these never turn.
    """
    poses = _labels(root, "pose")
    if poses.ndim == 2 or not poses.any():
        raise InputError(
            f"the scenes in {root} have several objects, or all have one pose; take a variant with V and the "
            "layout single, or remove pose from the column 'task' of its row"
        )
    return _samples(root, poses, list(POSES))


def load_segmentation(root: Path) -> DenseSamples:
    """The same pictures with the class of every pixel, 0 the background.

    Raises:
        InputError: the file is missing or damaged, or has no masks.
    """
    return _dense(root, Rows(_masked(root), "class_mask"), ["background", *_class_names(root)])


def load_depth(root: Path) -> DenseSamples:
    """The same pictures with the depth of every pixel, see ``Depths``; errors as ``load_segmentation``."""
    return _dense(root, Depths(_masked(root), "depth"), [])


def _labels(root: Path, field: str) -> np.ndarray:
    with opened(required_file(root, FILE)) as file:
        return file[field][:].astype(np.int64)


def _class_names(root: Path) -> list[str]:
    with opened(required_file(root, FILE)) as file:
        return list(file.attrs["class_names"])


def _masked(root: Path) -> Path:
    path = required_file(root, FILE)
    with opened(path) as file:
        if "class_mask" not in file:
            raise InputError(
                f"the scenes in {root} have one object and no masks; take the layout multi, or remove "
                "segmentation and depth from the column 'task' of its row"
            )
    return path


def _splits(root: Path) -> np.ndarray:
    bucket = _labels(root, "bucket")
    return np.select([bucket == VAL, bucket == TEST], ["val", "test"], "train")


def _ids(count: int) -> list[str]:
    return [f"scene-{index:06d}" for index in range(count)]


def _samples(root: Path, labels: np.ndarray, class_names: list[str]) -> Samples:
    read = Pictures(required_file(root, FILE), "rgb")
    return Samples(_ids(len(labels)), labels, _splits(root), read, class_names)


def _dense(root: Path, target: Rows, class_names: list[str]) -> DenseSamples:
    splits = _splits(root)
    return DenseSamples(_ids(len(splits)), splits, Pictures(target.path, "rgb"), target, class_names)
