"""ISIC 2018, task 3: skin lesions of seven classes (Codella et al. 2019; Tschandl et al. 2018)."""

from pathlib import Path

from transferscope.datasets.base import Samples
from transferscope.datasets.pictures import samples_of_files
from transferscope.datasets.tables import read_lines

LESIONS = ["MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"]
PICTURES = "ISIC2018_Task3_Training_Input"
TABLE = "ISIC2018_Task3_Training_GroundTruth/ISIC2018_Task3_Training_GroundTruth.csv"


def load(root: Path) -> Samples:
    """Read the training ground truth; a line is an image and its one-hot lesion class.

    Raises:
        InputError: the table or an image is missing, or a line is malformed.
    """
    header = ",".join(["image", *LESIONS])
    rows = read_lines(root / TABLE, _parse, "a picture, one 1.0 and six 0.0", header=header)
    return samples_of_files(root / PICTURES, rows, LESIONS)


def _parse(line: str) -> tuple[str, int, str]:
    picture, *marks = line.split(",")
    values = [float(mark) for mark in marks]
    if sorted(values) != [0.0] * (len(LESIONS) - 1) + [1.0]:
        raise ValueError(f"{marks} is not one-hot")
    return f"{picture}.jpg", values.index(1.0), "all"
