"""The three idealised outcomes of pretraining (Newell and Deng, CVPR 2020), from made-up accuracies."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from transferscope.figures import curves
from transferscope.figures.style import drawing, grid, shared_labels
from transferscope.results.utility import Curve, utility_curve

PRETRAINED = "Pretrained"


def outcomes(table: pd.DataFrame, plot: dict) -> Figure:
    """A column an outcome: accuracies of scratch and of a pretrained network above, the utility below.

    Args:
        table: ``outcome labels scratch pretrained``, accuracies in percent.
        plot: plot settings (``figures.style``).
    """
    groups = list(table.groupby("outcome", sort=False))
    style = curves.styles([PRETRAINED])[PRETRAINED]
    with drawing(plot):
        key = [*curves.key({PRETRAINED: style}), *curves.utility_key(_rows(groups[0][1]))]
        titles = [*(name for name, _ in groups), *["" for _ in groups]]
        figure, axes = grid(titles, plot, columns=len(groups), aspect=0.72, key=key, balanced=False)
        for above, below, (_, group) in zip(axes, axes[len(groups) :], groups, strict=False):
            for ax in (above, below):
                curves.label_axis(ax, group["labels"], plot)
            above.set_ylim(0, 100)
            above.plot(group["labels"], group["scratch"], markersize=4, **curves.SCRATCH)
            above.plot(group["labels"], group["pretrained"], markersize=4, **style)
            rows = _rows(group)
            curves.utility_axis(below, rows)
            curves.draw_utility(below, rows, style)
        shared_labels(figure, axes[: len(groups)], "", "Accuracy (%)", plot)
        shared_labels(figure, axes[len(groups) :], "Labels", "Utility", plot)
    return figure


def _rows(group: pd.DataFrame) -> pd.DataFrame:
    """The curve of utility as ``efficiency.utility_table`` has it."""
    labels = group["labels"].to_numpy()
    scratch = Curve(labels, group["scratch"].to_numpy())
    points = utility_curve(scratch, labels, group[["pretrained"]].to_numpy().T, "linear")
    return pd.DataFrame(
        {
            "labels": [point.n for point in points],
            "place": [point.place for point in points],
            "utility": [point.of_mean.value for point in points],
            "censored": [point.of_mean.censored for point in points],
            "bound": [point.of_mean.bound for point in points],
            "limit": [point.limit for point in points],
            "std": np.nan,
        }
    )
