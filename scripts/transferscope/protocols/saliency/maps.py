"""Maps of attention: from the errors of occluders to a map, and the file that keeps both.

The file is HDF5 with ``attention`` float32 [S, S]; ``picture`` uint8 [S, S, 3], the part of the picture that
it belongs to; ``errors`` float32 [P, P], of an occluder at the rows and columns ``at`` int64 [P]. The
attributes name the model, the dataset, the sample, the occluder and the stride.
"""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from transferscope import files
from transferscope.errors import InputError

VERSION = 1


@dataclass(frozen=True)
class Map:
    """One map as it is drawn: attention [S, S] over a picture uint8 [S, S, 3]."""

    model: str
    dataset: str
    attention: np.ndarray
    picture: np.ndarray


def attention(errors: np.ndarray, at: np.ndarray, occluder: int) -> np.ndarray:
    """Of every pixel that is covered as often as any other, the mean error of its occluders: [S, S].

    S is the picture's resolution less twice (occluder - 1), its centre.

    Args:
        errors: [P, P], of the occluders at the rows and columns ``at``; between these they are interpolated
            linearly.
        at: ``positions``.
        occluder: its side in pixels.
    """
    every = np.arange(at[-1] + 1)
    dense = np.stack([np.interp(every, at, one) for one in np.eye(len(at))], axis=1)
    side = len(every) - occluder + 1
    covering = sum(np.eye(side, len(every), offset) for offset in range(occluder)) / occluder
    weights = covering @ dense
    return weights @ errors @ weights.T


def diffusion(attention: np.ndarray) -> float:
    """Attentive diffusion: the share of pixels, in 0..1, whose attention is above the map's mean."""
    return float((attention > attention.mean()).mean())


def write(
    path: str | Path,
    *,
    attention: np.ndarray,
    picture: np.ndarray,
    errors: np.ndarray,
    at: np.ndarray,
    attributes: dict,
) -> None:
    """Write a map, whole or not at all."""
    with files.atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update(attributes | {"version": VERSION})
        file["attention"] = attention.astype(np.float32)
        file["picture"] = picture
        file["errors"] = errors.astype(np.float32)
        file["at"] = at


def read(path: str | Path) -> Map:
    """Read a map.

    Raises:
        InputError: not a map file, truncated, or of another version of this contract.
    """
    try:
        with h5py.File(path) as file:
            if file.attrs.get("version") != VERSION:
                raise InputError(f"{path} is not a saliency map of version {VERSION}; remove it and rerun")
            attributes = file.attrs
            return Map(attributes["model"], attributes["dataset"], file["attention"][:], file["picture"][:])
    except (OSError, KeyError) as error:
        raise InputError(f"{path} is not a whole saliency map ({error}); remove it and rerun") from error
