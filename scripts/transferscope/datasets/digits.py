"""Handwritten digits, 8 x 8 in 17 grey levels: UCI's optical recognition set, as scikit-learn carries it."""

from pathlib import Path

import numpy as np

from transferscope.datasets.base import Samples, required_file
from transferscope.datasets.pictures import Arrays
from transferscope.datasets.tables import read_pixel_table

SIDE = 8
LEVELS = 16


def load(root: Path) -> Samples:
    """Read ``digits.csv.gz``: one row a picture, its 64 values 0..16 row by row, then the digit.

    Raises:
        InputError: the file is absent or damaged.
    """
    pixels, labels = read_pixel_table(required_file(root, "digits.csv.gz"), SIDE, LEVELS)
    return Samples(
        ids=[f"digit-{row:04d}" for row in range(len(labels))],
        labels=labels,
        splits=np.full(len(labels), "all"),
        read=Arrays((pixels * 255 / LEVELS).round().astype(np.uint8)),
        class_names=[str(digit) for digit in range(10)],
    )
