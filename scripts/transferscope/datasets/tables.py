"""Read datasets' tables and lists: pixel values, or image names and labels."""

import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np

from transferscope.datasets.base import required_file
from transferscope.errors import InputError

Row = TypeVar("Row")


def read_pixel_table(path: Path, side: int, max_value: int) -> tuple[np.ndarray, np.ndarray]:
    """Read square grey images and their labels from a CSV file, optionally gzipped.

    Args:
        path: the table; a line is the ``side`` x ``side`` values of an image in row-major order, then its
            label.
        side: image side in pixels.
        max_value: maximum pixel value; the minimum is 0.

    Returns:
        Pixels int64 [N, side, side] and labels int64 [N].

    Raises:
        InputError: the file is truncated or has other content.
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
    if pixels.min(initial=0) < 0 or pixels.max(initial=0) > max_value:
        raise InputError(f"{path} has pixels outside 0..{max_value}; fetch the dataset again")
    return pixels, labels


def read_lines(path: Path, parse: Callable[[str], Row], expected: str, *, header: str = "") -> list[Row]:
    """Parse each non-blank line of a text file.

    Args:
        path: the file.
        parse: parses a stripped line; raises ValueError or LookupError if the line is malformed.
        expected: description of a valid line for the error message.
        header: start of the header line, which is skipped; empty if the file has none.

    Raises:
        InputError: the file is missing or a line is malformed.
    """
    # Invalid UTF-8 results in a name that does not exist, which is reported later.
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
    """Rows for ``samples_of_files`` from one list of images per split.

    Args:
        folder: folder of the lists.
        lists: split -> file name of its list.
        parse: as in ``read_lines``; returns image name and label.
        expected: as in ``read_lines``.

    Raises:
        InputError: as ``read_lines``.
    """
    return [
        (name, label, split)
        for split, list_name in lists.items()
        for name, label in read_lines(folder / list_name, parse, expected)
    ]
