"""Saliency maps of every model on one picture of every dataset (Ericsson et al. 2021, figure 9)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from transferscope.errors import InputError
from transferscope.plotting.style import INK, TEXT_WIDTH, drawing, small, text_width, wrap
from transferscope.saliency.maps import Map, diffusion

COLOURS = "inferno"
WIDEST_CELL, GAP = 1.0, 0.03  # inches
PIXELS = 112  # of a cell in the figure's files


def saliency(maps: list[Map], models: pd.DataFrame, datasets: dict[str, str], plot: dict) -> Figure:
    """A row a model below the pictures, a column a dataset; the number is the attentive diffusion in percent.

    Each map is coloured from its own least to its own largest value, since a model's scale means nothing.

    Args:
        maps: one a model and dataset; where there is none, the cell stays empty.
        models: ``names.read_models``; its order is that of the rows.
        datasets: ``names.read_datasets``.
        plot: plot settings (``plotting.style``).

    Raises:
        InputError: there are no maps.
    """
    if not maps:
        raise InputError("no saliency maps were given; add the protocol saliency")
    shown = {(one.model, one.dataset): one for one in maps}
    columns = list(dict.fromkeys(one.dataset for one in maps))
    rows = [model for model in models.index if any(one.model == model for one in maps)]
    size, em = small(plot), plot["font_size"] / 72
    names = {model: wrap(models.loc[model, "name"], size, 80) for model in rows}
    left = (max(text_width(name, size) for name in names.values()) + 8) / 72
    cell = min(WIDEST_CELL, (TEXT_WIDTH - left) / len(columns))
    titles = [datasets.get(name, name) for name in columns]
    widest = max(text_width(title, size) for title in titles) / 72
    upright = widest > cell - GAP
    head = (widest if upright else em) + 0.6 * em
    width, height = left + len(columns) * cell, head + (1 + len(rows)) * cell
    with drawing(plot):
        figure = Figure(figsize=(width, height))
        for column, (dataset, title) in enumerate(zip(columns, titles, strict=True)):
            x = left + column * cell
            figure.text(
                (x + cell / 2) / width,
                1 - (head - 0.4 * em) / height,
                title,
                rotation=90 if upright else 0,
                ha="center",
                va="bottom",
                fontsize=size,
            )
            for row, model in enumerate([None, *rows]):
                y = height - head - (1 + row) * cell
                bounds = (x / width, y / height, (cell - GAP) / width, (cell - GAP) / height)
                ax = figure.add_axes(bounds)
                ax.axis("off")
                one = shown.get((model, dataset))
                if model is None:
                    ax.imshow(_shrunk(next(m.picture for m in maps if m.dataset == dataset)) / 255)
                elif one is not None:
                    _draw(ax, one.attention, plot)
        for row, model in enumerate(rows):
            y = height - head - (1.5 + row) * cell
            figure.text(
                (left - 4 / 72) / width, y / height, names[model], ha="right", va="center", fontsize=size
            )
    return figure


def _draw(ax: Axes, attention: np.ndarray, plot: dict) -> None:
    ax.imshow(_shrunk(attention), cmap=COLOURS, interpolation="none")
    ax.text(
        0.95,
        0.05,
        f"{100 * diffusion(attention):.0f}",
        transform=ax.transAxes,
        ha="right",
        va="bottom",
        color="white",
        fontsize=small(plot),
        path_effects=[withStroke(linewidth=1.2, foreground=INK)],
    )


def _shrunk(image: np.ndarray) -> np.ndarray:
    """Means of square blocks, at least ``PIXELS`` a side where there are as many: [S, S] or [S, S, 3]."""
    block = max(1, len(image) // PIXELS)
    side = len(image) // block
    cut = image[: side * block, : side * block]
    return cut.reshape(side, block, side, block, *image.shape[2:]).mean(axis=(1, 3))
