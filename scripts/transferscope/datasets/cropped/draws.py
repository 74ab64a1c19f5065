"""What is drawn for a set of crops: each purpose has random numbers of its own."""

import numpy as np

PICTURES, NOISE, SHARES, CROP = range(1, 5)
"""Which pictures are taken, one of noise, which crops are of which picture, and a crop."""


def generator(seed: int, purpose: int, index: int = 0) -> np.random.Generator:
    """A generator that no other seed, purpose or index shares."""
    return np.random.default_rng((seed, purpose, index))
