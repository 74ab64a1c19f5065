"""Read untrusted pickles of NumPy arrays and plain containers without executing code.

Nothing is imported: a name in the pickle is looked up here and stands for a function or class of this module.
NumPy's own are not among them. The state of a dtype may call raw bytes pointers, so a pickle that names
nothing but NumPy can still make the process jump where it likes; here a type is a letter and a size, and an
array is made from bytes.
"""

import math
import pickle
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from transferscope.errors import InputError

KINDS = "biufcSU"
"""The kinds of a dtype that are bytes alone: truth values, numbers and texts of fixed length."""


class _Refused(pickle.UnpicklingError):
    """What could run code; the message is its name."""


class _Type:
    """Stands in for ``numpy.dtype``: a kind and a size, to which its state adds the byte order alone."""

    def __init__(self, code: str, align: bool = False, copy: bool = False):
        if not re.fullmatch(rf"[<>|=]?[{KINDS}]\d{{0,6}}", code):
            raise _Refused(f"numpy.dtype({code!r})")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple) -> None:
        _, order, *structure = state[:5]
        if structure != [None, None, None]:
            raise _Refused("a numpy.dtype with fields")
        self.dtype = self.dtype.newbyteorder(order)


class _Array(np.ndarray):
    """An array that is filled from bytes; ``np.asarray`` of it is an ordinary one."""

    def __setstate__(self, state: tuple) -> None:
        _, shape, kind, fortran, raw = state
        super().__setstate__((1, shape, kind.dtype, bool(fortran), _fitting(raw, shape, kind)))


def _fitting(raw: bytes | bytearray | str, shape: tuple[int, ...], kind: _Type) -> bytes:
    """The bytes of an array; Python 2 stores them as a text."""
    raw = raw.encode("latin1") if isinstance(raw, str) else bytes(raw)
    if len(raw) != math.prod(shape) * kind.dtype.itemsize:
        raise pickle.UnpicklingError("an array with more or fewer bytes than its shape needs")
    return raw


def _reconstruct(array: object, shape: object, code: object) -> _Array:
    """An empty array; its state, which follows in the pickle, fills it."""
    return np.empty(0, np.uint8).view(_Array)


def _frombuffer(raw: bytes, kind: _Type, shape: tuple[int, ...], order: str) -> np.ndarray:
    return np.ndarray(shape, kind.dtype, _fitting(raw, shape, kind), order=order)


def _scalar(kind: _Type, raw: bytes) -> np.generic:
    return _frombuffer(raw, kind, (), "C")[()]


def _latin1(text: str, encoding: str) -> bytes:
    """Replaces ``codecs.encode``, with which pickle protocol 2 stores bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes in the encoding {encoding!r}")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """Replaces ``bytes``, which pickle protocol 2 calls for none."""
    return b""


_STAND_INS = {
    ("_codecs", "encode"): _latin1,
    ("__builtin__", "bytes"): _no_bytes,
    ("collections", "OrderedDict"): dict,
    ("numpy", "dtype"): _Type,
    ("numpy", "ndarray"): None,  # an argument of _reconstruct
} | {
    (f"numpy.{core}.{module}", name): stand_in
    for core in ("core", "_core")  # before and since NumPy 2
    for module, name, stand_in in (
        ("multiarray", "_reconstruct", _reconstruct),
        ("multiarray", "scalar", _scalar),
        ("numeric", "_frombuffer", _frombuffer),  # since pickle protocol 5
    )
}


# The module's version in Python: that in C offers no place to refuse a state.
class _Unpickler(pickle._Unpickler):
    def __init__(self, file: BinaryIO, stand_ins: Mapping[str, Callable]):
        # latin1 reads both text and array bytes of Python 2.
        super().__init__(file, encoding="latin1")
        self.stand_ins = stand_ins

    def find_class(self, module: str, name: str):
        if (module, name) in _STAND_INS:
            return _STAND_INS[module, name]
        if module.partition(".")[0] in self.stand_ins:
            return self.stand_ins[module.partition(".")[0]]
        raise _Refused(f"{module}.{name}")

    def load_build(self) -> None:
        # On any other object a state sets attributes, and with __array_interface__ among them NumPy would
        # read the process's memory.
        state, target = self.stack.pop(), self.stack[-1]
        if not isinstance(target, _Array | _Type):
            raise _Refused(f"the state of a {type(target).__name__}")
        target.__setstate__(state)

    dispatch = pickle._Unpickler.dispatch | {pickle.BUILD[0]: load_build}


def load(file: BinaryIO, path: str | Path, *, stand_ins: Mapping[str, Callable] | None = None) -> object:
    """Unpickle an open file.

    Args:
        file: the stream to read, possibly decompressing.
        path: file name for error messages.
        stand_ins: top-level package -> callable that replaces all of its classes.

    Returns:
        What was pickled. Its arrays may be of a subclass, of which ``np.asarray`` makes ordinary ones.

    Raises:
        InputError: the file is truncated, not a pickle, or holds anything but arrays of the kinds ``KINDS``,
            plain containers and what has a stand-in.
    """
    try:
        return _Unpickler(file, stand_ins or {}).load()
    except _Refused as error:
        raise InputError(
            f"{path} asks for {error}, which could run code and was refused; "
            "only NumPy arrays of numbers and texts, and plain containers are allowed"
        ) from error
    except Exception as error:  # a damaged pickle can fail in any way
        raise InputError(f"{path} is truncated or no pickle; remove it and download it again") from error
