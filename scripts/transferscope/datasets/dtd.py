"""Describable Textures: 5,640 textures of 47 kinds, 120 of each (Cimpoi et al. 2014)."""

from pathlib import Path

from transferscope.datasets.base import Samples, required_folder
from transferscope.datasets.pictures import samples_of_files
from transferscope.datasets.tables import read_lists

LISTS = {split: f"{split}1.txt" for split in ("train", "val", "test")}  # the first of ten official partitions


def load(root: Path) -> Samples:
    """Read the first official partition, ``class/picture`` a line; the classes are the picture folders.

    Raises:
        InputError: a list or picture is absent, or a line is not as described.
    """
    pictures = required_folder(root, "dtd/images")
    class_names = sorted(entry.name for entry in pictures.iterdir() if entry.is_dir())
    label_of = {name: label for label, name in enumerate(class_names)}

    def parse(line: str) -> tuple[str, int]:
        return line, label_of[line.partition("/")[0]]

    rows = read_lists(root / "dtd/labels", LISTS, parse, "a class and its picture, class/picture")
    return samples_of_files(pictures, rows, class_names)
