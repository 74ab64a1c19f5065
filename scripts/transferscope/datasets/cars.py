"""Stanford Cars: 16,185 images of 196 car models (make, model, year; Krause et al. 2013)."""

from pathlib import Path

import numpy as np

from transferscope.datasets.base import Samples, required_file
from transferscope.datasets.matlab import read_matlab
from transferscope.datasets.pictures import samples_of_files


def load(root: Path) -> Samples:
    """Read ``cars_train/``, ``cars_test/`` and the devkit, whose class indices are 1-based.

    The original devkit lacks the test labels; they were published later as
    ``cars_test_annos_withlabels.mat``, expected beside the devkit or in it.

    Raises:
        InputError: a file or image is missing or damaged, or a class is out of range.
    """
    annotations = {
        "train": required_file(root, "devkit/cars_train_annos.mat"),
        "test": required_file(
            root, "cars_test_annos_withlabels.mat", "devkit/cars_test_annos_withlabels.mat"
        ),
    }
    rows = []
    for split, path in annotations.items():
        names = read_matlab(path, "annotations", "fname", texts=True)
        labels = read_matlab(path, "annotations", "class").astype(np.int64) - 1
        rows += [(f"cars_{split}/{name}", label, split) for name, label in zip(names, labels, strict=True)]
    class_names = read_matlab(root / "devkit/cars_meta.mat", "class_names", texts=True).tolist()
    return samples_of_files(root, rows, class_names)
