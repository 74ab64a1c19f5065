"""Describable Textures (DTD): 5,640 images, 120 for each of 47 texture classes (Cimpoi et al. 2014)."""

from pathlib import Path

from transferscope.datasets.base import Samples, required_folder
from transferscope.datasets.pictures import samples_of_files
from transferscope.datasets.tables import read_lists

LISTS = {split: f"{split}1.txt" for split in ("train", "val", "test")}  # the first of ten official partitions


def load(root: Path) -> Samples:
    """Read the first official partition; a line is ``class/picture``. The classes are the image folders.

    Raises:
        InputError: a list or image is missing, or a line is malformed.
    """
    pictures = required_folder(root, "dtd/images")
    class_names = sorted(entry.name for entry in pictures.iterdir() if entry.is_dir())
    label_of = {name: label for label, name in enumerate(class_names)}

    def parse(line: str) -> tuple[str, int]:
        return line, label_of[line.partition("/")[0]]

    rows = read_lists(root / "dtd/labels", LISTS, parse, "a class and its picture, class/picture")
    return samples_of_files(pictures, rows, class_names)
