"""How alike the layers of all models are on a dataset: a heat map a measure."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope.figures.style import INK, KINDS, TEXT_WIDTH, drawing, small, text_width
from transferscope.results.resolved import Study

COLOURS = "Blues"
MEASURES = {"debiased_cka": "CKA, debiased", "cca": "Mean CCA", "svcca": "SVCCA", "pwcca": "PWCCA"}
WIDEST_CELL = 0.3  # inches
NARROWEST_CELL = 0.05


def layer_similarity(table: pd.DataFrame, study: Study, plot: dict) -> Figure:
    """Every layer with every other, model by model, from the first layer to the last.

    Args:
        table: rows ``model layer other other_layer`` and MEASURES of one dataset, every ordered pair once.
        study: its models.
        plot: plot settings (``figures.style``).
    """
    em, size = plot["font_size"] / 72, small(plot)
    layers = list(dict.fromkeys(zip(table["model"], table["layer"], strict=True)))
    starts = [place for place, (model, layer) in enumerate(layers) if layer == table["layer"].min()]
    models = study.models.loc[[layers[place][0] for place in starts]]
    label = max(text_width(name, size) for name in models["name"]) / 72 + 0.9 * em
    gap, head = 0.8 * em, 1.9 * em
    cell = max(NARROWEST_CELL, min(WIDEST_CELL, ((TEXT_WIDTH - label) / 2 - gap) / len(layers)))
    side = cell * len(layers)
    across = 2 if label + 2 * (side + gap) <= TEXT_WIDTH + gap else 1
    down = math.ceil(len(MEASURES) / across)
    page = label + across * (side + gap), label + down * (side + head)
    with drawing(plot):
        figure = Figure(figsize=page)
        for index, (measure, title) in enumerate(MEASURES.items()):
            x = label + (index % across) * (side + gap)
            y = page[1] - (index // across + 1) * (side + head)
            ax = figure.add_axes((x / page[0], y / page[1], side / page[0], side / page[1]))
            ax.set_title(title, loc="left", pad=3, weight="bold", fontsize=size)
            ax.imshow(_square(table, measure), cmap=COLOURS, vmin=0, vmax=1, interpolation="none")
            first, last = index % across == 0, index + across >= len(MEASURES)
            _name(ax, models, starts, len(layers), down=first, across=last)
    return figure


def _square(table: pd.DataFrame, measure: str) -> np.ndarray:
    count = math.isqrt(len(table))
    return table[measure].to_numpy().reshape(count, count)


def _name(ax: Axes, models: pd.DataFrame, starts: list[int], count: int, *, down: bool, across: bool) -> None:
    """A model's name in the middle of its layers, in the colour of its kind; a line between two models."""
    ends = [*starts[1:], count]
    middles = [(start + end - 1) / 2 for start, end in zip(starts, ends, strict=True)]
    names = models["name"].tolist()
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.set_yticks(middles, names if down else [""] * len(names))
    ax.set_xticks(middles, names if across else [""] * len(names), rotation=90)
    for axis in (ax.xaxis, ax.yaxis):
        for text, kind in zip(axis.get_ticklabels(), models["supervision"], strict=True):
            text.set_color(KINDS[kind]["color"])
    for start in starts[1:]:
        ax.axhline(start - 0.5, color=INK, linewidth=0.5)
        ax.axvline(start - 0.5, color=INK, linewidth=0.5)
