"""ChestX-ray8: chest X-rays with findings mined from radiology reports (Wang et al. 2017).

Subset of the cross-domain few-shot benchmark of Guo et al. (2020): images with exactly one finding, which is
one of seven.
"""

from pathlib import Path

from transferscope.datasets.base import Samples
from transferscope.datasets.pictures import samples_of_files
from transferscope.datasets.tables import read_lines

FINDINGS = ["Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule", "Pneumothorax"]
TABLE = "Data_Entry_2017.csv"


def load(root: Path) -> Samples:
    """Read ``Data_Entry_2017.csv``, whose first columns are the image and its findings joined by ``|``.

    Images are in ``images/``, where the authors' twelve archives put them, or in ``images_001/images/`` to
    ``images_012/images/``.

    Raises:
        InputError: the table or an image is missing, or a line is malformed.
    """
    folder_of = {
        picture.name: picture.parent.relative_to(root).as_posix()
        for pattern in ("images/*.png", "images_*/images/*.png")
        for picture in root.glob(pattern)
    }
    label_of = {finding: label for label, finding in enumerate(FINDINGS)}
    table = read_lines(
        root / TABLE, _parse, "a picture, its findings and more", header="Image Index,Finding Labels,"
    )
    # This also drops images with several findings (`A|B`).
    rows = [
        (f"{folder_of.get(picture, 'images')}/{picture}", label_of[findings], "all")
        for picture, findings in table
        if findings in label_of
    ]
    return samples_of_files(root, rows, FINDINGS)


def _parse(line: str) -> tuple[str, str]:
    picture, findings, *_ = line.split(",")
    return picture, findings
