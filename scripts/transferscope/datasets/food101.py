"""Food-101: 101,000 images of 101 dishes (Bossard et al. 2014)."""

from pathlib import Path

from transferscope.datasets.base import Samples
from transferscope.datasets.pictures import samples_of_files
from transferscope.datasets.tables import read_lines, read_lists

LISTS = {"train": "train.txt", "test": "test.txt"}


def load(root: Path) -> Samples:
    """Read the official lists; a line is ``class/picture`` without suffix.

    Raises:
        InputError: a list or image is missing, or a line is malformed.
    """
    meta = root / "food-101/meta"
    class_names = read_lines(meta / "classes.txt", str, "a class")
    label_of = {name: label for label, name in enumerate(class_names)}

    def parse(line: str) -> tuple[str, int]:
        return f"{line}.jpg", label_of[line.partition("/")[0]]

    rows = read_lists(meta, LISTS, parse, "a class of classes.txt and its picture, class/picture")
    return samples_of_files(root / "food-101/images", rows, class_names)
