"""User-provided images, one folder per class."""

from pathlib import Path

from transferscope.datasets.base import Samples
from transferscope.datasets.pictures import samples_of_files
from transferscope.errors import InputError

SPLITS = ("train", "val", "test")
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


def load(root: Path) -> Samples:
    """Read ``root/{train,val,test}/class/picture`` or, without an official split, ``root/class/picture``.

    Splits may be missing, but all present ones must have the same classes. A single wrapper folder, common
    in archives, is skipped, as are hidden entries (``.DS_Store``). Samples are sorted by id (path relative
    to ``root``), classes by name.

    Raises:
        InputError: another layout, a folder without images, or a file that is not an image.
    """
    class_folders = _class_folders(_without_wrapper(root))
    class_names = sorted({folder.name for in_split in class_folders.values() for folder in in_split})
    label_of = {name: label for label, name in enumerate(class_names)}

    rows = sorted(
        (picture.relative_to(root).as_posix(), label_of[folder.name], split)
        for split, in_split in class_folders.items()
        for folder in in_split
        for picture in _pictures(folder)
    )
    return samples_of_files(root, rows, class_names)


def _without_wrapper(root: Path) -> Path:
    if not root.is_dir():
        raise InputError(f"there is no folder {root}; correct the path of the dataset")
    inside = _visible(root)
    if len(inside) != 1 or inside[0].name in SPLITS or not inside[0].is_dir():
        return root
    inner = _visible(inside[0])
    return inside[0] if inner and all(entry.is_dir() for entry in inner) else root


def _class_folders(root: Path) -> dict[str, list[Path]]:
    folders = _folders(root)
    others = [folder.name for folder in folders if folder.name not in SPLITS]
    if len(others) == len(folders):
        return {"all": folders}
    if others:
        raise InputError(
            f"{root} holds the folder {others[0]!r} beside its splits; move it away, or rename it to train, "
            "val or test"
        )
    class_folders = {folder.name: _folders(folder) for folder in folders}
    names = [{folder.name for folder in in_split} for in_split in class_folders.values()]
    partial = sorted(set.union(*names) - set.intersection(*names))
    if partial:
        raise InputError(
            f"the class {partial[0]!r} is not in every split of {root}; give all splits the same classes"
        )
    return class_folders


def _folders(parent: Path) -> list[Path]:
    entries = _visible(parent)
    for entry in entries:
        if not entry.is_dir():
            raise InputError(f"{entry} lies where class folders are expected; move the file away")
    if not entries:
        raise InputError(f"{parent} holds no class folders; put the pictures into one folder for each class")
    return entries


def _pictures(folder: Path) -> list[Path]:
    entries = _visible(folder)
    for entry in entries:
        if entry.suffix.lower() not in SUFFIXES:
            raise InputError(f"{entry} is no picture ({' '.join(SUFFIXES)}); move it out of its class folder")
    if not entries:
        raise InputError(f"the class folder {folder} holds no pictures; add some, or remove the folder")
    return entries


def _visible(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
