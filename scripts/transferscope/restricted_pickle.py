"""Strangers' pickles, read without running what they contain: NumPy arrays and plain containers alone."""

import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from transferscope.errors import InputError


def _latin1(text: str, encoding: str) -> bytes:
    """Stands in for ``codecs.encode``, by which pickle's protocol 2 stores bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes in the encoding {encoding!r}")
    return text.encode("latin1")


# NumPy's own two functions here only build arrays and scalars from the bytes that follow.
_ADMITTED = {
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
        # Python 2 wrote text and the bytes of arrays alike; this reads both.
        super().__init__(file, encoding="latin1")
        self.stand_ins = stand_ins
        self.refused = ""

    def find_class(self, module: str, name: str):
        # Nothing is imported: every name is either in these tables or refused.
        found = _ADMITTED.get((module, name)) or self.stand_ins.get(module.partition(".")[0])
        if found is None:
            self.refused = f"{module}.{name}"
            raise pickle.UnpicklingError(self.refused)
        return found


def load(file: BinaryIO, path: str | Path, *, stand_ins: Mapping[str, Callable] | None = None) -> object:
    """The content of an open pickle.

    Args:
        file: what is read, perhaps unpacked on the way.
        path: the file's name, for what goes wrong.
        stand_ins: top-level packages to what is called in place of any of their classes.

    Raises:
        InputError: the file is truncated, no pickle, or asks for any other object (names it).
    """
    unpickler = _Unpickler(file, stand_ins or {})
    try:
        return unpickler.load()
    except Exception as error:  # a damaged pickle can fail in any way
        if unpickler.refused:
            raise InputError(
                f"{path} asks for {unpickler.refused}, which could run code and was refused; "
                "only NumPy arrays and plain containers are admitted"
            ) from error
        raise InputError(f"{path} is truncated or no pickle; remove it and download it again") from error
