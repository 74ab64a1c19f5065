"""A few samples of a dataset, drawn so that neither the order nor the number of the others matters."""

import hashlib

import numpy as np

from transferscope.datasets.base import Samples

RULE = "the smallest SHA-256 of SEED:ID among the test samples, or among all of a pooled dataset"


def draw(samples: Samples, count: int, seed: int) -> list[int]:
    """The indices of ``count`` samples (of all there are, where these are fewer) by ``RULE``, smallest first.

    A sample's place in the ranking follows from its id and the seed alone: however a loader orders its
    samples, the same ones are drawn, and a larger draw holds every smaller one.
    """
    candidates = np.flatnonzero(np.isin(samples.splits, ("test", "all"))).tolist()
    return sorted(candidates, key=lambda index: _rank(samples.ids[index], seed))[:count]


def _rank(name: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()
