"""Reliability diagrams: how often a probe is right, against how sure it is (Guo et al. 2017, figure 1)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope.errors import InputError
from transferscope.figures.style import (
    BLUE,
    GREY,
    INK,
    VERMILION,
    drawing,
    grid,
    marker,
    shared_labels,
    small,
)
from transferscope.results.resolved import Study

SERIES = {
    "before": {"color": VERMILION, "marker": "D", "label": "before temperature scaling"},
    "after": {"color": BLUE, "marker": "o", "label": "after it (temperature of val)"},
}


def reliability(results: list[dict], study: Study, plot: dict) -> Figure:
    """A panel a dataset and protocol: accuracy against confidence in 15 bins, before and after scaling.

    A marker's area grows with the share of the test samples in its bin; on the diagonal confidence is right.
    The calibration errors are those of the bins drawn.

    Args:
        results: calibration results of one model (``config/schemas/result.schema.yaml``), whose
            ``details.reliability`` has ``before`` and ``after``, each with lists ``count``, ``confidence``
            and ``accuracy`` (shares) of equal length.
        study: its names of datasets, and whose predictions each protocol judges.
        plot: plot settings (``figures.style``).

    Raises:
        InputError: a result has no reliability, or is of another model.
    """
    for result in results:
        if "reliability" not in result.get("details", {}):
            raise InputError(
                f"the {result['protocol']} result of model {result['model']} on {result['dataset']} has no "
                "details.reliability; give results of the protocol calibration"
            )
        if result["model"] != results[0]["model"]:
            raise InputError(
                f"reliability diagrams are of one model, not of {results[0]['model']} and {result['model']}; "
                "draw one figure each"
            )
    key = [
        (marker(color=style["color"], marker=style["marker"]), style["label"]) for style in SERIES.values()
    ]
    heads = study.protocols["head"]
    titles = [f"{study.dataset_name(result['dataset'])}, {heads[result['protocol']]}" for result in results]
    with drawing(plot):
        figure, axes = grid(titles, plot, columns=5, aspect=1, key=key)
        for ax, result in zip(axes, results, strict=True):
            _panel(ax, result["details"]["reliability"], plot)
        shared_labels(figure, axes, "Confidence (%)", "Accuracy (%)", plot)
    return figure


def _panel(ax: Axes, bins: dict, plot: dict) -> None:
    ax.plot([0, 100], [0, 100], color=GREY, linewidth=0.7, linestyle=(0, (4, 2)), zorder=1)
    errors = []
    for name, style in SERIES.items():
        count, confidence, accuracy = (
            np.array(bins[name][key]) for key in ("count", "confidence", "accuracy")
        )
        filled = count > 0
        share = count[filled] / count.sum()
        x, y = 100 * confidence[filled], 100 * accuracy[filled]
        ax.plot(x, y, color=style["color"], linewidth=0.8, alpha=0.6, zorder=2)
        ax.scatter(
            x,
            y,
            s=3 + 60 * share,
            color=style["color"],
            marker=style["marker"],
            linewidth=0,
            zorder=3,
            clip_on=False,
        )
        errors.append(100 * (share * np.abs(accuracy[filled] - confidence[filled])).sum())
    ax.set_xlim(0, 100)
    ax.set_ylim(0, 100)
    ax.set_xticks([0, 50, 100])
    ax.set_yticks([0, 50, 100])
    ax.text(
        0.97,
        0.04,
        "ECE (%)\n{:.1f} → {:.1f}".format(*errors),
        transform=ax.transAxes,
        ha="right",
        va="bottom",
        fontsize=small(plot),
        color=INK,
        bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1},
    )
