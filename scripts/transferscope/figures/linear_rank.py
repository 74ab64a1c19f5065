"""Linear accuracy against finetuned accuracy on the same labels (Newell and Deng, CVPR 2020)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope.figures import curves
from transferscope.figures.style import (
    GREY,
    MARKER_SIZE,
    drawing,
    grid,
    marker,
    note,
    padded,
    shared_labels,
    small,
)
from transferscope.results.linear_rank import coefficients
from transferscope.results.resolved import Study


def linear_rank(pairs: pd.DataFrame, study: Study, plot: dict) -> Figure:
    """A panel a linear probe, task and number of labels: one point a model and dataset, datasets told apart.

    Each panel says what ``results.linear_rank.coefficients`` are on average over its datasets. The dashed
    line is where both accuracies are the same. Without any number of labels on which a model was both probed
    and finetuned the figure says so instead.

    Args:
        pairs: of ``results.linear_rank.pairs``.
        study: its datasets and protocols.
        plot: plot settings (``figures.style``).
    """
    with drawing(plot):
        if pairs.empty:
            return note("No model was probed and finetuned on the same numbers of labels.", plot)
        agreement = coefficients(pairs)
        names = {dataset: study.dataset_name(dataset) for dataset in pairs["dataset"].unique()}
        styles = curves.styles(list(names.values()))
        key = [(marker(**style), name) for name, style in styles.items()]
        by = ["linear", "finetuned", "labels"]
        panels = list(pairs.groupby(by, sort=False))
        several = pairs["linear"].nunique() > 1
        titles = []
        for (linear, _, labels), _ in panels:
            probe = f"{study.protocols.at[linear, 'title']}: " if several else ""
            titles.append(f"{probe}{curves.thousands(labels)} labels")
        figure, axes = grid(titles, plot, columns=4, aspect=1.0, key=key)
        for ax, (at, rows) in zip(axes, panels, strict=True):
            ends = padded(rows[["x", "y"]].to_numpy().ravel())
            ax.set_xlim(ends)
            ax.set_ylim(ends)
            ax.locator_params(nbins=5)
            ax.plot(ends, ends, color=GREY, linewidth=0.7, linestyle=(0, (3, 2)), zorder=1)
            for dataset, points in rows.groupby("dataset", sort=False):
                style = styles[names[dataset]]
                ax.plot(points["x"], points["y"], linestyle="", markersize=MARKER_SIZE, alpha=0.8, **style)
            _write(ax, agreement[(agreement[by] == list(at)).all(axis=1)], plot)
        shared_labels(figure, axes, "Linear probe (%)", "Finetuned (%)", plot)
    return figure


def _write(ax: Axes, agreement: pd.DataFrame, plot: dict) -> None:
    """The means over the datasets, in that corner off the dashed line which has fewer points."""
    lines = []
    if agreement["spearman"].notna().any():
        lines.append(
            "ρ {:.2f}, τ {:.2f}".format(*agreement[["spearman", "kendall"]].mean()).replace("-", "−")
        )
    if agreement["flipped"].notna().any():
        lines.append(f"{100 * agreement['flipped'].mean():.0f} % flipped")
    points = np.concatenate([line.get_xydata() for line in ax.get_lines()[1:]])
    above = np.count_nonzero(points[:, 1] > points[:, 0]) > len(points) / 2
    place = (
        {"x": 0.98, "y": 0.02, "ha": "right", "va": "bottom"}
        if above
        else {"x": 0.02, "y": 0.98, "ha": "left", "va": "top"}
    )
    ax.text(s="\n".join(lines), transform=ax.transAxes, fontsize=small(plot), **place)
