"""Ten families of objects. A model of a family is a seed, which draws its proportions and its parts."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from transferscope.datasets.rendered.furnishings import bench, chair, lamp, mug, table
from transferscope.datasets.rendered.outdoors import airplane, car, house, rocket, tree
from transferscope.datasets.rendered.shapes import Mesh
from transferscope.errors import InputError

FAMILIES: dict[str, Callable[[np.random.Generator], Mesh]] = {
    "airplane": airplane,
    "bench": bench,
    "car": car,
    "chair": chair,
    "house": house,
    "lamp": lamp,
    "mug": mug,
    "rocket": rocket,
    "table": table,
    "tree": tree,
}


def build(family: str, seed: int | np.random.SeedSequence) -> Mesh:
    """The model of a family that a seed draws: standing on z = 0, centred on the z axis, longest side 1 m.

    Raises:
        InputError: there is no such family.
    """
    if family not in FAMILIES:
        raise InputError(f"there is no object family {family!r}; choose from {', '.join(FAMILIES)}")
    mesh = FAMILIES[family](np.random.default_rng(seed))
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    origin = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    return replace(mesh, vertices=(mesh.vertices - origin) / (high - low).max())
