"""HDF5 files with a digest of their content, or of each row: a disk's damage must not read as numbers.

HDF5's own checksum of a chunk (Fletcher-32) takes a chunk of zeros for a whole one.
"""

import hashlib
import io
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from transferscope import files
from transferscope.errors import InputError

DIGEST = "digest"

SLAB = 1 << 26  # bytes of a dataset that are read at a time for a digest

ERRORS = (OSError, LookupError, ValueError, TypeError, RuntimeError)
"""What h5py raises for a file that is damaged or of another layout."""


@contextmanager
def create(path: str | Path) -> Iterator[h5py.File]:
    """Write a new file, atomically; at the end it gets a digest of all that is in it."""
    with files.atomic_path(path) as temporary, writing(temporary) as file:
        yield file
        file.attrs[DIGEST] = _digest(file)


def set_attribute(path: str | Path, name: str, value: str) -> None:
    """Set an attribute of a whole file, and renew its digest if it has one."""
    with h5py.File(path, "r+") as file:
        file.attrs[name] = value
        if DIGEST in file.attrs:
            file.attrs[DIGEST] = _digest(file)


@contextmanager
def writing(path: str | Path) -> Iterator[h5py.File]:
    """Open a new file to write.

    Raises:
        OSError: it cannot be written, because of a full disk for example.
    """
    with _Target(path, "w+") as target:
        try:
            with h5py.File(target, "w") as file:
                try:
                    yield file
                finally:
                    target.closing = True
        finally:
            if target.error:
                raise target.error


class _Target(io.FileIO):
    """A file to write for HDF5, which learns of a full disk only where it can bear to.

    When it cannot write its own lists, or cannot write on closing a file, it ends the process by a
    segmentation fault, then or later. So the first ``error`` is kept and what follows goes nowhere; it is
    raised at once only for blocks as large as those of pictures or features, until the file is ``closing``.
    """

    LARGE = 1 << 16  # bytes

    error: OSError | None = None
    closing = False

    def write(self, block: memoryview) -> int:
        rest = memoryview(block)
        try:
            while rest and not self.error:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.error = error
        if self.error and not self.closing and len(block) >= self.LARGE:
            raise self.error
        return len(block)

    def truncate(self, size: int | None = None) -> int:
        return size if self.error else super().truncate(size)


@contextmanager
def opened(path: str | Path, what: str, version: int | None = None) -> Iterator[h5py.File]:
    """Open a file to read from it; a file from before there were digests is not checked.

    Args:
        path: a file that ``create`` wrote.
        what: what the file is, for the message: ``saliency map``.
        version: the value of its attribute ``version``, if it has one.

    Raises:
        InputError: damaged, of another version, or without what the body reads from it.
    """
    try:
        with h5py.File(path) as file:
            if file.attrs.get("version") != version:
                raise InputError(f"{path} is no {what} of version {version}; remove it and rerun")
            if DIGEST in file.attrs and file.attrs[DIGEST] != _digest(file):
                raise ValueError("its content is not what was written")
            yield file
    except ERRORS as error:
        raise InputError(f"{path} is no whole {what} ({error}); remove it and rerun") from error


def texts(values: Iterable[str]) -> np.ndarray:
    """Texts to store, [N] of one length in bytes: those of any length lie in a heap, where a flipped bit may
    keep HDF5 busy for ever. ``asstr`` reads them."""
    encoded = [value.encode() for value in values]
    length = max(map(len, encoded), default=0)
    return np.array(encoded, dtype=h5py.string_dtype(length=max(length, 1)))


def checks(features: np.ndarray, labels: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """A number for each sample that any flipped bit of its features, label or id changes: uint32 [N].

    The features, which are almost all of the file, are only added up, as integers: that is faster than
    asking whether they are finite, and a digest would take longer than to read them. ``ids`` are as stored.
    """
    features = np.ascontiguousarray(features)
    sums = features.view(f"u{features.itemsize}").sum(axis=1, dtype=np.uint32)
    for column in (labels, ids):
        length = column.itemsize * math.prod(column.shape[1:])
        content = np.ascontiguousarray(column).view(np.uint8).reshape(len(column), length)
        # Odd weights tell the places apart; the zeros behind a shorter id count for nothing.
        sums += content.astype(np.uint32) @ np.arange(1, 2 * length, 2, dtype=np.uint32)
    return sums


def _digest(file: h5py.File) -> str:
    digest = hashlib.sha256()

    def add(name: str, item: h5py.Group | h5py.Dataset) -> None:
        attributes = {
            key: np.asarray(item.attrs[key]).tolist() for key in sorted(item.attrs) if key != DIGEST
        }
        digest.update(f"{name} {attributes}".encode())
        if isinstance(item, h5py.Dataset):
            rows = max(1, SLAB // max(1, item.dtype.itemsize * math.prod(item.shape[1:])))
            starts = range(0, len(item), rows) if item.shape else ()
            first = np.asarray(item[:rows] if item.shape else item[()])
            digest.update(f"{first.dtype} {item.shape}".encode())
            digest.update(np.ascontiguousarray(first))
            for start in starts[1:]:
                digest.update(np.ascontiguousarray(item[start : start + rows]))

    add("/", file)
    file.visititems(add)
    return digest.hexdigest()
