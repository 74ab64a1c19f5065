"""UCI handwritten digits, 8 x 8 pixels with 17 grey levels, as shipped with scikit-learn."""

from pathlib import Path

import numpy as np

from transferscope.datasets.base import Samples, required_file
from transferscope.datasets.pictures import Arrays
from transferscope.datasets.tables import read_pixel_table

SIDE = 8
LEVELS = 16


def load(root: Path) -> Samples:
    """Read ``digits.csv.gz``; a line is the 64 values (0..16) of an image in row-major order, then its digit.

    Raises:
        InputError: the file is missing or damaged.
    """
    pixels, labels = read_pixel_table(required_file(root, "digits.csv.gz"), SIDE, LEVELS)
    return Samples(
        ids=[f"digit-{row:04d}" for row in range(len(labels))],
        labels=labels,
        splits=np.full(len(labels), "all"),
        read=Arrays((pixels * 255 / LEVELS).round().astype(np.uint8)),
        class_names=[str(digit) for digit in range(10)],
    )
