"""Sets of augmented crops of a few pictures, without labels, as ``cropped.crop_set`` writes them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from transferscope import hdf5
from transferscope.datasets.base import Unlabelled, required_file
from transferscope.datasets.cropped.crop_set import FILE, KIND, VERSION, read_computed
from transferscope.datasets.rendered.rows import Rows


@dataclass(frozen=True)
class Stored(Rows):
    """Crops, by index; ``block`` gives uint8 [n, S, S, 3]."""

    def __call__(self, index: int) -> Image.Image:
        return Image.fromarray(super().__call__(index))


def load_pretraining(root: Path) -> Unlabelled:
    """Read a folder written by ``cropped.crop_set.write``; all crops are for training.

    Raises:
        InputError: the file is missing or damaged.
    """
    path = required_file(root, FILE)
    with hdf5.opened(path, KIND, VERSION) as file:
        count = len(file["owners"])
        read = Stored(path, "images") if "images" in file else read_computed(file)
    return Unlabelled([f"crop-{index:07d}" for index in range(count)], np.full(count, "train"), read)
