"""How the backbones that are pretrained here were trained."""

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from transferscope.errors import InputError
from transferscope.figures.style import GREY, INK, drawing, grid, padded, shared_labels, small
from transferscope.results.resolved import Study

COLOURS = colormaps["viridis"]
DASHES = ["-", (0, (4, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5))]
CURVES = {"loss": "loss", "accuracy": "pretext accuracy (%)", "linear": "read-out (%)"}


def pretraining(histories: list[dict], study: Study, plot: dict) -> Figure:
    """A row of panels a method: its loss, the accuracy of its own task and that of the read-out, by step.

    A line is a model, its colour the dataset that it is trained on and its dashes the network. An opponent's
    loss is a fainter line, the agreement of clusters with those of the pass before a dot a pass.

    Args:
        histories: of ``pretraining.training.fit``, each with its ``method``, ``dataset`` and ``arch``.
        study: the datasets.
        plot: plot settings (``figures.style``).

    Raises:
        InputError: there is no history.
    """
    if not histories:
        raise InputError(
            "no model of the study is pretrained here; give one a source that begins with pretrain:"
        )
    methods, datasets, networks = (
        list(dict.fromkeys(history[fact] for history in histories)) for fact in ("method", "dataset", "arch")
    )
    colours = dict(zip(datasets, COLOURS(np.linspace(0, 0.9, len(datasets))), strict=True))
    dashes = {network: DASHES[place % len(DASHES)] for place, network in enumerate(networks)}
    key = [(Line2D([], [], color=colours[name]), study.dataset_name(name)) for name in datasets]
    key += [(Line2D([], [], color=INK, linestyle=dashes[name]), name) for name in networks]
    titles = [f"{method}: {name}" for method in methods for name in CURVES.values()]
    with drawing(plot):
        figure, axes = grid(titles, plot, columns=len(CURVES), aspect=0.7, key=key, balanced=False)
        for place, ax in enumerate(axes):
            curve = list(CURVES)[place % len(CURVES)]
            ours = [one for one in histories if one["method"] == methods[place // len(CURVES)]]
            for history in ours:
                style = {"color": colours[history["dataset"]], "linestyle": dashes[history["arch"]]}
                _draw(ax, history, curve, style)
            _finish(ax, curve, plot)
        shared_labels(figure, axes, "Step", "", plot)
    return figure


def _draw(ax: Axes, history: dict, curve: str, style: dict) -> None:
    scale = 1 if curve == "loss" else 100
    values = scale * np.array(history[curve], dtype=float)
    steps = np.minimum(history["window"] * (np.arange(len(values)) + 1), history["steps"])
    ax.plot(steps, values, linewidth=0.9, **style)
    if curve == "loss" and "opponent" in history:
        ax.plot(steps, history["opponent"], linewidth=0.6, alpha=0.5, **style)
    if curve == "accuracy" and "nmi" in history.get("passes", {}):
        agreement = 100 * np.array(history["passes"]["nmi"], dtype=float)
        ax.plot(history["passes"]["step"], agreement, ".", markersize=2.5, color=style["color"])
    if history["val"].get(curve) is not None:
        ax.plot(
            steps[-1], 100 * history["val"][curve], "o", markersize=3, color=style["color"], clip_on=False
        )


def _finish(ax: Axes, curve: str, plot: dict) -> None:
    values = np.concatenate([line.get_ydata() for line in ax.lines])
    if np.isnan(values).all():
        ax.set_axis_off()
        place = {"transform": ax.transAxes, "ha": "center", "va": "center"}
        ax.text(0.5, 0.5, "none", color=GREY, fontsize=small(plot), **place)
        return
    ax.set_xlim(0, max(line.get_xdata()[-1] for line in ax.lines))
    ax.set_ylim(padded(values) if curve == "loss" else (0, 100))
    ax.xaxis.set_major_locator(MaxNLocator(3, integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(4))
