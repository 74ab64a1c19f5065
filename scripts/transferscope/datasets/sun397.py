"""SUN397: 397 scene categories (Xiao et al. 2010)."""

from pathlib import Path

from transferscope.datasets.base import Samples
from transferscope.datasets.pictures import samples_of_files
from transferscope.datasets.tables import read_lines, read_lists

LISTS = {"train": "Training_01.txt", "test": "Testing_01.txt"}  # the first of ten official partitions


def load(root: Path) -> Samples:
    """Read ``SUN397/`` and the lists of ``Partitions.zip``; a line is ``/a/abbey/picture``.

    Raises:
        InputError: a list or image is missing, or a line is malformed.
    """
    pictures = root / "SUN397"
    folders = read_lines(pictures / "ClassName.txt", str, "the folder of a class")
    label_of = {folder: label for label, folder in enumerate(folders)}

    def parse(line: str) -> tuple[str, int]:
        return line.removeprefix("/"), label_of[line.rpartition("/")[0]]

    rows = read_lists(root, LISTS, parse, "a picture in a folder of ClassName.txt")
    # Remove the initial: /a/apartment_building/outdoor -> apartment_building/outdoor.
    return samples_of_files(pictures, rows, [folder[len("/a/") :] for folder in folders])
