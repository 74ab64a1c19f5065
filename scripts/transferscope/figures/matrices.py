"""Heat maps of rows by layers, a matrix a dataset, with the number in every cell."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope.figures.style import INK, TEXT_WIDTH, drawing, small, text_width, wrap

COLOURS = "Blues"
WIDEST_CELL = 0.5  # inches
TALL = 0.19


def matrices(
    panels: list[tuple[str, pd.DataFrame]], names: pd.Series, words: str, plot: dict, *, spread: bool = False
) -> Figure:
    """Titled matrices with common rows, each in the colours of its own range.

    Args:
        panels: of each its title and its cells: the row ``model``, the column ``layer``, ``value`` and
            ``deviation``.
        names: of the rows by ``model``, in their order.
        words: what the values are.
        plot: plot settings (``figures.style``).
        spread: whether cells say the deviation too, where it is known.
    """
    em, size = plot["font_size"] / 72, small(plot)
    count = max(rows["layer"].max() for _, rows in panels)
    label = max(text_width(name, size) for name in names) / 72 + 0.9 * em
    widest = text_width("99.9 ± 9.9" if spread else "99.9", size) / 72 + 0.4 * em
    cell = min(max(widest, WIDEST_CELL), max(widest, (TEXT_WIDTH - label) / count / 4))
    gap, foot = 0.8 * em, 3.2 * em
    across = min(len(panels), max(1, int((TEXT_WIDTH - label + gap) / (cell * count + gap))))
    down = math.ceil(len(panels) / across)
    width, height = cell * count, TALL * len(names)
    titles = [wrap(title, size, 72 * width, "bold") for title, _ in panels]
    head = (1.2 * max(title.count("\n") for title in titles) + 2.6) * em
    page = label + across * (width + gap), down * (head + height) + foot
    with drawing(plot):
        figure = Figure(figsize=page)
        for index, (title, (_, rows)) in enumerate(zip(titles, panels, strict=True)):
            x = label + (index % across) * (width + gap)
            y = page[1] - (index // across + 1) * (head + height)
            ax = figure.add_axes((x / page[0], y / page[1], width / page[0], height / page[1]))
            ax.set_title(title, loc="left", pad=3, weight="bold", fontsize=size)
            values, deviations = (
                rows.pivot(index="model", columns="layer", values=field)
                .reindex(names.index, columns=range(1, count + 1))
                .to_numpy()
                for field in ("value", "deviation")
            )
            _cells(ax, values, deviations if spread else np.full_like(deviations, np.nan), size)
            ax.set_yticks(range(len(names)), names if index % across == 0 else [""] * len(names))
            last = index + across >= len(panels)
            ax.set_xticks(range(count), range(1, count + 1) if last else [""] * count)
        middle = (label + page[0] - gap) / 2 / page[0]
        figure.text(middle, 0.4 * em / page[1], f"Layer; {words}", ha="center", va="bottom")
    return figure


def _cells(ax: Axes, values: np.ndarray, deviations: np.ndarray, size: float) -> None:
    low, high = np.nanmin(values), np.nanmax(values)
    ax.imshow(values, cmap=COLOURS, aspect="auto", interpolation="none", vmin=low, vmax=max(high, low + 1e-9))
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = "white" if value > low + 0.6 * (high - low) else INK
            deviation = deviations[row, column]
            text = f"{value:.1f} ± {deviation:.1f}" if np.isfinite(deviation) else f"{value:.1f}"
            ax.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)
