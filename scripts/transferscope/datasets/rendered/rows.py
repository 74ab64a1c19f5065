"""Read rendered datasets from their HDF5 files, a row at a time or many."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from transferscope import hdf5
from transferscope.errors import InputError

SLAB = 1024  # rows that are read at a time

FILE = "pixels.h5"
"""The file of scenes with factors, see ``buckets``."""
TRAIN, VAL, TEST = range(10), 10, 11
"""Which of its buckets make which split."""
POSES = ("upright", "left", "away", "right", "towards")
"""Where an object's up axis leans to, as seen from the camera."""


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Open a file of a rendered dataset.

    Raises:
        InputError: it is damaged, or lacks what the body reads from it.
    """
    try:
        with h5py.File(path) as file:
            yield file
    except hdf5.ERRORS as error:
        raise InputError(f"{path} cannot be read ({error}); remove the folder and render it again") from error


@dataclass(frozen=True)
class Rows:
    """The rows of a field of a file, by index; picklable.

    Raises:
        InputError: when it reads from a file that is damaged or lacks the field.
    """

    path: Path
    field: str

    def __call__(self, index: int) -> np.ndarray:
        with opened(self.path) as file:
            return file[self.field][index]

    def block(self, indices: np.ndarray) -> np.ndarray:
        """The rows at indices [n] in any order, [n, ...]; a part of the file is read once, if at all."""
        indices = np.asarray(indices)
        order = np.argsort(indices, kind="stable")
        slabs = np.flatnonzero(np.diff(indices[order] // SLAB)) + 1
        with opened(self.path) as file:
            field = file[self.field]
            rows = np.empty((len(indices), *field.shape[1:]), field.dtype)
            for places in np.split(order, slabs) if len(order) else []:
                wanted = indices[places]
                first, last = wanted[0], wanted[-1]
                rows[places] = field[first : last + 1][wanted - first]
        return rows
