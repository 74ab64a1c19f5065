"""ELPV: images of solar cells, 300 x 300 pixels, with defect probability (Buerhop-Lutz et al. 2018)."""

from pathlib import Path

from transferscope.datasets.base import Samples
from transferscope.datasets.pictures import samples_of_files
from transferscope.datasets.tables import read_lines

TABLE = "elpv_dataset/data/labels.csv"
GRADES = ["0", "1/3", "2/3", "1"]  # annotated probability of a defect


def load(root: Path) -> Samples:
    """Read the unpacked wheel; a line of ``labels.csv`` is an image, its defect probability and cell type.

    The cell type (mono- or polycrystalline) is not used.

    Raises:
        InputError: a file is missing or a line is malformed.
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
        raise ValueError(f"{probability} is not a multiple of 1/3")
    return grade
