"""How finetuning went on one dataset: the loss of each model's chosen setting, and every setting tried."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from transferscope.errors import InputError
from transferscope.figures.style import BLUE, GREY, INK, ORANGE, VERMILION, drawing, grid, marker, small
from transferscope.results.resolved import Study

AUGMENTATIONS = {
    "random_resized_crop": {"color": BLUE, "marker": "o"},
    "centre_crop": {"color": ORANGE, "marker": "s"},
}
CHOSEN = {"color": INK, "marker": "o", "markerfacecolor": "none"}
DIVERGED = {"color": GREY, "marker": "x"}


def finetuning(results: list[dict], study: Study, plot: dict) -> Figure:
    """Two panels a model: its training loss, and its score on val by learning rate for every setting tried.

    Settings of an early rung of successive halving are paler than those of the last. Weight decays are side
    by side at their learning rate, the strongest rightmost.

    Args:
        results: finetuning results of one dataset (``config/schemas/result.schema.yaml``), whose ``details``
            have the ``losses`` of the run, each a mean over ``window`` steps, its ``point`` and all
            ``trials``.
        study: its models.
        plot: plot settings (``figures.style``).

    Raises:
        InputError: a result has no trials, or they are of several datasets.
    """
    for result in results:
        if "trials" not in result.get("details", {}):
            raise InputError(
                f"the {result['protocol']} result of model {result['model']} on {result['dataset']} has no "
                "details.trials; give results of finetuning"
            )
    if len({result["dataset"] for result in results}) > 1:
        raise InputError("curves of finetuning are of one dataset; draw one figure each")
    key = [(marker(**style), name.replace("_", " ")) for name, style in AUGMENTATIONS.items()]
    key += [(marker(**CHOSEN), "chosen on val"), (marker(**DIVERGED), "diverged")]
    names = [study.models.loc[result["model"], "name"] for result in results]
    titles = [title for name in names for title in (f"{name}: loss", f"{name}: val (%)")]
    with drawing(plot):
        figure, axes = grid(titles, plot, columns=4, aspect=0.8, key=key, balanced=False)
        for result, losses, scores in zip(results, axes[::2], axes[1::2], strict=True):
            _losses(losses, result["details"], plot)
            _scores(scores, result["details"], plot)
    return figure


def _losses(ax: Axes, details: dict, plot: dict) -> None:
    steps = details["window"] * (np.arange(len(details["losses"])) + 1)
    ax.plot(steps, details["losses"], color=VERMILION, linewidth=1)
    ax.set_xlim(0, steps[-1])
    ax.set_ylim(bottom=0)
    ax.xaxis.set_major_locator(MaxNLocator(3, integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(4))
    _corner(ax, "steps", plot)


def _scores(ax: Axes, details: dict, plot: dict) -> None:
    trials = pd.json_normalize(details["trials"]).rename(columns=lambda name: name.removeprefix("point."))
    scores = 100 * trials["val_score"].astype(float)
    floor = scores.min() - 0.1 * max(scores.max() - scores.min(), 1)
    # A learning rate's settings stand in a narrow column, in the order of their weight decays.
    order = trials.groupby("learning_rate")["weight_decay"].rank("dense")
    x = np.log10(trials["learning_rate"]) + 0.3 * ((order - 0.5) / order.max() - 0.5)
    last = trials["steps"] == trials["steps"].max()
    for name, style in AUGMENTATIONS.items():
        for final, alpha in ((False, 0.3), (True, 0.9)):
            these = (trials["augmentation"] == name) & trials["diverged"].isna() & (last == final)
            ax.scatter(x[these], scores[these], s=10, linewidth=0, alpha=alpha, **style)
    lost = trials["diverged"].notna()
    ax.scatter(x[lost], np.full(lost.sum(), floor), s=12, linewidth=0.8, clip_on=False, **DIVERGED)
    chosen = last & (trials["number"] == details["point"]["number"])
    ax.scatter(x[chosen], scores[chosen], s=40, facecolor="none", edgecolor=INK, linewidth=0.9)
    rates = sorted(trials["learning_rate"].unique())
    ax.set_xticks(np.log10(rates), [f"{rate:g}" for rate in rates])
    ax.set_xlim(np.log10(rates[0]) - 0.4, np.log10(rates[-1]) + 0.4)
    room = 0.15 * (scores.max() - floor)  # for the axis's name below, for the ring above
    ax.set_ylim(floor - room, scores.max() + room)
    ax.yaxis.set_major_locator(MaxNLocator(4))
    _corner(ax, "learning rate", plot)


def _corner(ax: Axes, text: str, plot: dict) -> None:
    """Name the x axis inside the panel, where there is room for it in every row."""
    ax.text(
        0.98, 0.03, text, transform=ax.transAxes, ha="right", va="bottom", fontsize=small(plot), color=GREY
    )
