"""What each layer knows: a heat map, curves over depth, and both beside labels and no training at all.

After Asano, Rupprecht and Vedaldi (ICLR 2020); tables are those of ``results.layers.read_curves``, of one
protocol. Models that differ in their seed alone are one row or curve.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from transferscope.figures import curves
from transferscope.figures.matrices import matrices
from transferscope.figures.style import (
    INK,
    MARKER_SIZE,
    drawing,
    grid,
    note,
    padded,
    shared_labels,
)
from transferscope.results.layers import SUPERVISED, differences, references
from transferscope.results.resolved import RANDOM, Study
from transferscope.study.metrics import METRICS

DEPTH = "Depth of the layer, from the first to the last"
KINDS = {RANDOM: "gain over random", SUPERVISED: "against labels"}


def heat(table: pd.DataFrame, study: Study, plot: dict) -> Figure:
    """A matrix a dataset: models by layers; each has the colours of its own range."""
    panels = [(study.dataset_name(name), rows) for name, rows in table.groupby("dataset", sort=False)]
    names = study.models.loc[ordered(table, study), "name"]
    return matrices(panels, names, curves.accuracy_label(table), plot)


def by_depth(table: pd.DataFrame, study: Study, plot: dict) -> Figure:
    """A panel a dataset: the accuracy of each layer; random models are dashed."""
    styles = styles_of(table, study)
    panels = [(study.dataset_name(name), rows) for name, rows in table.groupby("dataset", sort=False)]
    with drawing(plot):
        figure, axes = grid(
            [title for title, _ in panels], plot, columns=4, aspect=0.9, key=key_of(table, styles, study)
        )
        for ax, (_, rows) in zip(axes, panels, strict=True):
            draw_curves(ax, rows, styles)
            _depth_axis(ax)
        shared_labels(figure, axes, DEPTH, curves.accuracy_label(table), plot)
    return figure


def gaps(table: pd.DataFrame, study: Study, plot: dict) -> Figure:
    """Two panels a dataset: each layer less that of a random network, and less that of one with labels.

    Both are of the same architecture (``results.layers.references``); a model without one is left out.
    """
    compared = {kind: differences(table, others) for kind, others in references(table, study).items()}
    panels = [
        (f"{study.dataset_name(dataset)}: {KINDS[kind]}", rows[rows["dataset"] == dataset])
        for dataset in table["dataset"].unique()
        for kind in KINDS
        if (rows := compared[kind])["dataset"].eq(dataset).any()
    ]
    with drawing(plot):
        if not panels:
            return note("No model here has a random or a supervised one of its architecture beside it.", plot)
        drawn = pd.concat([rows for _, rows in panels])
        styles = styles_of(table, study)
        styles = {model: styles[model] for model in drawn["model"].unique()}
        key = key_of(drawn, styles, study)
        figure, axes = grid([title for title, _ in panels], plot, columns=4, aspect=0.9, key=key)
        for ax, (_, rows) in zip(axes, panels, strict=True):
            ax.axhline(0, color=INK, linewidth=0.5, zorder=1)
            draw_curves(ax, rows, styles)
            _depth_axis(ax)
        metrics = drawn["metric"].map(lambda metric: METRICS[metric].label).unique()
        words = metrics[0] if len(metrics) == 1 else "Score (%)"
        shared_labels(figure, axes, DEPTH, f"Difference, {words}", plot)
    return figure


def draw_curves(ax: Axes, rows: pd.DataFrame, styles: dict[str, dict]) -> None:
    """A curve a model over ``depth``, in a band of one standard deviation over its runs to both sides."""
    for model, curve in rows.groupby("model", sort=False):
        style = styles[model]
        ax.plot(curve["depth"], curve["value"], markersize=MARKER_SIZE, **style)
        ends = (curve["value"] + sign * curve["deviation"] for sign in (-1, 1))
        ax.fill_between(curve["depth"], *ends, color=style["color"], alpha=0.2, linewidth=0)
    spread = rows["deviation"].fillna(0)
    ax.set_ylim(*padded(np.concatenate([rows["value"] - spread, rows["value"] + spread])))
    ax.locator_params(axis="y", nbins=5)


def _depth_axis(ax: Axes) -> None:
    ax.set_xlim(-0.06, 1.06)
    ax.set_xticks([0, 0.5, 1])


def ordered(table: pd.DataFrame, study: Study) -> list[str]:
    """The models of a table, in the order of theirs."""
    return list(study.models.index[study.models.index.isin(table["model"])])


def styles_of(table: pd.DataFrame, study: Study) -> dict[str, dict]:
    """A colour and a marker for each model of a table; random ones are dashed."""
    found = curves.styles(ordered(table, study))
    untrained = study.models["supervision"] == RANDOM
    return {
        name: style | ({"linestyle": (0, (4, 2))} if untrained[name] else {}) for name, style in found.items()
    }


def key_of(rows: pd.DataFrame, styles: dict[str, dict], study: Study) -> list[tuple[Line2D, str]]:
    """The key's entries of models, and that of their bands."""
    named = {study.models.at[model, "name"]: style for model, style in styles.items()}
    return [*curves.key(named, scratch=""), *band_key(rows)]


def band_key(rows: pd.DataFrame, what: str = "± standard deviation") -> list[tuple[Line2D, str]]:
    """The key's entry for bands, where there are several runs."""
    several = sorted(set(rows.loc[rows["runs"] > 1, "runs"]))
    words = f"{what} over {' or '.join(map(str, several))} seeds"
    return [(Line2D([], [], color=INK, alpha=0.2, linewidth=6), words)] if several else []
