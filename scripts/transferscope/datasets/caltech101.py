"""Caltech-101: objects of 101 kinds, and a class of background clutter (Fei-Fei et al. 2004)."""

from pathlib import Path

from transferscope.datasets.base import Samples, required_folder
from transferscope.datasets.pictures import samples_of_files

FOLDER = "caltech-101/101_ObjectCategories"


def load(root: Path) -> Samples:
    """Read the class folders; there is no official split.

    Only ``image_*.jpg`` is a picture: the official archive has a stray file ``tmp`` among them.

    Raises:
        InputError: the folder is absent or holds no pictures.
    """
    folder = required_folder(root, FOLDER)
    class_names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    rows = [
        (f"{name}/{picture.name}", label, "all")
        for label, name in enumerate(class_names)
        for picture in sorted((folder / name).glob("image_*.jpg"))
    ]
    return samples_of_files(folder, rows, class_names)
