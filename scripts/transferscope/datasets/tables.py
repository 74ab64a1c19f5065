"""Pictures stored as rows of numbers."""

import zlib
from pathlib import Path

import numpy as np

from transferscope.errors import InputError


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
