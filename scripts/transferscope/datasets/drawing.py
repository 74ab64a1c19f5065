"""Draw a random subset of samples, independent of the dataset's order and size."""

import hashlib

import numpy as np

from transferscope.datasets.base import Samples

RULE = "the smallest SHA-256 of SEED:ID among the test samples, or among all of a pooled dataset"


def draw(samples: Samples, count: int, seed: int) -> list[int]:
    """Indices of up to ``count`` samples chosen by ``RULE``, smallest hash first.

    A sample's rank depends only on its id and the seed: the choice is independent of the loader's order, and
    a larger draw contains every smaller one.
    """
    candidates = np.flatnonzero(np.isin(samples.splits, ("test", "all"))).tolist()
    return sorted(candidates, key=lambda index: _rank(samples.ids[index], seed))[:count]


def _rank(name: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()
