"""Rendered objects of ten families: which is it, or, with several in a picture, which are there? Where?"""

from pathlib import Path

import h5py
import numpy as np

from transferscope.datasets.base import Samples, required_file
from transferscope.datasets.boxes import Boxes
from transferscope.datasets.pictures import Files
from transferscope.errors import InputError


def load(root: Path) -> Samples:
    """Read the folder that ``scenes.dataset.render_dataset`` writes; its format is described there.

    Labels are int64 [N] where a picture shows one object, else multi-hot, uint8 [N, C].

    Raises:
        InputError: a file is absent or damaged.
    """
    labels = _Labels(root)
    pictures, classes = labels.objects["picture"], labels.objects["label"]
    multi_hot = np.zeros((len(labels.splits), len(labels.class_names)), dtype=np.uint8)
    multi_hot[pictures, classes] = 1
    for name in labels.names:
        required_file(root, name)
    return Samples(
        ids=[f"scene-{index:05d}" for index in range(len(labels.names))],
        labels=multi_hot.argmax(axis=1).astype(np.int64) if labels.single else multi_hot,
        splits=labels.splits,
        read=Files(root, labels.names),
        class_names=labels.class_names,
    )


def load_boxes(root: Path) -> Boxes:
    """The same pictures with the exact boxes of what is to be seen of each object.

    Raises:
        InputError: as ``load``.
    """
    labels = _Labels(root)
    return Boxes(
        root=root,
        names=labels.names,
        sizes=np.full((len(labels.names), 2), labels.size),
        splits=labels.splits,
        pictures=labels.objects["picture"].astype(np.int64),
        boxes=np.stack([labels.objects[edge] for edge in ("x0", "y0", "x1", "y1")], axis=1).astype(float),
        labels=labels.objects["label"].astype(np.int64),
        difficult=np.zeros(len(labels.objects), dtype=bool),
        class_names=labels.class_names,
    )


class _Labels:
    """What ``labels.h5`` says of pictures and objects."""

    def __init__(self, root: Path):
        path = required_file(root, "labels.h5")
        try:
            with h5py.File(path) as file:
                self.splits = file["split"].asstr()[:].astype(str)
                self.objects = file["objects"][:]
                self.class_names = list(file.attrs["class_names"])
                self.single = file.attrs["objects"] == 1
                self.size = int(file.attrs["size"])
        except (OSError, KeyError, ValueError) as error:
            raise InputError(
                f"{path} cannot be read ({error}); remove the folder and render it again"
            ) from error
        self.names = [f"images/{index:05d}.png" for index in range(len(self.splits))]
