"""ChestX-ray8: chest X-rays with findings mined from the reports (Wang et al. 2017).

Cut down as in the cross-domain few-shot benchmark of Guo et al. (2020): pictures with exactly one finding,
and this one of seven.
"""

from pathlib import Path

from transferscope.datasets.base import Samples
from transferscope.datasets.pictures import samples_of_files
from transferscope.datasets.tables import read_lines

FINDINGS = ["Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule", "Pneumothorax"]
TABLE = "Data_Entry_2017.csv"


def load(root: Path) -> Samples:
    """Read ``Data_Entry_2017.csv``: a picture, its findings joined by ``|``, and further columns a line.

    The pictures lie in ``images/``, where the authors' twelve archives put them, or in
    ``images_001/images/`` to ``images_012/images/``.

    Raises:
        InputError: the table or a picture is absent, or a line is not as described.
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
    # Several findings, `A|B`, are no key either.
    rows = [
        (f"{folder_of.get(picture, 'images')}/{picture}", label_of[findings], "all")
        for picture, findings in table
        if findings in label_of
    ]
    return samples_of_files(root, rows, FINDINGS)


def _parse(line: str) -> tuple[str, str]:
    picture, findings, *_ = line.split(",")
    return picture, findings
