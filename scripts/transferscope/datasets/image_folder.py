"""User-provided images, one folder per class."""

from pathlib import Path

from transferscope.datasets.base import Samples
from transferscope.datasets.pictures import samples_of_files
from transferscope.folders import list_pictures


def load(root: Path) -> Samples:
    """Read ``root/{train,val,test}/class/picture`` or ``root/class/picture``, as ``folders.list_pictures``.

    Samples are sorted by id (path relative to ``root``), classes by name.

    Raises:
        InputError: as ``list_pictures``.
    """
    entries = list_pictures(root)
    class_names = sorted({entry.class_name for entry in entries})
    label_of = {name: label for label, name in enumerate(class_names)}
    rows = sorted(
        (entry.path.relative_to(root).as_posix(), label_of[entry.class_name], entry.split)
        for entry in entries
    )
    return samples_of_files(root, rows, class_names)
