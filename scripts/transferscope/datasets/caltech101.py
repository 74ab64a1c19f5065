"""Caltech-101: 101 object categories and a background class (Fei-Fei et al. 2004)."""

from pathlib import Path

from transferscope.datasets.base import Samples, required_folder
from transferscope.datasets.pictures import samples_of_files

FOLDER = "caltech-101/101_ObjectCategories"


def load(root: Path) -> Samples:
    """Read the class folders; there is no official split.

    Only ``image_*.jpg`` is read: the official archive contains a stray file ``tmp``.

    Raises:
        InputError: the folder is missing or has no images.
    """
    folder = required_folder(root, FOLDER)
    class_names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    rows = [
        (f"{name}/{picture.name}", label, "all")
        for label, name in enumerate(class_names)
        for picture in sorted((folder / name).glob("image_*.jpg"))
    ]
    return samples_of_files(folder, rows, class_names)
