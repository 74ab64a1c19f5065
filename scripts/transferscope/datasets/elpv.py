"""Photographs of solar cells, 300 x 300: how defective is the cell? (Buerhop-Lutz et al. 2018.)"""

from pathlib import Path

import numpy as np

from transferscope.datasets.base import Samples, required_file
from transferscope.datasets.pictures import Files
from transferscope.errors import InputError

TABLE = "elpv_dataset/data/labels.csv"
GRADES = ["0", "1/3", "2/3", "1"]  # the probability of a defect, as the annotators gave it


def load(root: Path) -> Samples:
    """Read the unpacked wheel: ``labels.csv`` has picture, probability of a defect and kind of cell a line.

    The kind of cell (mono- or polycrystalline) is not used.

    Raises:
        InputError: a file is absent or a line is not as described.
    """
    table = required_file(root, TABLE)
    names, labels = [], []
    for number, line in enumerate(table.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            name, probability, _ = line.split()
            labels.append(_grade(float(probability)))
        except ValueError as error:
            raise InputError(
                f"{table} line {number} is {line!r}, expected a picture, a probability of 0, 1/3, 2/3 or 1 "
                "and a kind of cell; fetch the dataset again"
            ) from error
        names.append(name)
    for name in names:
        required_file(table.parent, name)
    return Samples(
        ids=names,
        labels=np.array(labels, dtype=np.int64),
        splits=np.full(len(names), "all"),
        read=Files(table.parent, names),
        class_names=GRADES,
    )


def _grade(probability: float) -> int:
    grade = round(3 * probability)
    if grade not in range(4) or abs(3 * probability - grade) > 1e-6:
        raise ValueError(f"{probability} is no third")
    return grade
