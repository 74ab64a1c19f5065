"""Ten families of parametric objects; a seed determines the proportions and parts of a model."""

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
    """Build the model of a family for a seed: on the plane z = 0, centred on the z axis, longest side 1 m.

    Raises:
        InputError: unknown family.
    """
    if family not in FAMILIES:
        raise InputError(f"there is no object family {family!r}; choose from {', '.join(FAMILIES)}")
    mesh = FAMILIES[family](np.random.default_rng(seed))
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    origin = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    return replace(mesh, vertices=(mesh.vertices - origin) / (high - low).max())
