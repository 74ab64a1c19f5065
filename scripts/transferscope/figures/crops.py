"""What sets of crops look like (Asano, Rupprecht and Vedaldi, ICLR 2020, supplement)."""

import math

import numpy as np
from matplotlib.figure import Figure

from transferscope.datasets.base import Unlabelled
from transferscope.figures.gallery import shrunk
from transferscope.figures.style import COLUMN_WIDTH, TEXT_WIDTH, drawing, wrap

ACROSS, DOWN = 10, 5
GAP = 0.08  # between crops, of their side
MARGIN = 0.1  # inches


def drawn(pictures: Unlabelled, seed: int = 0) -> np.ndarray:
    """Random pictures of a set, as many as a panel shows, if there are so many: uint8 [n, S, S, 3]."""
    chosen = np.random.default_rng(seed).permutation(len(pictures.ids))[: ACROSS * DOWN]
    return np.stack([np.asarray(pictures.read(index)) for index in chosen.tolist()])


def crops(sets: dict[str, np.ndarray], plot: dict) -> Figure:
    """A panel a set, by its printed name, with its crops uint8 [n, S, S, 3].

    Args:
        plot: plot settings (``figures.style``).
    """
    columns = min(2, len(sets))
    rows, em = math.ceil(len(sets) / columns), plot["font_size"] / 72
    width = TEXT_WIDTH if columns > 1 else COLUMN_WIDTH
    panel = width / columns - 2 * MARGIN
    titles = [wrap(name, plot["font_size"], 72 * panel, "bold") for name in sets]
    head = (1.25 * max(title.count("\n") + 1 for title in titles) + 0.9) * em
    tall = panel * DOWN / ACROSS
    height = rows * (head + tall + MARGIN)
    with drawing(plot):
        figure = Figure(figsize=(width, height))
        for place, (title, shown) in enumerate(zip(titles, sets.values(), strict=True)):
            x = MARGIN + (place % columns) * (panel + 2 * MARGIN)
            y = height - (place // columns) * (head + tall + MARGIN) - head - tall
            ax = figure.add_axes((x / width, y / height, panel / width, tall / height))
            ax.set_title(title, loc="left", pad=3, weight="bold")
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            ax.imshow(_sheet(shown), interpolation="nearest")
    return figure


def _sheet(images: np.ndarray) -> np.ndarray:
    """Images side by side on white, row by row: [H, W, 3] in 0..1."""
    small = [shrunk(image) / 255 for image in images]
    side = len(small[0])
    step = side + max(1, round(GAP * side))
    sheet = np.ones((DOWN * step, ACROSS * step, 3))
    for place, image in enumerate(small):
        y, x = place // ACROSS * step, place % ACROSS * step
        sheet[y : y + side, x : x + side] = image
    return sheet
