"""Pictures in a grid: a row a model below the originals, a column a dataset."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from transferscope.figures.style import INK, TEXT_WIDTH, drawing, small, text_width, wrap
from transferscope.results.resolved import Study

WIDEST_CELL, GAP = 1.0, 0.03  # inches
PIXELS = 112  # of a cell in the figure's files


def gallery(
    originals: dict[str, np.ndarray],
    cells: dict[tuple[str, str], Callable[[Axes], None]],
    study: Study,
    plot: dict,
) -> Figure:
    """The figure; a cell that nothing draws stays empty.

    Args:
        originals: a picture uint8 [S, S, 3] a dataset, in the order of the columns.
        cells: what draws the cell of a model and a dataset.
        study: its models, in the order of the rows, and its names of datasets.
        plot: plot settings (``figures.style``).
    """
    columns = list(originals)
    rows = [model for model in study.models.index if any((model, dataset) in cells for dataset in columns)]
    size, em = small(plot), plot["font_size"] / 72
    names = {model: wrap(study.models.loc[model, "name"], size, 80) for model in rows}
    left = (max(text_width(name, size) for name in [*names.values(), "Original"]) + 8) / 72
    cell = min(WIDEST_CELL, (TEXT_WIDTH - left) / len(columns))
    titles = [wrap(study.dataset_name(name), size, 72 * (cell - GAP)) for name in columns]
    upright = max(text_width(title, size) for title in titles) > 72 * (cell - GAP)
    if upright:
        titles = [study.dataset_name(name) for name in columns]
        head = max(text_width(title, size) for title in titles) / 72 + 0.6 * em
    else:
        head = (1.2 * max(title.count("\n") + 1 for title in titles) + 0.4) * em
    width, height = left + len(columns) * cell, head + (1 + len(rows)) * cell

    def draw_original(picture: np.ndarray) -> Callable[[Axes], None]:
        return lambda ax: ax.imshow(shrunk(picture) / 255)

    drawn = {(None, dataset): draw_original(picture) for dataset, picture in originals.items()} | cells
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
                ax = figure.add_axes((x / width, y / height, (cell - GAP) / width, (cell - GAP) / height))
                ax.axis("off")
                if (model, dataset) in drawn:
                    drawn[model, dataset](ax)
        for row, name in enumerate(["Original", *names.values()]):
            y = height - head - (0.5 + row) * cell
            figure.text((left - 4 / 72) / width, y / height, name, ha="right", va="center", fontsize=size)
    return figure


def number(ax: Axes, text: str, plot: dict) -> None:
    """A few characters in a cell's lower right corner, legible on any picture."""
    ax.text(
        0.95,
        0.05,
        text,
        transform=ax.transAxes,
        ha="right",
        va="bottom",
        color="white",
        fontsize=small(plot),
        path_effects=[withStroke(linewidth=1.2, foreground=INK)],
    )


def shrunk(image: np.ndarray) -> np.ndarray:
    """Means of square blocks, at least ``PIXELS`` a side where there are as many: [S, S] or [S, S, 3]."""
    block = max(1, len(image) // PIXELS)
    side = len(image) // block
    cut = image[: side * block, : side * block]
    return cut.reshape(side, block, side, block, *image.shape[2:]).mean(axis=(1, 3))
