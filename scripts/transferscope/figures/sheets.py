"""Many small images side by side on a sheet, and sheets in titled panels."""

import math

import numpy as np
from matplotlib.figure import Figure

from transferscope.figures.style import COLUMN_WIDTH, TEXT_WIDTH, drawing, wrap

GAP = 0.08  # between images, of their side
MARGIN = 0.1  # inches


def sheet(images: np.ndarray, across: int, down: int | None = None) -> np.ndarray:
    """Images [n, S, S, 3] in 0..1 on white, row by row: [H, W, 3]; as many rows as they need, or ``down``."""
    side = images.shape[1]
    step = side + max(1, round(GAP * side))
    page = np.ones(((down or math.ceil(len(images) / across)) * step, across * step, 3))
    for place, image in enumerate(images):
        y, x = place // across * step, place % across * step
        page[y : y + side, x : x + side] = image
    return page


def sheets(shown: dict[str, np.ndarray], plot: dict, *, columns: int) -> Figure:
    """A panel a sheet, by its title, up to ``columns`` in a row.

    Args:
        shown: of ``sheet``.
        plot: plot settings (``figures.style``).
    """
    columns = min(columns, len(shown))
    rows, em = math.ceil(len(shown) / columns), plot["font_size"] / 72
    width = TEXT_WIDTH if columns > 1 else COLUMN_WIDTH
    panel = width / columns - 2 * MARGIN
    titles = [wrap(name, plot["font_size"], 72 * panel, "bold") for name in shown]
    head = (1.25 * max(title.count("\n") + 1 for title in titles) + 0.9) * em
    tall = panel * max(page.shape[0] / page.shape[1] for page in shown.values())
    height = rows * (head + tall + MARGIN)
    with drawing(plot):
        figure = Figure(figsize=(width, height))
        for place, (title, page) in enumerate(zip(titles, shown.values(), strict=True)):
            x = MARGIN + (place % columns) * (panel + 2 * MARGIN)
            y = height - (place // columns) * (head + tall + MARGIN) - head - tall
            ax = figure.add_axes((x / width, y / height, panel / width, tall / height))
            ax.set_title(title, loc="left", pad=3, weight="bold")
            ax.set(xticks=[], yticks=[], anchor="N")
            ax.spines[:].set_visible(False)
            ax.imshow(page, interpolation="nearest")
    return figure
