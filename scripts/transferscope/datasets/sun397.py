"""SUN397: scenes of 397 kinds (Xiao et al. 2010)."""

from pathlib import Path

from transferscope.datasets.base import Samples
from transferscope.datasets.pictures import samples_of_files
from transferscope.datasets.tables import read_lines, read_lists

LISTS = {"train": "Training_01.txt", "test": "Testing_01.txt"}  # the first of ten official partitions


def load(root: Path) -> Samples:
    """Read ``SUN397/`` and the lists of ``Partitions.zip``: ``/a/abbey/picture`` a line, and so the classes.

    Raises:
        InputError: a list or picture is absent, or a line is not as described.
    """
    pictures = root / "SUN397"
    folders = read_lines(pictures / "ClassName.txt", str, "the folder of a class")
    label_of = {folder: label for label, folder in enumerate(folders)}

    def parse(line: str) -> tuple[str, int]:
        return line.removeprefix("/"), label_of[line.rpartition("/")[0]]

    rows = read_lists(root, LISTS, parse, "a picture in a folder of ClassName.txt")
    # Without the letter that the authors group them by: /a/apartment_building/outdoor.
    return samples_of_files(pictures, rows, [folder[len("/a/") :] for folder in folders])
