"""Attention maps from occlusion errors, and their files.

HDF5 with ``attention`` float32 [S, S]; ``picture`` uint8 [S, S, 3], the corresponding image region;
``errors`` float32 [P, P], for occluders at rows and columns ``at`` int64 [P]. Attributes: model, dataset,
sample, occluder and stride.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from transferscope import hdf5

VERSION = 1


@dataclass(frozen=True)
class Map:
    """Attention map [S, S] with its image uint8 [S, S, 3]."""

    model: str
    dataset: str
    attention: np.ndarray
    picture: np.ndarray


def attention(errors: np.ndarray, at: np.ndarray, occluder: int) -> np.ndarray:
    """Mean error of the occluders that cover a pixel: [S, S], for all pixels with full coverage.

    These are the central S = R - 2 * (occluder - 1) rows and columns of the R x R image.

    Args:
        errors: [P, P], for occluders at rows and columns ``at``; linearly interpolated between them.
        at: positions, see ``occlusion.occluder_positions``.
        occluder: side of the occluder in pixels.
    """
    all_positions = np.arange(at[-1] + 1)
    dense = np.stack([np.interp(all_positions, at, basis) for basis in np.eye(len(at))], axis=1)
    side = len(all_positions) - occluder + 1
    covering = sum(np.eye(side, len(all_positions), offset) for offset in range(occluder)) / occluder
    weights = covering @ dense
    return weights @ errors @ weights.T


def diffusion(attention: np.ndarray) -> float:
    """Attentive diffusion: fraction of pixels (0..1) with attention above the map's mean."""
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
    """Write a map, atomically."""
    with hdf5.create(path) as file:
        file.attrs.update(attributes | {"version": VERSION})
        file["attention"] = attention.astype(np.float32)
        file["picture"] = picture
        file["errors"] = errors.astype(np.float32)
        file["at"] = at


def read(path: str | Path) -> Map:
    """Read a map.

    Raises:
        InputError: not a map file, damaged, or of another format version.
    """
    with hdf5.opened(path, "saliency map", VERSION) as file:
        attributes = file.attrs
        return Map(attributes["model"], attributes["dataset"], file["attention"][:], file["picture"][:])
