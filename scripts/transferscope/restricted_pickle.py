"""Read untrusted pickles of NumPy arrays and plain containers without executing code."""

import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from transferscope.errors import InputError


def _latin1(text: str, encoding: str) -> bytes:
    """Replaces ``codecs.encode``, with which pickle protocol 2 stores bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes in the encoding {encoding!r}")
    return text.encode("latin1")


# NumPy's _reconstruct and scalar only build arrays and scalars from bytes.
_ALLOWED = {
    ("_codecs", "encode"): _latin1,
    ("collections", "OrderedDict"): OrderedDict,
    ("numpy", "dtype"): np.dtype,
    ("numpy", "ndarray"): np.ndarray,
} | {
    (f"numpy.{core}.multiarray", name): getattr(np._core.multiarray, name)
    for core in ("core", "_core")
    for name in ("_reconstruct", "scalar")
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: BinaryIO, stand_ins: Mapping[str, Callable]):
        # latin1 reads both text and array bytes of Python 2.
        super().__init__(file, encoding="latin1")
        self.stand_ins = stand_ins
        self.refused = ""

    def find_class(self, module: str, name: str):
        # Nothing is imported: names that are not in these tables are refused.
        found = _ALLOWED.get((module, name)) or self.stand_ins.get(module.partition(".")[0])
        if found is None:
            self.refused = f"{module}.{name}"
            raise pickle.UnpicklingError(self.refused)
        return found


def load(file: BinaryIO, path: str | Path, *, stand_ins: Mapping[str, Callable] | None = None) -> object:
    """Unpickle an open file.

    Args:
        file: the stream to read, possibly decompressing.
        path: file name for error messages.
        stand_ins: top-level package -> callable that replaces all of its classes.

    Raises:
        InputError: the file is truncated, not a pickle, or refers to any other object.
    """
    unpickler = _Unpickler(file, stand_ins or {})
    try:
        return unpickler.load()
    except Exception as error:  # a damaged pickle can fail in any way
        if unpickler.refused:
            raise InputError(
                f"{path} asks for {unpickler.refused}, which could run code and was refused; "
                "only NumPy arrays and plain containers are allowed"
            ) from error
        raise InputError(f"{path} is truncated or no pickle; remove it and download it again") from error
