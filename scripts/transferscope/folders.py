"""A folder of pictures, one folder a class: its splits, classes and files, and how many each class needs.

The Snakefile looks at such a folder before any job, so this imports nothing heavy.
"""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from transferscope.errors import InputError, SampleError

SPLITS = ("train", "val", "test")
OTHER_NAMES = {"training": "train", "validation": "val", "valid": "val", "testing": "test"}
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")

CLUTTER = {"__macosx", "thumbs.db", "desktop.ini", "@eadir"}
"""What file managers leave in folders and archives, in small letters."""


def is_clutter(name: str) -> bool:
    """Whether a file or folder is none of the user's: hidden, or CLUTTER."""
    return name.startswith(".") or name.lower() in CLUTTER


FEWEST = {"val20": 2, "draw30": 31, "stratified": 5}
"""The samples of a class that a split rule needs: of val20 in train, of the others in all."""


class Entry(NamedTuple):
    """A picture of a folder: its path, its class and its split, ``all`` where there are none."""

    path: Path
    class_name: str
    split: str


def list_pictures(root: Path) -> list[Entry]:
    """The pictures ``root/{train,val,test}/class/picture`` or, without splits, ``root/class/picture``.

    Splits may be missing, but all present ones must have the same classes. A single wrapper folder, common
    in archives, is skipped, as is what a file manager left (``.DS_Store``, ``__MACOSX``). Sorted by path.

    Raises:
        InputError: another layout, a folder without images, or files that are no image or have no name in
            UTF-8, all of which are named.
    """
    entries = [
        Entry(path, folder.name, split)
        for split, in_split in _class_folders(_without_wrapper(root)).items()
        for folder in in_split
        for path in _entries(folder)
    ]
    _check_names(root, (entry.path for entry in entries))
    strange = [
        entry.path for entry in entries if entry.path.suffix.lower() not in SUFFIXES or entry.path.is_dir()
    ]
    if strange:
        _refuse_strange(root, strange)
    return sorted(entries)


def check_folder(root: Path, rule: str) -> None:
    """Check that a split rule can divide the pictures of a folder.

    Raises:
        InputError: as ``list_pictures`` and ``check_class_sizes``.
    """
    divided = "train" if rule == "val20" else "all"
    entries = list_pictures(root)
    counts = dict.fromkeys((repr(entry.class_name) for entry in entries), 0)
    counts |= Counter(
        repr(entry.class_name) for entry in entries if entry.split == divided or divided == "all"
    )
    check_class_sizes(counts, rule)


def check_class_sizes(counts: Mapping[object, int], rule: str) -> None:
    """Check how many samples each class has, of those that a split rule divides, by the class's name.

    Raises:
        InputError: some have fewer than FEWEST; all of them are named.
    """
    fewest = FEWEST.get(rule, 0)
    few = [f"class {name} has {count} samples" for name, count in counts.items() if count < fewest]
    if few:
        of = "training samples" if rule == "val20" else "samples"
        raise InputError(
            f"{', '.join(few)}, and the split rule {rule} needs more than {fewest - 1} {of} of each; add "
            "some, remove the class, or use another rule (`split_rule` in config/README.md)"
        )


def _without_wrapper(root: Path) -> Path:
    if not root.is_dir():
        raise InputError(f"there is no folder {root}; correct the path of the dataset")
    inside = _visible(root)
    if len(inside) != 1 or _split_meant(inside[0].name) or not inside[0].is_dir():
        return root
    inner = _visible(inside[0])
    return inside[0] if inner and all(entry.is_dir() for entry in inner) else root


def _split_meant(name: str) -> str:
    """The split that a folder of this name stands for; nothing if it is a class."""
    name = name.lower()
    return name if name in SPLITS else OTHER_NAMES.get(name, "")


def _class_folders(root: Path) -> dict[str, list[Path]]:
    folders = _folders(root)
    renamed = [
        f"{folder.name} to {_split_meant(folder.name)}"
        for folder in folders
        if folder.name not in SPLITS
        and _split_meant(folder.name)
        and any(entry.is_dir() for entry in _visible(folder))
    ]
    if renamed:
        raise InputError(
            f"the folders of {root} look like splits under other names; rename {', '.join(renamed)}"
        )
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
    _check_names(parent, entries)
    for entry in entries:
        if not entry.is_dir():
            raise InputError(f"{entry} lies where class folders are expected; move the file away")
    if not entries:
        raise InputError(f"{parent} holds no class folders; put the pictures into one folder for each class")
    return entries


def _entries(folder: Path) -> list[Path]:
    entries = _visible(folder)
    if not entries:
        raise InputError(f"the class folder {folder} holds no pictures; add some, or remove the folder")
    return entries


def _refuse_strange(root: Path, strange: list[Path]) -> None:
    folders = [entry for entry in strange if entry.is_dir()]
    if folders:
        raise InputError(
            f"{folders[0]} is no picture but a folder in the class folder {folders[0].parent.name!r}; put "
            "its pictures there, or, if it is a class itself, name the folder of the classes as the source"
        )
    names = [entry.relative_to(root).as_posix() for entry in strange]
    reason = f"is no picture ({' '.join(SUFFIXES)})"
    raise SampleError(f"in {root} the file", names, reason, "move it out of its class folder")


def _check_names(root: Path, entries: Iterable[Path]) -> None:
    odd = [os.fsencode(entry.relative_to(root)) for entry in entries if not _is_utf8(entry.name)]
    if odd:
        names = [name.decode("utf-8", "backslashreplace") for name in odd]
        raise SampleError(f"in {root} the name", names, "is not in UTF-8", "rename the file, or the folder")


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes that the file system gave as they are
        return False
    return True


def _visible(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not is_clutter(entry.name))
