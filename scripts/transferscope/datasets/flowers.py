"""Oxford Flowers 102: 102 flower classes (Nilsback and Zisserman 2008)."""

from pathlib import Path

import numpy as np
from torchvision.datasets import Flowers102

from transferscope.datasets.base import Samples
from transferscope.datasets.matlab import read_matlab
from transferscope.datasets.pictures import samples_of_files
from transferscope.errors import InputError

SPLIT_KEYS = {"train": "trnid", "val": "valid", "test": "tstid"}


def load(root: Path) -> Samples:
    """Read ``setid.mat`` (image numbers of each split) and ``imagelabels.mat``; both are 1-based.

    The official files have no class names; they are taken from torchvision.

    Raises:
        InputError: a file or image is missing or damaged, or a label is out of range.
    """
    labels = read_matlab(root / "imagelabels.mat", "labels").astype(np.int64) - 1
    numbers = {split: read_matlab(root / "setid.mat", name) for split, name in SPLIT_KEYS.items()}
    if sorted(np.concatenate(list(numbers.values()))) != list(range(1, len(labels) + 1)):
        raise InputError(
            f"setid.mat in {root} does not divide the pictures 1 to {len(labels)} of imagelabels.mat; "
            "fetch the dataset again"
        )
    rows = [
        (f"image_{number:05d}.jpg", labels[number - 1], split)
        for split, in_split in numbers.items()
        for number in in_split
    ]
    return samples_of_files(root / "jpg", rows, Flowers102.classes)
