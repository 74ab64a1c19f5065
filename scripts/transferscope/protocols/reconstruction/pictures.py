"""Files of one model's reconstructions and their originals.

HDF5 with ``originals`` and ``reconstructions`` uint8 [N, R, R, 3], ``datasets`` and ``samples`` utf-8 [N],
``seconds`` float64 [N]. Attributes: model, its checksum, stage, steps and device.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from transferscope import hdf5, made_from

VERSION = 1


@dataclass(frozen=True)
class Reconstruction:
    """An original image and its reconstruction (``made``), both uint8 [R, R, 3].

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
    """Write all reconstructions of a model, atomically."""
    with hdf5.create(path) as file:
        file.attrs.update(attributes | {"version": VERSION})
        file["datasets"], file["samples"] = hdf5.texts(datasets), hdf5.texts(samples)
        file["originals"], file["reconstructions"] = originals, reconstructions
        file["seconds"] = seconds


def read(path: str | Path) -> list[Reconstruction]:
    """Read all reconstructions of a model, in the order written.

    Raises:
        InputError: not a reconstruction file, damaged, or of another format version.
    """
    with hdf5.opened(path, "file of reconstructions", VERSION) as file:
        facts = {
            name: getattr(value, "item", lambda v=value: v)()
            for name, value in file.attrs.items()
            if name not in (hdf5.DIGEST, made_from.NAME)
        }
        columns = (
            file["datasets"].asstr()[:],
            file["samples"].asstr()[:],
            file["originals"][:],
            file["reconstructions"][:],
            file["seconds"][:],
        )
    return [Reconstruction(*row, facts) for row in zip(*columns, strict=True)]


def colour_errors(original: np.ndarray, made: np.ndarray) -> dict[str, float]:
    """Mean squared error per channel, on the 0..255 scale; both images uint8 [R, R, 3]."""
    errors = np.square(original.astype(float) - made).mean(axis=(0, 1))
    return dict(zip(("red", "green", "blue"), map(float, errors), strict=True))
