"""What the features keep, kind of model by kind of model (Ericsson et al. 2021, figure 4)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope.errors import InputError
from transferscope.figures.style import INK, KINDS, MARKER_SIZE, PALE, drawing, grid, marker, note, padded
from transferscope.results.parts import kept
from transferscope.results.resolved import FEATURES, Study
from transferscope.study.metrics import METRICS

FEWEST_FOR_BOX = 5  # models; the quartiles of fewer would be drawn from single ones


def properties(results: pd.DataFrame, study: Study, plot: dict) -> Figure:
    """A panel a metric: every model's mean over the pictures, side by side by its kind.

    A kind of at least five models has a box from the first to the third quartile with a line at the median,
    and whiskers to the farthest model within one and a half of its height.

    Args:
        results: the results by setting.
        study: its models.
        plot: plot settings (``figures.style``).

    Raises:
        InputError: no setting says what the features keep.
    """
    if FEATURES not in set(results["family"]):
        raise InputError(
            "no setting of the results says what the features keep; "
            f"add one of the protocols {', '.join(study.protocols_of(FEATURES))}"
        )
    part = kept(results)
    if part is None:
        with drawing(plot):
            return note("What the features keep is a mean over the datasets; no model has them all.", plot)
    kind = part.rows["model"].map(study.models["supervision"])
    kinds = [name for name in KINDS if name in set(kind)]
    key = [(marker(**KINDS[name]), name.capitalize()) for name in kinds]
    with drawing(plot):
        figure, axes = grid([column.label for column in part.columns], plot, columns=4, aspect=1.0, key=key)
        for ax, column in zip(axes, part.columns, strict=True):
            of_metric = part.rows[part.across] == column.key
            for place, name in enumerate(kinds):
                _draw(ax, place, part.rows.loc[of_metric & (kind == name), "value"].to_numpy(), KINDS[name])
            ax.set_xlim(-0.6, len(kinds) - 0.4)
            ax.set_xticks([])
            ax.set_ylim(*padded(part.rows.loc[of_metric, "value"]))
            if METRICS[column.metric].higher_is_better is False:
                ax.set_xlabel("less is better")
    return figure


def _draw(ax: Axes, place: int, values: np.ndarray, style: dict) -> None:
    if len(values) >= FEWEST_FOR_BOX:
        line = {"color": INK, "linewidth": 0.8}
        ax.boxplot(
            values,
            positions=[place],
            widths=0.5,
            showfliers=False,
            patch_artist=True,
            boxprops={"facecolor": PALE, "edgecolor": INK, "linewidth": 0.8},
            medianprops=line | {"linewidth": 1.4},
            whiskerprops=line,
            capprops=line,
        )
    # Beside each other in the order of their values, so that equal ones do not hide each other.
    across = np.linspace(-0.16, 0.16, len(values)) if len(values) > 1 else np.zeros(len(values))
    order = np.argsort(np.random.default_rng(0).random(len(values)))
    ax.plot(place + across[order], values, linestyle="", markersize=MARKER_SIZE, alpha=0.75, **style)
