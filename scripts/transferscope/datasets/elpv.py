"""Photographs of solar cells, 300 x 300: how defective is the cell? (Buerhop-Lutz et al. 2018.)"""

from pathlib import Path

from transferscope.datasets.base import Samples
from transferscope.datasets.pictures import samples_of_files
from transferscope.datasets.tables import read_lines

TABLE = "elpv_dataset/data/labels.csv"
GRADES = ["0", "1/3", "2/3", "1"]  # the probability of a defect, as the annotators gave it


def load(root: Path) -> Samples:
    """Read the unpacked wheel: ``labels.csv`` has picture, probability of a defect and kind of cell a line.

    The kind of cell (mono- or polycrystalline) is not used.

    Raises:
        InputError: a file is absent or a line is not as described.
    """
    table = root / TABLE
    expected = "a picture, a probability of 0, 1/3, 2/3 or 1 and a kind of cell"
    return samples_of_files(table.parent, read_lines(table, _parse, expected), GRADES)


def _parse(line: str) -> tuple[str, int, str]:
    name, probability, _ = line.split()
    return name, _grade(float(probability)), "all"


def _grade(probability: float) -> int:
    grade = round(3 * probability)
    if grade not in range(4) or abs(3 * probability - grade) > 1e-6:
        raise ValueError(f"{probability} is no third")
    return grade
