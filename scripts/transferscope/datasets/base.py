"""The samples of a dataset, as returned by every loader; images are read lazily."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from transferscope.errors import InputError

SPLITS = ("train", "val", "test", "all")


@dataclass(frozen=True, eq=False)
class Samples:
    """N labelled images with C classes.

    Attributes:
        ids: [N], unique and stable, because shards and reports refer to them.
        labels: int64 [N] in 0..C-1, or uint8 [N, C] multi-hot.
        splits: str [N], each 'train', 'val', 'test' or 'all'.
        read: index -> RGB image. Must be picklable for DataLoader workers (no lambda, no open file), e.g.
            ``pictures.Files`` or ``pictures.Arrays``.
        class_names: [C].

    Raises:
        InputError: the attributes are inconsistent.
    """

    ids: list[str]
    labels: np.ndarray
    splits: np.ndarray
    read: Callable[[int], Image.Image]
    class_names: list[str]

    def __post_init__(self) -> None:
        if not self.ids:
            raise InputError("the dataset has no samples; check that its folder holds the pictures")
        if not len(self.ids) == len(self.labels) == len(self.splits):
            raise InputError(
                f"the loader returned {len(self.ids)} ids, {len(self.labels)} labels and {len(self.splits)} "
                "splits; it must return one of each for every sample"
            )
        name, count = Counter(self.ids).most_common(1)[0]
        if count > 1:
            raise InputError(f"the sample id {name!r} occurs {count} times; make the ids unique")
        unknown = sorted(set(self.splits.tolist()) - set(SPLITS))
        if unknown:
            raise InputError(
                f"the loader returned the split {unknown[0]!r}; it must be one of {', '.join(SPLITS)}"
            )
        self._check_labels()

    def _check_labels(self) -> None:
        classes = len(self.class_names)
        if self.labels.ndim == 1 and self.labels.dtype == np.int64:
            valid = self.labels.min() >= 0 and self.labels.max() < classes
        elif self.labels.ndim == 2 and self.labels.dtype == np.uint8:
            valid = self.labels.shape[1] == classes and self.labels.max() <= 1
        else:
            raise InputError(
                f"the loader returned labels of type {self.labels.dtype} and shape {self.labels.shape}; "
                "they must be int64 [N] or, multi-hot, uint8 [N, C]"
            )
        if not valid:
            raise InputError(
                f"the loader returned labels that do not fit its {classes} class names; "
                "they must be 0..C-1 or, multi-hot, 0 and 1 in C columns"
            )

    @property
    def multilabel(self) -> bool:
        """Whether an image may have several classes (labels are multi-hot)."""
        return self.labels.ndim == 2

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class Unlabelled:
    """N images without labels, that models can be pretrained on.

    Attributes:
        ids, splits, read: as of ``Samples``.
        class_names: there are none.
    """

    ids: list[str]
    splits: np.ndarray
    read: Callable[[int], Image.Image]
    class_names: list[str] = field(default_factory=list, init=False)


def required_file(root: Path, *names: str) -> Path:
    """Path of a required file: the first of the alternatives ``names`` that exists under ``root``.

    Raises:
        InputError: none of them exists, or one lies outside ``root``, as a dataset's own list may have it.
    """
    return _required(root, names, Path.is_file, "file")


def required_folder(root: Path, *names: str) -> Path:
    """As ``required_file``, for a folder.

    Raises:
        InputError: none of them exists.
    """
    return _required(root, names, Path.is_dir, "folder")


def _required(root: Path, names: tuple[str, ...], fits: Callable[[Path], bool], kind: str) -> Path:
    for name in names:
        if is_there(root, name, fits):
            return root / name
    raise InputError(f"the dataset in {root} has no {kind} {' or '.join(names)}; fetch the dataset again")


def is_there(root: Path, name: str, fits: Callable[[Path], bool] = Path.is_file) -> bool:
    """Whether ``root`` has a file ``name``, as a dataset's own list may have it, or what else ``fits``.

    Raises:
        InputError: it would lie outside ``root``.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise InputError(
            f"the dataset in {root} names {name!r}, which lies outside its folder; fetch it again"
        )
    try:
        return fits(root / name)
    except (OSError, ValueError):  # no name that a file can have
        return False
