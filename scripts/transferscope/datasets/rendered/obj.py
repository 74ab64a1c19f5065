"""Read a model from a file in Wavefront's form (.obj), as ShapeNet has them: its triangles, nothing else."""

from itertools import pairwise
from pathlib import Path

import numpy as np

from transferscope.datasets.rendered.shapes import BODY, Mesh
from transferscope.errors import InputError


def read(path: str | Path) -> Mesh:
    """The mesh in a file, in the axes of this package (x right, y away, z up), a normal for each facet.

    Only the lines ``v`` and ``f`` count; a facet of more corners is cut into a fan, one without an area is
    left out. Which side of a facet is outside the file does not say. A model's own axes have y up and the
    front towards -z, which here lies to the right, as in Newell and Deng's scenes (their code, render.py).

    Raises:
        InputError: the file is missing, has a line that cannot be read, or no facet.
    """
    points, facets = [], []
    for number, line in enumerate(_lines(path), start=1):
        kind, *cells = line.split() or [""]
        try:
            if kind == "v":
                x, y, z = map(float, cells[:3])
                points.append((-z, -x, y))
            elif kind == "f":
                corners = [_corner(cell, len(points)) for cell in cells]
                facets += [(corners[0], *pair) for pair in pairwise(corners[1:])]
        except ValueError as error:
            raise InputError(
                f"{path}, line {number}: {line!r} is no vertex or facet; correct the file"
            ) from error
    corners = np.array(points, dtype=float).reshape(-1, 3)[np.array(facets, dtype=int).reshape(-1, 3)]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(across, axis=1)
    if not np.isfinite(area).all() or not area.any():
        raise InputError(f"{path} has no facet with an area; replace it by a model that has some")
    kept = area > 0
    normals = np.repeat(across[kept] / area[kept, None], 3, axis=0)
    faces = np.arange(3 * kept.sum(), dtype=np.int32).reshape(-1, 3)
    return Mesh(corners[kept].reshape(-1, 3), normals, faces, np.full(len(faces), BODY, dtype=np.uint8))


def _corner(cell: str, points: int) -> int:
    """Index of a vertex, written ``7``, ``7/1/2`` or, counted from the last one, ``-1``."""
    number = int(cell.partition("/")[0])
    index = number - 1 if number > 0 else points + number
    if not 0 <= index < points:
        raise ValueError(cell)
    return index


def _lines(path: str | Path) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); put the model there") from error
