"""What each layer knows: a heat map, curves over depth, and both beside labels and no training at all.

After Asano, Rupprecht and Vedaldi (ICLR 2020); tables are those of ``results.layers.read_curves``, of one
protocol. Models that differ in their seed alone are one row or curve.
"""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from transferscope.figures import curves
from transferscope.figures.style import (
    INK,
    MARKER_SIZE,
    TEXT_WIDTH,
    drawing,
    grid,
    note,
    padded,
    shared_labels,
    small,
    text_width,
    wrap,
)
from transferscope.results.layers import SUPERVISED, differences, references
from transferscope.results.resolved import RANDOM, Study
from transferscope.study.metrics import METRICS

COLOURS = "Blues"
WIDEST_CELL = 0.5  # inches
TALL = 0.19
DEPTH = "Depth of the layer, from the first to the last"
KINDS = {RANDOM: "gain over random", SUPERVISED: "against labels"}


def heat(table: pd.DataFrame, study: Study, plot: dict) -> Figure:
    """A matrix a dataset: models by layers; each has the colours of its own range."""
    em, size = plot["font_size"] / 72, small(plot)
    datasets, models = list(table["dataset"].unique()), _ordered(table, study)
    names, count = study.models.loc[models, "name"], table["layer"].max()
    label = max(text_width(name, size) for name in names) / 72 + 0.9 * em
    cell = min(WIDEST_CELL, max(text_width("99.9", size) / 72 + 0.4 * em, (TEXT_WIDTH - label) / count / 4))
    gap, head, foot = 0.8 * em, 2.6 * em, 3.2 * em
    across = min(len(datasets), max(1, int((TEXT_WIDTH - label + gap) / (cell * count + gap))))
    down = math.ceil(len(datasets) / across)
    width, height = cell * count, TALL * len(models)
    page = label + across * (width + gap), down * (head + height) + foot
    with drawing(plot):
        figure = Figure(figsize=page)
        for index, dataset in enumerate(datasets):
            x = label + (index % across) * (width + gap)
            y = page[1] - (index // across + 1) * (head + height)
            ax = figure.add_axes((x / page[0], y / page[1], width / page[0], height / page[1]))
            title = wrap(study.dataset_name(dataset), size, 72 * width, "bold")
            ax.set_title(title, loc="left", pad=3, weight="bold", fontsize=size)
            rows = table[table["dataset"] == dataset]
            _cells(ax, rows.pivot(index="model", columns="layer", values="value"), models, count, size)
            ax.set_yticks(range(len(models)), names if index % across == 0 else [""] * len(models))
            last = index + across >= len(datasets)
            ax.set_xticks(range(count), range(1, count + 1) if last else [""] * count)
        middle = (label + page[0] - gap) / 2 / page[0]
        words = f"Layer; {curves.accuracy_label(table)}"
        figure.text(middle, 0.4 * em / page[1], words, ha="center", va="bottom")
    return figure


def _cells(ax: Axes, values: pd.DataFrame, models: list[str], count: int, size: float) -> None:
    values = values.reindex(models, columns=range(1, count + 1)).to_numpy()
    low, high = np.nanmin(values), np.nanmax(values)
    ax.imshow(values, cmap=COLOURS, aspect="auto", interpolation="none", vmin=low, vmax=max(high, low + 1e-9))
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = "white" if value > low + 0.6 * (high - low) else INK
            ax.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=size, color=colour)


def by_depth(table: pd.DataFrame, study: Study, plot: dict) -> Figure:
    """A panel a dataset: the accuracy of each layer; random models are dashed."""
    styles = _styles(table, study)
    panels = [(study.dataset_name(name), rows) for name, rows in table.groupby("dataset", sort=False)]
    with drawing(plot):
        figure, axes = grid(
            [title for title, _ in panels], plot, columns=4, aspect=0.9, key=_key(table, styles, study)
        )
        for ax, (_, rows) in zip(axes, panels, strict=True):
            _curves(ax, rows, styles)
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
        styles = _styles(table, study)
        styles = {model: styles[model] for model in drawn["model"].unique()}
        key = _key(drawn, styles, study)
        figure, axes = grid([title for title, _ in panels], plot, columns=4, aspect=0.9, key=key)
        for ax, (_, rows) in zip(axes, panels, strict=True):
            ax.axhline(0, color=INK, linewidth=0.5, zorder=1)
            _curves(ax, rows, styles)
        metrics = drawn["metric"].map(lambda metric: METRICS[metric].label).unique()
        words = metrics[0] if len(metrics) == 1 else "Score (%)"
        shared_labels(figure, axes, DEPTH, f"Difference, {words}", plot)
    return figure


def _curves(ax: Axes, rows: pd.DataFrame, styles: dict[str, dict]) -> None:
    """A curve a model, in a band of one standard deviation over its runs to both sides."""
    for model, curve in rows.groupby("model", sort=False):
        style = styles[model]
        ax.plot(curve["depth"], curve["value"], markersize=MARKER_SIZE, **style)
        ends = (curve["value"] + sign * curve["deviation"] for sign in (-1, 1))
        ax.fill_between(curve["depth"], *ends, color=style["color"], alpha=0.2, linewidth=0)
    spread = rows["deviation"].fillna(0)
    ax.set_ylim(*padded(np.concatenate([rows["value"] - spread, rows["value"] + spread])))
    ax.set_xlim(-0.06, 1.06)
    ax.set_xticks([0, 0.5, 1])
    ax.locator_params(axis="y", nbins=5)


def _ordered(table: pd.DataFrame, study: Study) -> list[str]:
    """The models of a table, in the order of theirs."""
    return list(study.models.index[study.models.index.isin(table["model"])])


def _styles(table: pd.DataFrame, study: Study) -> dict[str, dict]:
    found = curves.styles(_ordered(table, study))
    untrained = study.models["supervision"] == RANDOM
    return {
        name: style | ({"linestyle": (0, (4, 2))} if untrained[name] else {}) for name, style in found.items()
    }


def _key(rows: pd.DataFrame, styles: dict[str, dict], study: Study) -> list[tuple[Line2D, str]]:
    named = {study.models.at[model, "name"]: style for model, style in styles.items()}
    several = sorted(set(rows.loc[rows["runs"] > 1, "runs"]))
    words = f"± standard deviation over {' or '.join(map(str, several))} seeds"
    band = [(Line2D([], [], color=INK, alpha=0.2, linewidth=6), words)] if several else []
    return [*curves.key(named, scratch=""), *band]
