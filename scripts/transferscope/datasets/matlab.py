"""Read MATLAB files (version 5 to 7.2) in plain Python.

SciPy's compiled reader ends the process at a few flipped bits, so it must not see a stranger's file.

Format: https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf. A file is a header of 128 bytes and
elements: a tag (type and length), then the data. A variable is an element of the type MATRIX, compressed or
not, whose data are elements again.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from transferscope.datasets.base import required_file
from transferscope.errors import InputError

HEADER_LENGTH = 128
MATRIX, COMPRESSED = 14, 15
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""Types of elements that hold numbers."""
TEXTS = {1: "latin1", 2: "latin1", 4: "utf-16", 16: "utf-8", 17: "utf-16"}
"""Types of elements that hold a text, with its encoding."""
CELL, STRUCT, CHAR = 1, 2, 4
NUMERIC = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
"""Classes of matrices; of these the numbers may be stored in a smaller type."""
COMPLEX = 0x800

_ERRORS = (LookupError, RecursionError, TypeError, ValueError, MemoryError, struct.error, zlib.error)


def read_matlab(path: Path, *keys: str, texts: bool = False, dimensions: int = 1) -> np.ndarray:
    """Read one variable of a MATLAB file, without its dimensions of length 1.

    Args:
        path: the file.
        keys: name of the variable, optionally followed by a field name for structs.
        texts: whether it holds texts, and not numbers.
        dimensions: how many the variable has; a cell and an array of structs have one.

    Raises:
        InputError: the file is missing or damaged, lacks the variable or has it in another form.
    """
    data = required_file(path.parent, path.name).read_bytes()
    try:
        value = _variable(data, keys[0])
        for key in keys[1:]:
            value = value[key]
        found = np.array(value, ndmin=1)
        if found.dtype.kind not in ("U" if texts else "iuf") or found.ndim != dimensions:
            raise ValueError(f"it should be {'texts' if texts else 'numbers'} in {dimensions} dimensions")
    except _ERRORS as error:
        raise InputError(f"{path} has no {'.'.join(keys)} ({error}); fetch the dataset again") from error
    return found


def _variable(data: bytes, name: str) -> object:
    if data[:10] == b"MATLAB 7.3":
        raise ValueError("it is of MATLAB 7.3; save it with the option -v7")
    order = {b"IM": "<", b"MI": ">"}.get(data[126:128])
    if order is None:
        raise ValueError("it is no MATLAB file")
    for kind, content in _elements(data[HEADER_LENGTH:], order):
        if kind == COMPRESSED:
            ((kind, content),) = _elements(zlib.decompress(content), order)
        if kind == MATRIX and _head(content, order)[2] == name:
            return _matrix(content, order)
    raise KeyError(name)


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Type and data of each element."""
    position = 0
    while position < len(data):
        kind, length = struct.unpack_from(f"{order}II", data, position)
        start, unit = position + 8, 8
        if kind >> 16:  # the short form: the length lies beside the type, and the data in its place
            kind, length, start, unit = kind & 0xFFFF, kind >> 16, position + 4, 4
        if start + length > len(data):
            raise ValueError("it is cut short")
        yield kind, data[start : start + length]
        # All but compressed elements end at a multiple of 8.
        position = start + (length if kind == COMPRESSED else -(-length // unit) * unit)


def _head(content: bytes, order: str) -> tuple[int, tuple[int, ...], str, Iterator[tuple[int, bytes]]]:
    """Flags with the class, dimensions and name of a matrix; and the elements that follow."""
    elements = _elements(content, order)
    flags = int(_numbers(next(elements), order)[0])
    shape = tuple(_numbers(next(elements), order).tolist())
    if min(shape, default=0) < 0:
        raise ValueError("it has a negative length")
    return flags, shape, _text(next(elements), order), elements


def _matrix(content: bytes, order: str) -> object:
    """A matrix without dimensions of length 1: an array, a text, a list (cell) or a dict (struct)."""
    if not content:
        return []
    try:
        flags, shape, _, elements = _head(content, order)
        kind, count = flags & 0xFF, math.prod(shape)
        if kind in NUMERIC and not flags & COMPLEX:
            numbers = _numbers(next(elements), order).astype(NUMERIC[kind])
            return numbers.reshape(shape, order="F").squeeze()
        if kind == CHAR:
            return _rows(_text(next(elements), order), shape) if count else ""
        if kind == CELL:
            return _squeezed([_matrix(next(elements)[1], order) for _ in range(count)])
        if kind == STRUCT:
            width, names = int(_numbers(next(elements), order)[0]), _text(next(elements), order)
            fields = [names[start : start + width].rstrip("\0") for start in range(0, len(names), width)]
            values = [_matrix(next(elements)[1], order) for _ in range(count * len(fields))]
            return {field: _squeezed(values[number :: len(fields)]) for number, field in enumerate(fields)}
    except StopIteration as error:
        raise ValueError("it is cut short") from error
    raise ValueError(f"its class {kind} is neither numbers, texts, a cell nor a struct")


def _numbers(element: tuple[int, bytes], order: str) -> np.ndarray:
    kind, data = element
    return np.frombuffer(data, f"{order}{NUMBERS[kind]}")


def _text(element: tuple[int, bytes], order: str) -> str:
    kind, data = element
    endian = {"<": "-le", ">": "-be"}[order] if TEXTS[kind] == "utf-16" else ""
    return data.decode(TEXTS[kind] + endian)


def _rows(text: str, shape: tuple[int, ...]) -> str | list[str]:
    if shape[0] == 1:
        return text
    return ["".join(row) for row in np.array(list(text)).reshape(shape, order="F")]


def _squeezed(values: list) -> object:
    return values[0] if len(values) == 1 else values
