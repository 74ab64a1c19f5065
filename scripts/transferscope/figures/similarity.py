"""How alike models are on a dataset: a clustered heatmap of linear CKA."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import dendrogram, linkage
from scipy.spatial.distance import squareform

from transferscope.errors import InputError
from transferscope.figures.style import GREY, INK, KINDS, TEXT_WIDTH, drawing, small, text_width
from transferscope.results.resolved import Study

COLOURS = "Blues"
WIDEST_CELL, TREE = 0.34, 0.5  # inches


def similarity(table: pd.DataFrame, study: Study, plot: dict) -> Figure:
    """Debiased CKA of every pair of models, in the order of average-linkage clustering, with its tree.

    A model's name has the colour of its kind. Values are written where the cells are wide enough.

    Args:
        table: rows ``model``, ``other``, ``debiased_cka`` of one dataset, every pair once.
        study: its models.
        plot: plot settings (``figures.style``).

    Raises:
        InputError: there are fewer than two models.
    """
    if table["model"].nunique() < 2:
        raise InputError("similarity is of two models at least; add one to `models`")
    alike = table.pivot(index="model", columns="other", values="debiased_cka")
    distances = squareform((1 - alike.to_numpy()).clip(min=0), checks=False)
    tree = linkage(distances, "average", optimal_ordering=True)
    order = alike.index[dendrogram(tree, no_plot=True)["leaves"]]
    alike = alike.loc[order, order]

    em, size = plot["font_size"] / 72, small(plot)
    models = study.models.loc[order]
    names = models["name"]
    label = max(text_width(name, size) for name in names) / 72 + 0.9 * em
    cell = min(WIDEST_CELL, (TEXT_WIDTH - label - TREE) / len(order))
    side = cell * len(order)
    width, height = label + side + TREE, label + side + 0.3 * em
    with drawing(plot):
        figure = Figure(figsize=(width, height))
        ax = figure.add_axes((label / width, label / height, side / width, side / height))
        ax.imshow(alike, cmap=COLOURS, vmin=0, vmax=1, interpolation="none")
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
        ax.set_xticks(range(len(order)), names, rotation=90)
        ax.set_yticks(range(len(order)), names)
        for axis in (ax.xaxis, ax.yaxis):
            for text, kind in zip(axis.get_ticklabels(), models["supervision"], strict=True):
                text.set_color(KINDS[kind]["color"])
        if text_width("0.00", size) < 72 * cell:
            _write(ax, alike.to_numpy(), size)
        beside = figure.add_axes(((label + side) / width, label / height, TREE / width, side / height))
        _draw_tree(beside, tree)
    return figure


def _write(ax: Axes, values: np.ndarray, size: float) -> None:
    for (row, column), value in np.ndenumerate(values):
        colour = "white" if value > 0.6 else INK
        text = f"{value:.2f}".replace("-", "−")
        ax.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)


def _draw_tree(ax: Axes, tree: np.ndarray) -> None:
    """The clustering's tree, its leaves level with the heatmap's rows."""
    drawn = dendrogram(tree, no_plot=True)
    for x, y in zip(drawn["dcoord"], drawn["icoord"], strict=True):
        ax.plot(x, y, color=GREY, linewidth=0.8)
    # SciPy puts leaf i at 5 + 10 i.
    ax.set_ylim(10 * len(drawn["leaves"]), 0)
    ax.set_xlim(left=0)
    ax.axis("off")
