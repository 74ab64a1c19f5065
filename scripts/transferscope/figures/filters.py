"""The filters of the first layer (Asano, Rupprecht and Vedaldi, ICLR 2020)."""

import math

import numpy as np
from matplotlib.figure import Figure

from transferscope.figures.sheets import sheet, sheets
from transferscope.figures.style import drawing, note

COLUMNS = 4


def filters(found: dict[str, np.ndarray], plot: dict) -> Figure:
    """A panel a model, by its printed name, with its filters float [n, k, k, 3], each scaled to 0..1.

    Args:
        plot: plot settings (``figures.style``).
    """
    if not found:
        with drawing(plot):
            return note("No network here has a first layer of colour filters of 5 pixels or more.", plot)
    shown = {name: sheet(scaled(weights), across(len(weights))) for name, weights in found.items()}
    return sheets(shown, plot, columns=COLUMNS)


def scaled(weights: np.ndarray) -> np.ndarray:
    """Filters [n, k, k, 3], each from its least number at 0 to its largest at 1; a constant one is 0."""
    low, high = (end(axis=(1, 2, 3), keepdims=True) for end in (weights.min, weights.max))
    return (weights - low) / np.where(high > low, high - low, 1)


def across(count: int) -> int:
    """How many filters stand in a row, of rows as long as each other where that is no strip: of 96, 12."""
    down = max(rows for rows in range(1, math.isqrt(count) + 1) if count % rows == 0)
    return count // down if count // down <= 2 * down else math.ceil(math.sqrt(count))
