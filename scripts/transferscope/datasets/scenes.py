"""Rendered objects of ten families: which is it, or, with several in a picture, which are there?"""

from pathlib import Path

import h5py
import numpy as np

from transferscope.datasets.base import Samples, required_file
from transferscope.datasets.pictures import Files
from transferscope.errors import InputError


def load(root: Path) -> Samples:
    """Read the folder that ``scenes.dataset.render_dataset`` writes; its format is described there.

    Labels are int64 [N] where a picture shows one object, else multi-hot, uint8 [N, C].

    Raises:
        InputError: a file is absent or damaged.
    """
    path = required_file(root, "labels.h5")
    try:
        with h5py.File(path) as file:
            splits = file["split"].asstr()[:]
            pictures, classes = file["objects"]["picture"], file["objects"]["label"]
            class_names = list(file.attrs["class_names"])
            single = file.attrs["objects"] == 1
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}); remove the folder and render it again") from error
    multi_hot = np.zeros((len(splits), len(class_names)), dtype=np.uint8)
    multi_hot[pictures, classes] = 1
    names = [f"{index:05d}.png" for index in range(len(splits))]
    for name in names:
        required_file(root / "images", name)
    return Samples(
        ids=[f"scene-{index:05d}" for index in range(len(splits))],
        labels=multi_hot.argmax(axis=1).astype(np.int64) if single else multi_hot,
        splits=splits.astype(str),
        read=Files(root / "images", names),
        class_names=class_names,
    )
