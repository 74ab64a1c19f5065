"""The file of one model's reconstructions, with their originals.

HDF5 with ``originals`` and ``reconstructions`` uint8 [N, R, R, 3], ``datasets`` and ``samples`` utf-8 [N],
``seconds`` float64 [N]. The attributes name the model, its checksum, the stage, the steps and the device.
"""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from transferscope import files
from transferscope.errors import InputError

VERSION = 1


@dataclass(frozen=True)
class Reconstruction:
    """A picture as the dataset has it and as it was made again: uint8 [R, R, 3] both.

    ``facts`` are the attributes of the file.
    """

    dataset: str
    sample: str
    original: np.ndarray
    made: np.ndarray
    seconds: float
    facts: dict


def write(
    path: str | Path,
    *,
    datasets: list[str],
    samples: list[str],
    originals: np.ndarray,
    reconstructions: np.ndarray,
    seconds: list[float],
    attributes: dict,
) -> None:
    """Write all reconstructions of a model, whole or not at all."""
    with files.atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update(attributes | {"version": VERSION})
        file["datasets"], file["samples"] = datasets, samples
        file["originals"], file["reconstructions"] = originals, reconstructions
        file["seconds"] = seconds


def read(path: str | Path) -> list[Reconstruction]:
    """All reconstructions of a model, in the order in which they were written.

    Raises:
        InputError: not such a file, truncated, or of another version of this contract.
    """
    try:
        with h5py.File(path) as file:
            if file.attrs.get("version") != VERSION:
                raise InputError(
                    f"{path} does not hold reconstructions of version {VERSION}; remove it and rerun"
                )
            facts = {name: getattr(value, "item", lambda v=value: v)() for name, value in file.attrs.items()}
            columns = (
                file["datasets"].asstr()[:],
                file["samples"].asstr()[:],
                file["originals"][:],
                file["reconstructions"][:],
                file["seconds"][:],
            )
    except (OSError, KeyError) as error:
        raise InputError(
            f"{path} does not hold whole reconstructions ({error}); remove it and rerun"
        ) from error
    return [Reconstruction(*row, facts) for row in zip(*columns, strict=True)]


def colour_errors(original: np.ndarray, made: np.ndarray) -> dict[str, float]:
    """Mean squared error of each channel, on the scale of 0..255; both pictures uint8 [R, R, 3]."""
    errors = np.square(original.astype(float) - made).mean(axis=(0, 1))
    return dict(zip(("red", "green", "blue"), map(float, errors), strict=True))
