"""Stanford Cars: 16,185 cars of 196 makes, models and years (Krause et al. 2013)."""

from pathlib import Path

import numpy as np

from transferscope.datasets.base import Samples, required_file
from transferscope.datasets.pictures import samples_of_files
from transferscope.datasets.tables import read_matlab


def load(root: Path) -> Samples:
    """Read ``cars_train/``, ``cars_test/`` and the devkit; in its annotations the classes count from 1.

    The devkit itself has no labels of the test pictures: they came later, ``cars_test_annos_withlabels.mat``
    beside the devkit or in it.

    Raises:
        InputError: a file or picture is absent or damaged, or a class is out of range.
    """
    annotations = {
        "train": required_file(root, "devkit/cars_train_annos.mat"),
        "test": required_file(
            root, "cars_test_annos_withlabels.mat", "devkit/cars_test_annos_withlabels.mat"
        ),
    }
    rows = []
    for split, path in annotations.items():
        names = read_matlab(path, "annotations", "fname")
        labels = read_matlab(path, "annotations", "class").astype(np.int64) - 1
        rows += [(f"cars_{split}/{name}", label, split) for name, label in zip(names, labels, strict=True)]
    class_names = read_matlab(root / "devkit/cars_meta.mat", "class_names").tolist()
    return samples_of_files(root, rows, class_names)
