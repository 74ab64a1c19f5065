"""What datasets' tables and lists hold: pictures as rows of numbers, or pictures' names and labels."""

import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from transferscope.datasets.base import required_file
from transferscope.errors import InputError

Row = TypeVar("Row")

# What SciPy raises on a MATLAB file that is damaged, of another version or lacks what is looked up.
_MATLAB_DAMAGE = (LookupError, MatReadError, NotImplementedError, OSError, TypeError, ValueError, zlib.error)


def read_pixel_table(path: Path, side: int, brightest: int) -> tuple[np.ndarray, np.ndarray]:
    """Square grey pictures and their labels from a comma-separated table, gzipped or not.

    Args:
        path: the table; a row is a picture's ``side`` x ``side`` values, row by row, then its label.
        side: in pixels.
        brightest: the largest value allowed; the smallest is 0.

    Returns:
        int64 [N, side, side] and int64 [N].

    Raises:
        InputError: the file is truncated or holds anything else.
    """
    try:
        table = np.loadtxt(path, delimiter=",", dtype=np.int64, ndmin=2)
    except (ValueError, EOFError, OSError, zlib.error) as error:
        raise InputError(f"{path} cannot be read ({error}); fetch the dataset again") from error
    if table.shape[1] != side * side + 1:
        raise InputError(
            f"{path} has {table.shape[1]} columns, expected {side * side} pixels and a label; "
            "fetch the dataset again"
        )
    pixels, labels = table[:, :-1].reshape(-1, side, side), table[:, -1]
    if pixels.min(initial=0) < 0 or pixels.max(initial=0) > brightest:
        raise InputError(f"{path} has pixels outside 0..{brightest}; fetch the dataset again")
    return pixels, labels


def read_lines(path: Path, parse: Callable[[str], Row], expected: str, *, header: str = "") -> list[Row]:
    """What ``parse`` makes of each line of a text file, in the file's order; blank lines are passed over.

    Args:
        path: the file.
        parse: takes a line without the space around it; its ValueError or LookupError says that the line is
            not as expected.
        expected: what a line holds, for the sentence.
        header: what the first line begins with, where it names the columns; it is not parsed.

    Raises:
        InputError: the file is absent or a line is not as expected.
    """
    # Bytes that are no UTF-8 make a name that does not exist, which is said then.
    lines = required_file(path.parent, path.name).read_text(encoding="utf-8", errors="replace").splitlines()
    if header and not (lines and lines[0].startswith(header)):
        raise InputError(f"{path} does not begin with the columns {header}; fetch the dataset again")
    rows = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or (header and number == 1):
            continue
        try:
            rows.append(parse(line.strip()))
        except (ValueError, LookupError) as error:
            raise InputError(
                f"{path} line {number} is {line!r}, expected {expected}; fetch the dataset again"
            ) from error
    return rows


def read_lists(
    folder: Path, lists: Mapping[str, str], parse: Callable[[str], tuple[str, int]], expected: str
) -> list[tuple[str, int, str]]:
    """The rows of ``samples_of_files`` from one list of pictures for each split.

    Args:
        folder: where the lists lie.
        lists: split to the name of its list.
        parse: as in ``read_lines``; gives a picture's name and label.
        expected: as in ``read_lines``.

    Raises:
        InputError: as ``read_lines``.
    """
    return [
        (name, label, split)
        for split, list_name in lists.items()
        for name, label in read_lines(folder / list_name, parse, expected)
    ]


def read_matlab(path: Path, *keys: str) -> np.ndarray:
    """One variable of a MATLAB file (before version 7.3), without its dimensions of size 1.

    Args:
        path: the file.
        keys: the variable's name and, to get one field [N] of an array of N structs, the field's name.

    Raises:
        InputError: the file is absent or damaged, or has no such variable.
    """
    required_file(path.parent, path.name)
    try:
        value = loadmat(path, squeeze_me=True)
        for key in keys:
            value = value[key]
    except _MATLAB_DAMAGE as error:
        raise InputError(f"{path} has no {'.'.join(keys)} ({error}); fetch the dataset again") from error
    return np.atleast_1d(value)
