"""Rendered scenes of ten object families, with labels for all tasks: classes, boxes, masks and normals."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from transferscope.datasets.base import Samples, required_file
from transferscope.datasets.boxes import Boxes
from transferscope.datasets.dense import DenseSamples
from transferscope.datasets.pictures import Files
from transferscope.datasets.rendered.rows import opened


def load(root: Path) -> Samples:
    """Read a folder written by ``rendered.dataset.render_dataset``, which describes the format.

    Labels are int64 [N] for scenes of one object, else multi-hot uint8 [N, C].

    Raises:
        InputError: a file is missing or damaged.
    """
    path = required_file(root, "labels.h5")
    with opened(path) as file:
        splits = file["split"].asstr()[:]
        pictures, classes = file["objects"]["picture"], file["objects"]["label"]
        class_names = list(file.attrs["class_names"])
        single = file.attrs["objects"] == 1
    multi_hot = np.zeros((len(splits), len(class_names)), dtype=np.uint8)
    multi_hot[pictures, classes] = 1
    return Samples(
        ids=_ids(len(splits)),
        labels=multi_hot.argmax(axis=1).astype(np.int64) if single else multi_hot,
        splits=splits.astype(str),
        read=_pictures(root, len(splits)),
        class_names=class_names,
    )


def load_detection(root: Path) -> Boxes:
    """The same pictures with the exact boxes of what is to be seen of each object; errors as for ``load``."""
    with opened(required_file(root, "labels.h5")) as file:
        splits = file["split"].asstr()[:].astype(str)
        objects = file["objects"][:]
        class_names, size = list(file.attrs["class_names"]), int(file.attrs["size"])
    return Boxes(
        root=root,
        names=[f"images/{index:05d}.png" for index in range(len(splits))],
        sizes=np.full((len(splits), 2), size),
        splits=splits,
        pictures=objects["picture"].astype(np.int64),
        boxes=np.stack([objects[edge] for edge in ("x0", "y0", "x1", "y1")], axis=1).astype(float),
        labels=objects["label"].astype(np.int64),
        difficult=np.zeros(len(objects), dtype=bool),
        class_names=class_names,
    )


def load_normals(root: Path) -> DenseSamples:
    """Load per-pixel surface normals; errors as for ``load``."""
    return _dense(root, _Normals(required_file(root, "labels.h5")), [])


def load_segmentation(root: Path) -> DenseSamples:
    """The same pictures with the class of every pixel, 0 the background; errors as for ``load``."""
    path = required_file(root, "labels.h5")
    with opened(path) as file:
        class_names = ["background", *file.attrs["class_names"]]
    return _dense(root, _Classes(path), class_names)


@dataclass(frozen=True)
class _Normals:
    path: Path

    def __call__(self, index: int) -> np.ndarray:
        with opened(self.path) as file:
            normals = file["normals"][index].astype(np.float32)
        length = np.linalg.norm(normals, axis=-1, keepdims=True)
        return np.where(length > 0, normals / np.maximum(length, 1), np.float32(np.nan))


@dataclass(frozen=True)
class _Classes:
    path: Path

    def __call__(self, index: int) -> np.ndarray:
        with opened(self.path) as file:
            return file["class_mask"][index]


def _dense(root: Path, target, class_names: list[str]) -> DenseSamples:
    with opened(target.path) as file:
        splits = file["split"].asstr()[:].astype(str)
    return DenseSamples(_ids(len(splits)), splits, _pictures(root, len(splits)), target, class_names)


def _ids(count: int) -> list[str]:
    return [f"scene-{index:05d}" for index in range(count)]


def _pictures(root: Path, count: int) -> Files:
    names = [f"{index:05d}.png" for index in range(count)]
    for name in names:
        required_file(root / "images", name)
    return Files(root / "images", names)
