"""What sets of crops look like (Asano, Rupprecht and Vedaldi, ICLR 2020, supplement)."""

import numpy as np
from matplotlib.figure import Figure

from transferscope.datasets.base import Unlabelled
from transferscope.figures.gallery import shrunk
from transferscope.figures.sheets import sheet, sheets

ACROSS, DOWN = 10, 5


def drawn(pictures: Unlabelled, seed: int = 0) -> np.ndarray:
    """Random pictures of a set, as many as a panel shows, if there are so many: uint8 [n, S, S, 3]."""
    chosen = np.random.default_rng(seed).permutation(len(pictures.ids))[: ACROSS * DOWN]
    return np.stack([np.asarray(pictures.read(index)) for index in chosen.tolist()])


def crops(sets: dict[str, np.ndarray], plot: dict) -> Figure:
    """A panel a set, by its printed name, with its crops uint8 [n, S, S, 3].

    Args:
        plot: plot settings (``figures.style``).
    """
    small = {name: np.stack([shrunk(image) / 255 for image in shown]) for name, shown in sets.items()}
    return sheets({name: sheet(shown, ACROSS, DOWN) for name, shown in small.items()}, plot, columns=2)
